"""What was delivered of pieces, until it is written: the same piece of many documents once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from ...pipeline.payloads.document import DocumentType
from .sections import mask, unpack
from .tables import NameKey, Place, Shown

if TYPE_CHECKING:
    from .reading import Pieces

_MOST_BYTES = 32 << 20  # of pieces, while they cannot be written
_AT_ONCE = 4096  # names, each of which may have 8 KB of lines

Booked: TypeAlias = "dict[Place, dict[bytes, Shown]]"


class Bookings:
    """For one thread at a time."""

    def __init__(self, most: int | None = None) -> None:
        """Of at most so many bytes."""
        self._most = _MOST_BYTES if most is None else most
        self._booked: Booked = {}
        self._size = 0

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._booked)

    def add(
        self, place: Place, pieces: Pieces, counts: Mapping[DocumentType, int], now: float
    ) -> bool:
        """Count pieces of so many documents of each type. False: there was no room for all."""
        booked = self._booked.get(place)
        if booked is None:
            booked = self._booked[place] = {}
        for (type_, piece), documents in pieces.items():
            # Which of several documents were sent nobody says.
            sent = min(documents, counts.get(type_, 0))
            if not sent:
                continue
            shown = booked.get(piece)
            if shown is None:
                if self._size + len(piece) > self._most:
                    return False
                booked[piece] = Shown(sent, now, now)
                self._size += len(piece)
            else:
                shown.documents += sent
                shown.last = max(shown.last, now)
        return True

    def take(self) -> Booked:
        """All of it; there is nothing left."""
        taken, self._booked, self._size = self._booked, {}, 0
        return taken

    def give_back(self, taken: Booked) -> None:
        """It could not be written."""
        for place, pieces in taken.items():
            booked = self._booked.setdefault(place, {})
            for piece, shown in pieces.items():
                if piece in booked:
                    booked[piece].add(shown.documents, shown.first, shown.last)
                else:
                    booked[piece] = shown
                    self._size += len(piece)


def names_in(booked: Booked) -> Iterator[tuple[Place, NameKey, Shown]]:
    """What the tables are told: each name of each place once, as long as these are not too many."""
    for place, pieces in booked.items():
        total: dict[NameKey, Shown] = {}
        for piece, shown in pieces.items():
            if len(total) >= _AT_ONCE:
                yield from ((place, *each) for each in total.items())
                total = {}
            for each in unpack(piece):
                known = total.setdefault(NameKey(each.kind, each.name, each.detail), Shown())
                lines = mask(each.lines) if each.lines else 0
                known.add(shown.documents, shown.first, shown.last, lines)
        yield from ((place, *each) for each in total.items())
