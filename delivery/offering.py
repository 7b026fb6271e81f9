"""Puts a payload into the store for all its destinations at once: all of them have it, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..pipeline.payloads.document import Document, Payload
from .clock import Clock
from .destination import Destination
from .store import Booking, Record, Shipment, Store


@dataclass(frozen=True, slots=True)
class Offer:
    """One sanitised payload for destinations that get the same bytes; none: only left_out."""

    payload: Payload | None
    policy: str  # the version of the policy that it passed
    destinations: Sequence[Destination]
    body: bytes | None = None  # the payload encoded: for a store that is durable
    left_out: Sequence[Document] = ()  # documents that their protocol has no place for


async def offer(store: Store, offers: Sequence[Offer], clock: Clock) -> None:
    """Store payloads and queue them. When this returns, every document is stored or booked.

    Raises StoreFailed; then nothing was taken.
    """
    booked: dict[Destination, list[Booking]] = {}
    shipments = []
    for each in offers:
        deliveries = {}
        for destination in each.destinations:
            bookings = booked.setdefault(destination, [])
            bookings += destination.refuse(each.left_out)
            if each.payload is None:
                continue
            counts, lines = destination.admit(each.payload)
            bookings += lines
            if counts:
                deliveries[destination.id] = counts
        if each.payload is not None and deliveries:
            shipments.append(Shipment(each.payload, each.policy, deliveries, each.body))
    every = [line for lines in booked.values() for line in lines]
    if every:
        # Who waits may go away; what was stored is queued all the same.
        await asyncio.shield(_take(store, shipments, every, booked, clock.now()))


async def _take(
    store: Store,
    shipments: Sequence[Shipment],
    every: Sequence[Booking],
    booked: Mapping[Destination, Sequence[Booking]],
    now: float,
) -> None:
    records = await store.put(shipments, every, now)
    by_destination: dict[str, list[Record]] = {}
    for record in records:
        by_destination.setdefault(record.destination, []).append(record)
    for destination, lines in booked.items():
        destination.enqueue(by_destination.get(destination.id, []), lines)
