"""What an attempt carries: the payload as it waits, under the policy that is in force by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ..pipeline.payloads.document import Payload
from . import account
from .losses import lost_by_reason, narrow
from .shelf import Shelf
from .store import Booking, Counts, Record


@dataclass(frozen=True, slots=True)
class Policy:
    """What the documents of one pipeline must have passed when they leave for a destination."""

    version: str  # `pipeline:digest`
    # Passes a payload that was stored under another version. Fails closed: what cannot be judged
    # is lost in the payload.
    resanitise: Callable[[Payload], Awaitable[Payload]]
    # Puts errlock's own decoys into what is about to leave: it is neither stored nor booked.
    plant: Callable[[Payload], Awaitable[Payload]] | None = None
    # Cuts what that made longer than servers take; of the payload, documents may be lost in it.
    cut: Callable[[Payload], Awaitable[Sequence[Payload]]] | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What one attempt carries of a record: the store keeps it as it came, and retries pass the
    policy that is in force then.
    """

    payload: Payload
    counts: Counts
    dropped: Sequence[Booking] = ()  # what that policy took out, of the record's documents
    bare: Payload | None = None  # the payload before decoys were planted in it, if any were
    portions: Sequence[Payload] = ()  # as which it must leave, where it has become too long

    def without_decoys(self) -> Payload:
        """What a destination can have learnt from it: of what the exporter left out nothing."""
        if self.bare is None:
            return self.payload
        for one, sent in zip(self.bare.documents, self.payload.documents, strict=True):
            one.dropped = sent.dropped
        return self.bare


async def load(
    destination: str, shelf: Shelf, record: Record, in_force: Callable[[str], Policy | None]
) -> Load:
    """What a record on its shelf carries, under the policy that is `in_force` for the version that
    it has passed. Raises StoreFailed, and what the policy raises.
    """
    payload = await shelf.load(record)
    narrow(payload, record.counts)
    policy = in_force(record.policy)
    found = Load(payload, record.counts)
    record.passed = record.policy
    if policy is None:
        return found
    if policy.version != record.policy:
        found = await _resanitised(destination, record, payload, policy)
    if policy.plant is None or not found.counts or found.portions:
        return found
    return replace(found, payload=await policy.plant(found.payload.copy()), bare=found.payload)


async def _resanitised(destination: str, record: Record, payload: Payload, policy: Policy) -> Load:
    before = lost_by_reason(payload)
    payload = await policy.resanitise(payload)
    portions = await policy.cut(payload) if policy.cut is not None else ()
    record.passed, record.manifest = policy.version, payload.manifest
    left = Counter(record.counts)
    bookings: list[Booking] = []
    for (type_, reason), amount in (lost_by_reason(payload) - before).items():
        left[type_] -= amount
        bookings += account.dropped(destination, {type_: amount}, reason)
    return Load(payload, +left, bookings, portions=portions if len(portions) > 1 else ())
