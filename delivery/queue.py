"""What waits for a destination: in memory, bounded, in the order of arrival."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..pipeline.payloads.document import DocumentType, Payload
from .options import SendingQueue


@dataclass(slots=True, eq=False)
class Parcel:
    """A payload on its way to one destination."""

    payload: Payload
    counts: Mapping[DocumentType, int]  # its documents, as they were accepted
    size: int
    enqueued: float  # on the destination's clock
    number: int = 0
    due: float = 0.0  # no attempt before this
    in_flight: bool = False  # a consumer has it
    attempts: int = 0
    first_attempt: float = 0.0

    @property
    def documents(self) -> int:
        """How many documents were accepted with it."""
        return sum(self.counts.values())


@dataclass(slots=True)
class MemoryQueue:
    """A bounded queue that a consumer takes from when something is due.

    A parcel stays in the queue, and in its bounds, while it is in flight: `remove` ends it.
    Nothing here waits or raises; who calls decides what to count.
    """

    options: SendingQueue
    documents: int = 0
    bytes: int = 0
    # By number, so that the first one is the oldest.
    _parcels: dict[int, Parcel] = field(default_factory=dict)
    # (due, number); entries whose parcel is gone, in flight or due at another time are stale.
    _schedule: list[tuple[float, int]] = field(default_factory=list)
    _last: int = 0

    def __len__(self) -> int:
        return len(self._parcels)

    def __iter__(self) -> Iterator[Parcel]:
        return iter(self._parcels.values())

    def put(self, parcel: Parcel) -> list[Parcel]:
        """Add a parcel. Returns those that had to go for it: maybe itself, maybe older ones."""
        evicted: list[Parcel] = []
        if self.options.drop == "oldest" and self._fits(parcel, empty=True):
            # Those in flight cannot go: their bytes are held by an attempt.
            while not self._fits(parcel) and (oldest := self._oldest_waiting()):
                self.remove(oldest)
                evicted.append(oldest)
        if not self._fits(parcel):
            return [*evicted, parcel]
        self._last += 1
        parcel.number = self._last
        parcel.due = parcel.enqueued
        self._parcels[parcel.number] = parcel
        self.documents += parcel.documents
        self.bytes += parcel.size
        heapq.heappush(self._schedule, (parcel.due, parcel.number))
        return evicted

    def take(self, now: float) -> Parcel | None:
        """The next parcel that is due, now in flight; None if none is."""
        if (due := self.next_due()) is None or due > now:
            return None
        _, number = heapq.heappop(self._schedule)
        parcel = self._parcels[number]
        parcel.in_flight = True
        return parcel

    def next_due(self) -> float | None:
        """When the next waiting parcel is due; None if none waits."""
        while self._schedule:
            due, number = self._schedule[0]
            parcel = self._parcels.get(number)
            if parcel is not None and not parcel.in_flight and parcel.due == due:
                return due
            heapq.heappop(self._schedule)
        return None

    def again(self, parcel: Parcel, due: float) -> None:
        """Put a parcel that was in flight back, not to be taken before `due`."""
        parcel.in_flight = False
        parcel.due = due
        heapq.heappush(self._schedule, (due, parcel.number))

    def hurry(self) -> None:
        """Make every waiting parcel due: their last chance."""
        for parcel in self:
            if not parcel.in_flight:
                self.again(parcel, parcel.enqueued)

    def remove(self, parcel: Parcel) -> None:
        """End a parcel's stay, whatever became of it."""
        del self._parcels[parcel.number]
        self.documents -= parcel.documents
        self.bytes -= parcel.size

    def oldest(self) -> Parcel | None:
        """The one that came first, in flight or not. Safe from other threads."""
        while True:
            try:
                return next(iter(self), None)
            except RuntimeError:  # it changed while this thread looked at it
                continue

    def expire(self, now: float) -> list[Parcel]:
        """Remove and return the waiting parcels that are older than allowed."""
        expired: list[Parcel] = []
        while (end := self.next_expiry()) is not None and end <= now:
            oldest = self._oldest_waiting()
            assert oldest is not None
            self.remove(oldest)
            expired.append(oldest)
        return expired

    def next_expiry(self) -> float | None:
        """When the oldest waiting parcel will be too old; None if never."""
        oldest = self._oldest_waiting()
        if oldest is None or not self.options.max_age:
            return None
        return oldest.enqueued + self.options.max_age

    def _oldest_waiting(self) -> Parcel | None:
        # At most one parcel a consumer is in flight, so this looks at few.
        return next((parcel for parcel in self if not parcel.in_flight), None)

    def _fits(self, parcel: Parcel, *, empty: bool = False) -> bool:
        documents, size = (0, 0) if empty else (self.documents, self.bytes)
        most = self.options.max_documents
        return size + parcel.size <= self.options.queue_size and (
            not most or documents + parcel.documents <= most
        )
