"""What must be written and cannot be yet: of each record only how it is now.

A disk may be full for a night, and a destination down as long: that must not fill the memory with
how a record was meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice, takewhile

from .operations import Operation, Settle, Update


class Kept:
    """Operations in their order. Belongs to the writing thread."""

    def __init__(self) -> None:
        self._operations: dict[object, Operation] = {}  # by itself, updates by their record

    def __len__(self) -> int:
        return len(self._operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

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

    def first(self, size: int) -> list[Operation]:
        """The first ones that together write no more than so many bytes, or the first one."""
        sizes = accumulate(each.size for each in self)
        count = sum(1 for _ in takewhile(lambda total: total <= size, sizes))
        return list(islice(self, max(count, 1)))

    def remove_first(self, count: int) -> None:
        """They were done."""
        for key in list(islice(self._operations, count)):
            del self._operations[key]
