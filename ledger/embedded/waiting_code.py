"""What an application was seen to disclose of its code, until it is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...pipeline.payloads.document import DocumentType
from ..code.booking import Booked, Bookings, names_in
from ..code.sections import ranges
from ..code.tables import NameKey, Place, Shown
from .handover import MOST_BORDERS, MOST_NAMES, HandedName

if TYPE_CHECKING:
    from ..code.reading import Pieces

_MOST_BYTES = 4 << 20  # of pieces


class WaitingCode:
    """Booked as pieces, which takes microseconds. Booked and collected by one thread at a time; so
    is it taken, but meanwhile another one may book.
    """

    def __init__(self) -> None:
        self._booked = Bookings(_MOST_BYTES)
        self._collected: Booked = {}
        self._names: list[HandedName] = []  # the next ones last

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._names or self._collected or self._booked)

    @property
    def left(self) -> bool:
        """Whether `take` left anything of what was collected."""
        return bool(self._names or self._collected)

    def book(
        self,
        origin: tuple[str, str, str],
        pieces: Pieces,
        counts: Mapping[DocumentType, int],
        now: float,
    ) -> int:
        """Count what so many documents of each type disclosed: to whom, of which service and
        environment. Returns how many pieces there was perhaps no room for.
        """
        place = Place(0, *origin)  # the day is the collector's to say
        return 0 if self._booked.add(place, pieces, counts, now) else len(pieces)

    def collect(self) -> None:
        """Have `take` give what is booked by now, unless something of before is left."""
        if not self.left:
            self._collected = self._booked.take()

    def take(self) -> list[HandedName]:
        """As many names as one hand-over takes; of what comes meanwhile the same name again."""
        if not self._names:
            self._names = [_handed(*each) for each in names_in(self._collected)]
            self._collected = {}
        taken: list[HandedName] = []
        borders = 0
        while self._names and len(taken) < MOST_NAMES:
            borders += len(self._names[-1].lines)
            if borders > MOST_BORDERS:
                break
            taken.append(self._names.pop())
        return taken


def _handed(place: Place, key: NameKey, shown: Shown) -> HandedName:
    return HandedName(
        place.destination, place.service, place.environment, *key,
        shown.documents, shown.first, shown.last, ranges(shown.lines),
    )  # fmt: skip
