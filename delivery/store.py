"""Where payloads wait until every destination has them: the contract, and the one in memory.

A payload is stored once for all destinations that get the same bytes, with a delivery record for
each of them. What a record's documents became is booked in the transaction that makes it true:
for every destination and document type, accepted = delivered + queued + dropped, at any moment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import DocumentType, Payload
from .resting import AtRest

# Documents by type.
Counts = Mapping[DocumentType, int]

# Whether what was not delivered was sent all the same: no; perhaps, because an attempt ended
# unclear; yes, and the destination's answer was that it does not take it.
Sent = Literal["no", "perhaps", "refused"]

BookingKind = Literal["accepted", "delivered", "dropped"]
BookKey = tuple[BookingKind, DocumentType, DropReason | None]
Books = Mapping[BookKey, int]


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of a destination's account."""

    destination: str
    kind: BookingKind
    type: DocumentType
    amount: int
    reason: DropReason | None = None  # of what was dropped


@dataclass(frozen=True, slots=True)
class Shipment:
    """One sanitised payload for several destinations that get the same bytes."""

    payload: Payload  # nobody changes it any more
    policy: str  # the version of the policy that it passed
    deliveries: Mapping[str, Counts]  # what each destination takes of it, by the destination's id
    body: bytes | None = None  # the payload encoded, where somebody has done that
    origin: int = 0  # of the stored payload that it is a copy of; 0: it is of a new request
    sent: Sent = "no"  # of the record whose place it takes


@dataclass(slots=True, eq=False)
class Record:
    """One delivery: a payload that one destination has not got yet.

    Times are seconds since the epoch (`Clock.now`).
    """

    number: int  # of this record: ascending in the order of arrival
    payload: int  # of the stored payload
    destination: str
    policy: str  # the version of the policy that it passed
    counts: Counts  # its documents; those of other types in the payload do not go there
    size: int  # bytes of the payload at rest, be that a disk or memory
    enqueued: float
    due: float  # no attempt before this
    first_attempt: float = 0.0
    attempts: int = 0
    # An attempt began and its outcome was never written: what it carried may have arrived.
    # Kept only for documents that must not go twice.
    begun: bool = False
    sent: Sent = "no"
    in_flight: bool = False  # a consumer has it; never stored
    # The version of the policy that it passed in its last attempt; never stored: the payload in
    # the store has not passed it.
    passed: str = ""
    manifest: bytes = b""  # of its payload, once an attempt has read it; never stored
    exposed: bool = False  # that an attempt may have sent it was told; never stored

    def may_have_arrived(self) -> None:
        """An attempt ended, and nobody knows how."""
        if self.sent == "no":
            self.sent = "perhaps"

    @property
    def documents(self) -> int:
        """How many documents it has."""
        return sum(self.counts.values())


class StoreFailed(Exception):  # noqa: N818  the state of a disk, not a fault of ours
    """The store could not do it, and why in a word; never a foreign text.

    `full`, `io` and `damaged` are the disk's; what is `unfit` no disk would take.
    """

    def __init__(self, kind: Literal["full", "io", "damaged", "unfit"]) -> None:
        super().__init__(kind)
        self.kind = kind


class Store(Protocol):
    """Keeps payloads, delivery records and books. All methods belong to one event loop."""

    durable: bool  # whether what it took outlives the process

    async def open(self) -> None:
        """Get ready. Raises OSError when its folder cannot be used."""

    async def close(self) -> None:
        """Write what is still to be written and let go. Idempotent, safe without open()."""

    async def put(
        self, shipments: Sequence[Shipment], bookings: Sequence[Booking], now: float
    ) -> list[Record]:
        """Store payloads with a record for each of their deliveries, and write the bookings.

        One transaction: durable when it returns. Raises StoreFailed; then nothing was stored
        and nothing booked.
        """

    async def load(self, record: Record) -> Payload:
        """The payload of a record, for the caller to change. Raises StoreFailed."""

    def update(self, record: Record, bookings: Sequence[Booking] = ()) -> Awaitable[None]:
        """Write a record's counts, times and marks as they are now, with what that books.

        Taken over at once, whoever waits or not; durable when awaited. Never fails: what cannot
        be written now is written later.
        """

    def settle(self, record: Record, bookings: Sequence[Booking]) -> Awaitable[None]:
        """End a record, with what became of its documents. The payload goes with its last one.

        As `update`: taken over at once, never fails.
        """

    async def replace(
        self, record: Record, shipments: Sequence[Shipment], bookings: Sequence[Booking]
    ) -> list[Record]:
        """Store payloads in the place of a record's: as old as it is, and of the same request.

        As `put`; the record ends in that transaction, with these bookings.
        """

    async def waiting(self, destination: str) -> list[Record]:
        """The records of a destination that were not settled, the oldest first."""

    async def books(self, destination: str) -> Books:
        """A destination's account since the store was made."""

    async def remember(self, values: Mapping[str, str]) -> None:
        """Keep short texts by name, beside the payloads. Durable when it returns."""

    async def recall(self, name: str) -> str | None:
        """What was last remembered by a name."""


class MemoryStore:
    """Keeps everything in memory, up to the end of the process. Never fails, never waits."""

    durable = False

    def __init__(self) -> None:
        self._payloads: dict[int, AtRest] = {}
        self._records: dict[int, dict[int, Record]] = {}  # by payload: those that still need it
        self._books: defaultdict[str, Counter[BookKey]] = defaultdict(Counter)
        self._remembered: dict[str, str] = {}
        self._last = 0

    async def open(self) -> None:
        """See `Store.open`."""

    async def close(self) -> None:
        """See `Store.close`."""

    async def put(
        self, shipments: Sequence[Shipment], bookings: Sequence[Booking], now: float
    ) -> list[Record]:
        """See `Store.put`."""
        self._book(bookings)
        return [record for shipment in shipments for record in self._put(shipment, now)]

    def _put(self, shipment: Shipment, now: float) -> Iterable[Record]:
        key, payload = self._last + 1, AtRest.of(shipment.payload, shipment.body)
        records: dict[int, Record] = {}
        for destination, counts in shipment.deliveries.items():
            self._last += 1
            records[self._last] = Record(
                self._last, key, destination, shipment.policy, counts, payload.memory,
                enqueued=now, due=now, sent=shipment.sent,
            )  # fmt: skip
        if records:
            self._payloads[key] = payload
            self._records[key] = records
        return records.values()

    async def load(self, record: Record) -> Payload:
        """See `Store.load`."""
        return await self._payloads[record.payload].read()

    def update(self, record: Record, bookings: Sequence[Booking] = ()) -> Awaitable[None]:
        """See `Store.update`."""
        self._book(bookings)
        return _DONE

    def settle(self, record: Record, bookings: Sequence[Booking]) -> Awaitable[None]:
        """See `Store.settle`."""
        self._book(bookings)
        left = self._records[record.payload]
        del left[record.number]
        if not left:
            del self._records[record.payload]
            del self._payloads[record.payload]
        return _DONE

    async def replace(
        self, record: Record, shipments: Sequence[Shipment], bookings: Sequence[Booking]
    ) -> list[Record]:
        """See `Store.replace`."""
        self.settle(record, bookings)
        return await self.put(shipments, (), record.enqueued)

    async def waiting(self, destination: str) -> list[Record]:
        """See `Store.waiting`."""
        records = (record for each in self._records.values() for record in each.values())
        # Those that had them may still hold on to them.
        return [
            replace(record, in_flight=False)
            for record in records
            if record.destination == destination
        ]

    async def books(self, destination: str) -> Books:
        """See `Store.books`."""
        return Counter(self._books[destination])

    async def remember(self, values: Mapping[str, str]) -> None:
        """See `Store.remember`."""
        self._remembered.update(values)

    async def recall(self, name: str) -> str | None:
        """See `Store.recall`."""
        return self._remembered.get(name)

    def _book(self, bookings: Sequence[Booking]) -> None:
        for line in bookings:
            self._books[line.destination][line.kind, line.type, line.reason] += line.amount


class _Done:
    """Awaited, it is there."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


_DONE = _Done()
