"""Puts a payload into the store for all its destinations at once: all of them have it, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..pipeline.payloads.document import Document, Payload
from .clock import Clock
from .destination import Destination
from .store import Booking, Counts, Record, Shipment, Store
from .telling import Lost, lost_in


@dataclass(frozen=True, slots=True)
class Offer:
    """One sanitised payload for destinations that get the same bytes; None: only what is lost."""

    payload: Payload | None
    policy: str  # the version of the policy that it passed
    destinations: Sequence[Destination]
    body: bytes | None = None  # the payload encoded, where somebody has done that
    left_out: Sequence[Document] = ()  # documents that their protocol has no place for
    lost: Lost = field(default_factory=dict)  # what the policy dropped: told, never booked
    manifest: bytes = b""  # what the payload holds, where there is none


@dataclass(frozen=True, slots=True)
class Admission:
    """What one destination takes of an offer, and what that books."""

    offer: Offer
    destination: Destination
    counts: Counts
    bookings: Sequence[Booking]

    @classmethod
    def of(cls, offer: Offer, destination: Destination) -> Admission:
        """Changes nothing yet."""
        refused = destination.refuse(offer.left_out)
        if offer.payload is None:
            return cls(offer, destination, {}, refused)
        counts, bookings = destination.admit(offer.payload)
        return cls(offer, destination, counts, [*refused, *bookings])

    def tell(self) -> None:
        """Tell what the destination does not get. What it takes is told when that has ended."""
        offer = self.offer
        manifest = offer.manifest if offer.payload is None else offer.payload.manifest
        lost = Counter(lost_in(self.bookings)) + Counter(offer.lost)
        self.destination.withhold(offer.policy, manifest, lost)


async def offer(store: Store, offers: Sequence[Offer], clock: Clock) -> None:
    """Store payloads and queue them. When this returns, every document is stored or booked.

    Raises StoreFailed; then nothing was taken. Not to be cancelled: what was stored is to be
    queued.
    """
    admissions: list[Admission] = []
    shipments = []
    for each in offers:
        own = [Admission.of(each, to) for to in each.destinations]
        deliveries = {one.destination.id: one.counts for one in own if one.counts}
        if each.payload is not None and deliveries:
            shipments.append(Shipment(each.payload, each.policy, deliveries, each.body))
        admissions += own
    every = [line for each in admissions for line in each.bookings]
    records = await store.put(shipments, every, clock.now()) if every else []
    by_destination: dict[str, list[Record]] = {}
    for record in records:
        by_destination.setdefault(record.destination, []).append(record)
    booked: dict[Destination, list[Booking]] = {}
    for admission in admissions:
        booked.setdefault(admission.destination, []).extend(admission.bookings)
    for destination, lines in booked.items():
        destination.enqueue(by_destination.get(destination.id, []), lines)
    for admission in admissions:
        admission.tell()
