"""What was delivered of sections, until it is written: the same section of many documents once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from .sections import mask, unpack
from .tables import NameKey, Place, Shown

_MOST_BYTES = 32 << 20  # of sections, while they cannot be written

Booked: TypeAlias = "dict[tuple[Place, bytes], Shown]"


class Bookings:
    """For one thread at a time."""

    def __init__(self) -> None:
        self._booked: Booked = {}
        self._size = 0

    def add(self, place: Place, mentions: bytes, documents: int, now: float) -> bool:
        """Count a section. False: there is no room."""
        shown = self._booked.get((place, mentions))
        if shown is None:
            if self._size + len(mentions) > _MOST_BYTES:
                return False
            shown = self._booked[place, mentions] = Shown()
            self._size += len(mentions)
        shown.add(documents, now, now)
        return True

    def take(self) -> Booked:
        """All of it; there is nothing left."""
        taken, self._booked, self._size = self._booked, {}, 0
        return taken

    def give_back(self, taken: Booked) -> None:
        """It could not be written."""
        for key, shown in taken.items():
            before = self._booked.get(key)
            if before is None:
                self._booked[key] = shown
                self._size += len(key[1])
            else:
                before.add(shown.documents, shown.first, shown.last)


def names_in(booked: Mapping[tuple[Place, bytes], Shown]) -> Iterator[tuple[Place, NameKey, Shown]]:
    """What the tables are told: each name of each place once."""
    total: dict[tuple[Place, NameKey], Shown] = {}
    for (place, mentions), shown in booked.items():
        try:
            found = unpack(mentions)
        except msgspec.MsgspecError:
            continue  # of a manifest that another version wrote
        for each in found:
            key = place, NameKey(each.kind, each.name, each.detail)
            known = total.setdefault(key, Shown())
            known.add(shown.documents, shown.first, shown.last, mask(each.lines))
    for (place, name), each_shown in total.items():
        yield place, name, each_shown
