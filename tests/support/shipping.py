"""A store on disk with something in it, for tests of what comes of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sanitised_payloads import envelope, event

from errlock.delivery.disk.store import DiskOptions, DiskStore
from errlock.delivery.store import Booking, BookingKind, Counts, Record, Shipment
from errlock.pipeline.errors import DropReason
from errlock.pipeline.payloads.document import Payload

LOG = logging.getLogger("tests.store")
NOW = 1_750_000_000.5


@asynccontextmanager
async def opened(folder: Path, options: DiskOptions | None = None) -> AsyncIterator[DiskStore]:
    """A store of a folder, closed at the end."""
    store = DiskStore(folder, options or small(), LOG, lambda: NOW)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def small(retain: float = 0.0, key: bytes | None = None) -> DiskOptions:
    """Options for a store that is soon gone."""
    return DiskOptions(reserve=64 * 1024, retain_delivered=retain, key=key)


def numbered(number: int, text: str = "") -> Payload:
    """An envelope with one event of this number."""
    return envelope(event(message=f"number {number} {text}", extra={"number": number}))


def number_of(payload: Payload) -> int:
    """The number of its event."""
    (document,) = payload.documents
    tree = document.tree
    assert isinstance(tree, dict)
    extra = tree["extra"]
    assert isinstance(extra, dict)
    number = extra["number"]
    assert isinstance(number, int)
    return number


async def put(store: DiskStore, payload: Payload, *destinations: str) -> list[Record]:
    """Store a payload for destinations, as accepted by each of them."""
    counts = payload.types
    shipment = Shipment(payload, "p1", dict.fromkeys(destinations, counts))
    return await store.put([shipment], booked("accepted", counts, *destinations), NOW)


def booked(
    kind: BookingKind,
    counts: Counts,
    *destinations: str,
    reason: DropReason | None = None,
) -> Sequence[Booking]:
    """The same counts for each destination."""
    return [
        Booking(destination, kind, type_, amount, reason)
        for destination in destinations
        for type_, amount in counts.items()
    ]


async def deliver(store: DiskStore, record: Record) -> None:
    """Settle a record as delivered."""
    await store.settle(record, booked("delivered", record.counts, record.destination))


async def chores_done(store: DiskStore) -> None:
    """Return when the writing thread has done its chores at least once."""
    for _ in range(2):  # they come after each round of work, the first ones at once
        await store.remember({"asked": "yes"})


async def balances(store: DiskStore, *destinations: str) -> bool:
    """Whether accepted = delivered + queued + dropped, for each type."""
    queued = await store.queued()
    for destination in destinations:
        left: Counter[str] = Counter()
        for (kind, type_, _), amount in (await store.books(destination)).items():
            left[type_] += amount if kind == "accepted" else -amount
        for (where, type_), amount in queued.items():
            if where == destination:
                left[type_] -= amount
        if any(left.values()):
            return False
    return True
