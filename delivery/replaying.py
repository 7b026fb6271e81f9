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
from .store import Shipment, StoreFailed


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
    not end here. What is to be remembered with
    all that is asked for once it is known what came of it. Raises StoreFailed; then nothing has
    changed. Not to be cancelled, and no reload meanwhile.
    """
    shipments: list[Shipment] = []
    admissions: list[Admission] = []
    ended: list[Ending] = []
    late: dict[int, int] = {}
    for copy in copies:
        taken = 0
        for each in copy.offers:
            admission = Admission.of(each, target)
            admissions.append(admission)
            if each.payload is not None and admission.counts:
                taken += sum(admission.counts.values())
                delivery = {target.id: admission.counts}
                shipments.append(
                    Shipment(each.payload, each.policy, delivery, each.body, copy.origin)
                )
        if source is not None and copy.record is not None and taken == copy.documents:
            if (record := source.claim(copy.record)) is not None:
                ended.append((record, account.dropped(source.id, record.counts, "moved")))
            else:
                late[copy.record] = copy.documents
    handed = HandedOver(
        sum(sum(counts.values()) for each in shipments for counts in each.deliveries.values()),
        sum(record.documents for record, _ in ended),
        late,
    )
    bookings = [line for admission in admissions for line in admission.bookings]
    marks = [mark for copy in copies for mark in copy.marks]
    try:
        records = await store.put(
            shipments, bookings, clock.now(),
            remember=remember(handed), given=marks, ended=ended,
        )  # fmt: skip
    except StoreFailed:
        for record, _ in ended:
            assert source is not None
            source.release(record)
        raise
    target.enqueue(records, bookings)
    for admission in admissions:
        admission.tell()
    for record, gone in ended:
        assert source is not None
        source.moved(record, gone)
    return handed
