"""A destination: an exporter with a shelf of its own, deliveries, health and trust.

Nothing here waits for another destination, and nothing that goes wrong here is raised to who
offers a payload.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..pipeline.component import Exporter
from ..pipeline.counters import Counters
from ..pipeline.payloads.document import Document, Payload, Protocol
from . import account
from .account import Balance
from .clock import Clock
from .health import HealthState
from .loading import Policy
from .losses import narrow
from .options import DeliveryOptions
from .retry import Backoff
from .sending import Sending
from .shelf import Shelf
from .store import Booking, Counts, Record, Store
from .target import Target
from .telling import Lost, Told
from .trust.access import Access
from .trust.states import TrustState

_AT_ONCE = 200  # records that are given up without letting others have their turn


@dataclass(frozen=True, slots=True)
class Status:
    """How a destination is, for people and metrics. Safe to ask for from other threads."""

    health: HealthState
    trust: TrustState
    queued_documents: int
    queued_bytes: int
    capacity_bytes: int
    oldest_age: float  # seconds; 0 when nothing waits
    last_error: str | None  # the kind of the last failed attempt

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)


class Destination:
    """Delivers what it is given. All methods but `status` belong to one event loop."""

    def __init__(
        self,
        id_: str,
        exporter: Exporter,
        options: DeliveryOptions,
        counters: Counters,
        log: logging.Logger,
        store: Store,
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.id = id_
        self.exporter = exporter
        self.policies: Sequence[Policy] = ()  # one for each pipeline that leads here
        self._clock = clock or Clock()
        self._log = log
        self._backoff = backoff or Backoff(options.retry_on_failure)
        self._durable = store.durable
        target = Target(id_, exporter, options, counters, log, self._clock)
        self._shelf = Shelf(id_, options.sending_queue, store, counters, log)
        self._access = Access(target)
        self._sending = Sending(target, self._shelf, self._access, self._backoff, self.policy_for)

    @property
    def accepts(self) -> Sequence[Protocol]:
        """The protocols that its exporter takes, the preferred one first."""
        return self.exporter.accepts

    @property
    def trust(self) -> TrustState:
        """What people decided about it."""
        return self._access.trust

    def tell(self, told: Told) -> None:
        """Have somebody told what becomes of its documents."""
        self._shelf.told = told

    async def start(self) -> None:
        """Take up what waits in the store, then start the exporter and the deliveries.

        Raises what the exporter's start raises.
        """
        self._sending.spare()
        for record in await self._shelf.restore(self._clock.now(), self._backoff.longest):
            self._sending.may_go_again(record)
        await self.open()
        self._sending.begin()

    async def open(self) -> None:
        """Start the exporter as soon as it may be. Raises what its start raises."""
        await self._access.open()

    async def take_over(self, other: Destination, deadline: float) -> None:
        """Replace another one of the same id, and begin with what waits there.

        This one is open and may have been given records already; nobody gives any to the other
        one. Its attempts under way may end until `deadline`.
        """
        await other.retire(deadline)
        self._access.remember(other._access.trusted_since)
        for record in self._shelf.adopt(other._shelf):
            self._sending.may_go_again(record)
        self._sending.begin(other._sending)

    def take_back(self, other: Destination) -> None:
        """Take what another one of the same id was given, that was to replace this one."""
        self._shelf.adopt(other._shelf)
        self._sending.wake()

    def admit(self, payload: Payload) -> tuple[Counts, list[Booking]]:
        """What it takes of a sanitised payload, by type, and what that books. Changes nothing.

        Documents that it cannot take are booked as dropped at once. What it takes is to be
        stored with a record that `enqueue` gets, in one transaction with the bookings.
        """
        types = payload.types
        bookings = account.accepted(self.id, types)
        if self._sending.stopped:
            return {}, bookings + account.dropped(self.id, types, "shutdown")
        takes = payload.protocol in self.exporter.accepts
        supported = self.exporter.supported if takes else frozenset()
        if supported is None or supported.issuperset(types):
            return types, bookings
        kept = Counter(types)
        for document in narrow(payload.copy(), supported):
            assert document.lost is not None
            kept[document.type] -= 1
            bookings += account.dropped(self.id, {document.type: 1}, document.lost)
        return +kept, bookings

    def refuse(self, documents: Sequence[Document]) -> list[Booking]:
        """What documents book that have no place in the exporter's protocol."""
        counts = Counter(document.type for document in documents)
        return account.accepted(self.id, counts) + account.dropped(self.id, counts, "unsupported")

    def enqueue(self, records: Sequence[Record], bookings: Sequence[Booking]) -> None:
        """Take records that were stored, with all that was booked with them. Never blocks."""
        self._shelf.put(records, bookings)
        self._sending.wake()

    def withhold(self, policy: str, manifest: bytes, lost: Lost) -> None:
        """Tell that documents never came as far as its queue. It books nothing."""
        if self._shelf.told is not None and lost:
            self._shelf.told.withheld(policy, manifest, lost)

    def set_trust(self, state: TrustState, since: float = -math.inf) -> None:
        """Send or keep, from now on. Distrusted: what is in flight is aborted, doors are shut.

        `since` is when that was said: in an earlier process, perhaps.
        """
        if self._access.set_trust(state, since):
            self._sending.abort()
        self._sending.wake()

    def abort(self) -> None:
        """Cut its exporter off before `set_trust` does. From any thread; raises nothing."""
        self._access.abort()

    def waiting(self) -> list[Record]:
        """What a purge would destroy: what is in flight is not in it."""
        return [record for record in self._shelf.queue if not record.in_flight]

    async def purge(self) -> list[Record]:
        """Destroy what waits now, and say which records it was. What comes in goes on."""
        purged = []
        for index, record in enumerate(self.waiting()):
            if not index % _AT_ONCE:
                await asyncio.sleep(0)
            if not record.in_flight and record in self._shelf.queue:
                self._shelf.give_up(record, "purged")
                purged.append(record)
        return purged

    def claim(self, number: int) -> Record | None:
        """Keep a record that waits from being sent, for who moves it; None if that is too late.

        `moved` or `release` follows.
        """
        return self._shelf.queue.claim(number)

    def holds(self, number: int) -> bool:
        """Whether a record waits for it, or is just being sent."""
        return self._shelf.queue.has(number)

    def end_moved(self, number: int) -> int | None:
        """End a record that is elsewhere by now; how many documents of it still waited here.

        None: it is just being sent.
        """
        record = self.claim(number)
        if record is not None:
            self._shelf.give_up(record, "moved")
            return record.documents
        return None if self.holds(number) else 0

    def moved(self, record: Record, bookings: Sequence[Booking]) -> None:
        """A record that was claimed has ended in the store, with these bookings."""
        self._shelf.forget(record, bookings)

    def release(self, record: Record) -> None:
        """A record that was claimed stays."""
        self._shelf.queue.again(record, record.due)
        self._sending.wake()

    def has_room(self, documents: int, size: int) -> bool:
        """Whether so much fits into the first half of its queue: what comes in needs the other."""
        queue = self._shelf.queue
        most = queue.options.max_documents
        return queue.bytes + size <= queue.capacity / 2 and (
            not most or queue.documents + documents <= most / 2
        )

    @property
    def idle(self) -> bool:
        """Whether nothing waits for it."""
        return not len(self._shelf.queue)

    def down_for(self, now: float) -> float:
        """Seconds that it has been down. 0 where nothing waits: nobody would see it come back."""
        since = self._sending.health.down_since
        return now - since if since is not None and len(self._shelf.queue) else 0.0

    async def stop(self, deadline: float) -> None:
        """Try everything that waits once more until `deadline`; the rest stays in the store.

        A store that ends with the process loses it: counted as `shutdown`. `deadline` is a time
        of the clock. Idempotent, safe without start().
        """
        self._sending.drain()
        await self.retire(deadline)
        left = self._shelf.queue.documents
        if self._durable:
            if left:
                self._log.info("%d documents wait for %s until the next start", left, self.id)
            return
        if left:
            self._log.error("%d documents of %s are lost: they were in memory", left, self.id)
        for record in list(self._shelf.queue):
            self._shelf.give_up(record, "shutdown")

    async def retire(self, deadline: float) -> None:
        """End what is in flight until `deadline`; begin nothing more. What waits stays stored."""
        await self._sending.end(deadline)
        try:
            await self.exporter.stop()
        except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
            self._log.warning("%s did not close cleanly: %s", self.id, type(failure).__name__)

    def status(self) -> Status:
        """How it is now."""
        queue = self._shelf.queue
        oldest = queue.oldest()
        return Status(
            health=self._sending.health.state,
            trust=self._access.trust,
            queued_documents=queue.documents,
            queued_bytes=queue.bytes,
            capacity_bytes=queue.capacity,
            oldest_age=self._clock.now() - oldest.enqueued if oldest is not None else 0.0,
            last_error=self._sending.health.last_error,
        )

    def balance(self) -> Balance:
        """See `Shelf.balance`."""
        return self._shelf.balance()

    def policy_for(self, version: str) -> Policy | None:
        """The policy in force for what passed this version: that of the same pipeline."""
        pipeline = version.partition(":")[0]
        here = [each for each in self.policies if each.version.partition(":")[0] == pipeline]
        # A pipeline that is gone cannot say; any that leads here is as good.
        return next(iter(here or self.policies), None)
