"""What must be written and cannot be yet: of each record only how it is now.

A disk may be full for a night, and a destination down as long: that must not fill the memory with
how a record was meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, islice, takewhile

from ..store import Booking, BookKey, Record
from .operations import Operation, Settle, Update

Unwritten = Update | Settle


class Kept:
    """Operations in their order. Belongs to the writing thread."""

    def __init__(self) -> None:
        self._operations: dict[object, Unwritten] = {}  # by itself, updates by their record
        # What no disk takes, by its record: nothing waits for it.
        self._unfit: dict[int, Unwritten] = {}
        self._unbooked: list[Booking] = []  # of such a record that was written since

    def __len__(self) -> int:
        return len(self._operations) + len(self._unfit)

    def __iter__(self) -> Iterator[Unwritten]:
        yield from self._unfit.values()
        yield from self._operations.values()

    @property
    def waits(self) -> bool:
        """Whether something of it may yet be written: then nothing else is before that."""
        return bool(self._operations)

    def add(self, operations: Iterable[Operation]) -> None:
        """Keep what must be done of them: an update instead of those before it."""
        for each in operations:
            if isinstance(each, Update):
                before = self._operations.pop(each.number, None)
                if isinstance(before, Update):
                    each.take_in(before)
                self._operations[each.number] = each
            elif isinstance(each, Settle):
                self._operations[each] = each

    def first(self, size: int) -> list[Unwritten]:
        """The first ones that together write no more than so many bytes, or the first one."""
        sizes = accumulate(each.size for each in self._operations.values())
        count = sum(1 for _ in takewhile(lambda total: total <= size, sizes))
        return list(islice(self._operations.values(), max(count, 1)))

    def set_aside(self, operation: Unwritten) -> None:
        """Keep what cannot be written at all: how things are, and what is booked, it says still."""
        if (before := self._unfit.pop(operation.number, None)) is not None:
            operation.bookings = [*before.bookings, *operation.bookings]
        self._unfit[operation.number] = operation

    def wrote(self, operations: Iterable[Operation]) -> None:
        """These were written: how their records are, the disk says from now on."""
        if self._unfit:
            for each in operations:
                if isinstance(each, Update | Settle) and each.number in self._unfit:
                    self._unbooked += self._unfit.pop(each.number).bookings

    def ended(self, destination: str) -> list[int]:
        """The numbers of records of a destination that have ended, though no disk takes that."""
        settled = [each.record for each in self._unfit.values() if isinstance(each, Settle)]
        return [record.number for record in settled if record.destination == destination]

    def remove_first(self, count: int) -> None:
        """They were done."""
        for key in list(islice(self._operations, count)):
            del self._operations[key]

    def booked(self, destination: str) -> Counter[BookKey]:
        """What it books for a destination."""
        found: Counter[BookKey] = Counter()
        for line in chain(self._unbooked, *(each.bookings for each in self)):
            if line.destination == destination:
                found[line.kind, line.type, line.reason] += line.amount
        return found


def still_waiting(records: Iterable[Record], unwritten: Iterable[Unwritten]) -> list[Record]:
    """Those of the records on the disk that have not ended, as they are by now."""
    left = {record.number: record for record in records}
    for each in unwritten:
        if isinstance(each, Settle):
            left.pop(each.record.number, None)
        elif each.number in left:
            each.apply(left[each.number])
    return list(left.values())
