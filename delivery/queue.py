"""What waits for a destination: an index of its records, bounded, in the order of arrival."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from .options import SendingQueue
from .store import Counts, Record


@dataclass(slots=True)
class Queue:
    """A bounded queue that a consumer takes from when something is due.

    A record stays in the queue, and in its bounds, while it is in flight: `remove` ends it.
    Nothing here waits or raises; who calls decides what to count.
    """

    options: SendingQueue
    capacity: int  # bytes
    documents: int = 0
    bytes: int = 0
    # By number, so that the first one is the oldest.
    _records: dict[int, Record] = field(default_factory=dict)
    # (due, number); entries whose record is gone, in flight or due at another time are stale.
    _schedule: list[tuple[float, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record: Record) -> bool:
        return self._records.get(record.number) is record

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def put(self, record: Record) -> list[Record]:
        """Add a record. Returns those that had to go for it: maybe itself, maybe older ones."""
        evicted: list[Record] = []
        if self.options.drop == "oldest" and self._fits(record, empty=True):
            # Those in flight cannot go: their bytes are held by an attempt.
            while not self._fits(record) and (oldest := self._oldest_waiting()):
                self.remove(oldest)
                evicted.append(oldest)
        if not self._fits(record):
            return [*evicted, record]
        self.restore(record)
        return evicted

    def restore(self, record: Record) -> None:
        """Add a record that was there before this queue, whatever the bounds say."""
        self._records[record.number] = record
        self.documents += record.documents
        self.bytes += record.size
        heapq.heappush(self._schedule, (record.due, record.number))

    def claim(self, number: int) -> Record | None:
        """A record by its number, now in flight; None if it is gone or was in flight before."""
        record = self._records.get(number)
        if record is None or record.in_flight:
            return None
        record.in_flight = True
        return record

    def has(self, number: int) -> bool:
        """Whether a record waits or is in flight."""
        return number in self._records

    def take(self, now: float) -> Record | None:
        """The next record that is due, now in flight; None if none is."""
        if (due := self.next_due()) is None or due > now:
            return None
        _, number = heapq.heappop(self._schedule)
        record = self._records[number]
        record.in_flight = True
        return record

    def next_due(self) -> float | None:
        """When the next waiting record is due; None if none waits."""
        while self._schedule:
            due, number = self._schedule[0]
            record = self._records.get(number)
            if record is not None and not record.in_flight and record.due == due:
                return due
            heapq.heappop(self._schedule)
        return None

    def again(self, record: Record, due: float) -> None:
        """Put a record that was in flight back, not to be taken before `due`."""
        record.in_flight = False
        record.due = due
        heapq.heappush(self._schedule, (due, record.number))

    def park(self, record: Record) -> None:
        """Put a record that was in flight back, not to be taken any more."""
        record.in_flight = False

    def hurry(self) -> None:
        """Make every waiting record due: their last chance."""
        for record in self:
            if not record.in_flight:
                self.again(record, record.enqueued)

    def narrow(self, record: Record, counts: Counts) -> None:
        """Leave a record only these of its documents."""
        self.documents -= record.documents - sum(counts.values())
        record.counts = counts

    def remove(self, record: Record) -> None:
        """End a record's stay, whatever became of it."""
        del self._records[record.number]
        self.documents -= record.documents
        self.bytes -= record.size

    def oldest(self) -> Record | None:
        """The one that came first, in flight or not. Safe from other threads."""
        while True:
            try:
                return next(iter(self), None)
            except RuntimeError:  # it changed while this thread looked at it
                continue

    def expire(self, now: float, since: float) -> list[Record]:
        """Remove and return the waiting records that are older than allowed; see next_expiry."""
        expired: list[Record] = []
        while (end := self.next_expiry(since)) is not None and end <= now:
            oldest = self._oldest_waiting()
            assert oldest is not None
            self.remove(oldest)
            expired.append(oldest)
        return expired

    def next_expiry(self, since: float) -> float | None:
        """When the oldest waiting record will be too old; None if never.

        Time before `since` does not count: then nobody was allowed to deliver it.
        """
        oldest = self._oldest_waiting()
        if oldest is None or not self.options.max_age:
            return None
        return max(oldest.enqueued, since) + self.options.max_age

    def _oldest_waiting(self) -> Record | None:
        # At most one record a consumer is in flight, so this looks at few.
        return next((record for record in self if not record.in_flight), None)

    def _fits(self, record: Record, *, empty: bool = False) -> bool:
        documents, size = (0, 0) if empty else (self.documents, self.bytes)
        most = self.options.max_documents
        return size + record.size <= self.capacity and (
            not most or documents + record.documents <= most
        )
