"""Gives a destination what another one has not got, or had: one transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import account
from .clock import Clock
from .destination import Destination
from .disk.operations import Ending, Given
from .disk.store import DiskStore
from .offering import Admission, Offer
from .store import Booking, Record, Shipment, StoreFailed


@dataclass(frozen=True, slots=True)
class Copy:
    """What a target is offered of a stored payload, sanitised once more."""

    origin: int  # of the stored one
    offers: Sequence[Offer]
    marks: Sequence[Given]
    record: int | None = None  # that waits at the source and is to end there
    documents: int = 0  # of that record
    damaged: bool = False  # it could not be read

    @property
    def offered(self) -> int:
        """How many documents it has."""
        return sum(each.payload.count_alive for each in self.offers if each.payload is not None)

    @property
    def size(self) -> int:
        """Bytes, about."""
        return sum(len(each.body or b"") for each in self.offers)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of it, in documents."""

    taken: int  # that the target has in its queue
    moved: int  # that wait at the source no more
    late: Mapping[int, int]  # records that are just being sent there, or were, by number


async def hand_over(
    store: DiskStore,
    source: Destination | None,
    target: Destination,
    copies: Sequence[Copy],
    clock: Clock,
    remember: Callable[[HandedOver], Mapping[str, str]],
) -> HandedOver:
    """Store copies for a target and queue them, and end the records at the source that moved.

    A record ends only when the target takes every document of it; one that is just being sent does
    not end here. `remember` is told what will have come of it, and says what the store is to keep
    under which names in the same transaction. Raises StoreFailed; then nothing has changed. Not to
    be cancelled, and no reload meanwhile.
    """
    transfer = _Transfer(source, target)
    for copy in copies:
        transfer.add(copy)
    try:
        records = await store.put(
            transfer.shipments, transfer.bookings, clock.now(),
            remember=remember(transfer.handed), given=transfer.marks, ended=transfer.ended,
        )  # fmt: skip
    except StoreFailed:
        transfer.undo()
        raise
    transfer.complete(records)
    return transfer.handed


class _Transfer:
    """What one transaction stores and ends. `undo` or `complete` follows."""

    def __init__(self, source: Destination | None, target: Destination) -> None:
        self.shipments: list[Shipment] = []
        self.marks: list[Given] = []
        self.ended: list[Ending] = []
        self._source = source
        self._target = target
        self._admissions: list[Admission] = []
        self._late: dict[int, int] = {}

    def add(self, copy: Copy) -> None:
        """Have a copy stored, and claim the record that it moves if the target takes all of it."""
        target = self._target
        admissions = [Admission.of(each, target) for each in copy.offers]
        taken = 0
        for offer, counts in ((each.offer, each.counts) for each in admissions):
            if offer.payload is not None and counts:
                taken += sum(counts.values())
                delivery = {target.id: counts}
                self.shipments.append(
                    Shipment(offer.payload, offer.policy, delivery, offer.body, copy.origin)
                )
        self._admissions += admissions
        self.marks += copy.marks
        if taken == copy.documents and copy.record is not None:
            self._claim(copy.record, copy.documents)

    def _claim(self, number: int, documents: int) -> None:
        if (source := self._source) is None:
            return
        if (record := source.claim(number)) is None:
            self._late[number] = documents
        else:
            self.ended.append((record, account.dropped(source.id, record.counts, "moved")))

    @property
    def bookings(self) -> list[Booking]:
        """What the target books."""
        return [line for admission in self._admissions for line in admission.bookings]

    @property
    def handed(self) -> HandedOver:
        """What comes of it once it is stored."""
        return HandedOver(
            sum(
                sum(counts.values())
                for each in self.shipments
                for counts in each.deliveries.values()
            ),
            sum(record.documents for record, _ in self.ended),
            self._late,
        )

    def undo(self) -> None:
        """It could not be stored."""
        for record, _ in self.ended:
            assert self._source is not None
            self._source.release(record)

    def complete(self, records: Sequence[Record]) -> None:
        """It was stored, as these records."""
        self._target.enqueue(records, self.bookings)
        for admission in self._admissions:
            admission.tell()
        for record, gone in self.ended:
            assert self._source is not None
            self._source.moved(record, gone)
