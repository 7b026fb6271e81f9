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

from ..pipeline.component import Delivered, Exporter
from ..pipeline.counters import Counters
from ..pipeline.errors import ExportFailed
from ..pipeline.payloads.document import Document, Payload, Protocol
from . import account
from .access import Access
from .account import Balance
from .clock import Clock
from .health import Health, HealthState
from .loading import Load, Policy, load
from .losses import Losses, narrow
from .options import DeliveryOptions
from .retry import Backoff, Pause
from .shelf import Shelf
from .store import Booking, Counts, Record, Store, StoreFailed
from .telling import Lost, Told
from .trust import TrustState

_AGAIN = 1.0  # seconds until what was not even tried, or could not be read, is due again
# Seconds from a start in which nothing expires: whatever the clock says, or how long nobody was
# there to deliver it, what waits is tried before it is given up.
_SPARED = 3600.0
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
        self._options = options
        self._counters = counters
        self._log = log
        self._clock = clock or Clock()
        self._backoff = backoff or Backoff(options.retry_on_failure)
        self._shelf = Shelf(id_, options.sending_queue, store, counters)
        self._durable = store.durable
        self._health = Health()
        self._trust: TrustState = "trusted"
        self._trusted_since = -math.inf
        self._spared_until = -math.inf
        self._pause = Pause(options.sending_queue.num_consumers)
        self._wake = asyncio.Event()
        self._access = Access(id_, exporter, self._clock, log, self._wake.set)
        self._consumers: list[asyncio.Task[None]] = []
        self._flights: set[asyncio.Task[Delivered]] = set()
        self._draining = False
        self._stopped = False

    @property
    def accepts(self) -> Sequence[Protocol]:
        """The protocols that its exporter takes, the preferred one first."""
        return self.exporter.accepts

    @property
    def trust(self) -> TrustState:
        """What people decided about it."""
        return self._trust

    def tell(self, told: Told) -> None:
        """Have somebody told what becomes of its documents."""
        self._shelf.told = told

    async def start(self) -> None:
        """Take up what waits in the store, then start the exporter and the deliveries.

        Raises what the exporter's start raises.
        """
        spared = min(_SPARED, self._options.sending_queue.max_age)
        self._spared_until = self._clock.now() + spared
        for record in await self._shelf.restore(self._clock.now(), self._backoff.longest):
            self._may_go_again(record)
        await self.open()
        self._begin()

    async def open(self) -> None:
        """Start the exporter as soon as it may be. Raises what its start raises."""
        await self._access.open()

    async def take_over(self, other: Destination, deadline: float) -> None:
        """Replace another one of the same id, and begin with what waits there.

        This one is open and may have been given records already; nobody gives any to the other
        one. Its attempts under way may end until `deadline`.
        """
        await other.retire(deadline)
        self._trusted_since = max(self._trusted_since, other._trusted_since)
        self._spared_until = other._spared_until
        for record in self._shelf.adopt(other._shelf):
            self._may_go_again(record)
        self._begin()

    def take_back(self, other: Destination) -> None:
        """Take what another one of the same id was given, that was to replace this one."""
        self._shelf.adopt(other._shelf)
        self._wake.set()

    def _begin(self) -> None:
        self._consumers = [
            asyncio.create_task(self._consume(), name=f"{self.id} consumer {number}")
            for number in range(self._options.sending_queue.num_consumers)
        ]

    def admit(self, payload: Payload) -> tuple[Counts, list[Booking]]:
        """What it takes of a sanitised payload, by type, and what that books. Changes nothing.

        Documents that it cannot take are booked as dropped at once. What it takes is to be
        stored with a record that `enqueue` gets, in one transaction with the bookings.
        """
        types = payload.types
        bookings = account.accepted(self.id, types)
        if self._stopped:
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
        self._wake.set()

    def withhold(self, policy: str, manifest: bytes, lost: Lost) -> None:
        """Tell that documents never came as far as its queue. It books nothing."""
        if self._shelf.told is not None and lost:
            self._shelf.told.withheld(policy, manifest, lost)

    def set_trust(self, state: TrustState, since: float = -math.inf) -> None:
        """Send or keep, from now on. Distrusted: what is in flight is aborted, doors are shut.

        `since` is when that was said: in an earlier process, perhaps.
        """
        before, self._trust = self._trust, state
        if before == state:
            if state == "trusted":
                since = min(since, self._clock.now())
                self._trusted_since = max(self._trusted_since, since)
            return
        if state == "distrusted":
            self._access.bar()
            for flight in self._flights:
                flight.cancel()
        elif before == "distrusted":
            self._access.unbar()
        if state == "trusted":
            self._trusted_since = self._clock.now()
        self._wake.set()

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

    def moved(self, record: Record, bookings: Sequence[Booking]) -> None:
        """A record that was claimed has ended in the store, with these bookings."""
        self._shelf.forget(record, bookings)

    def release(self, record: Record) -> None:
        """A record that was claimed stays."""
        self._shelf.queue.again(record, record.due)
        self._wake.set()

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
        since = self._health.down_since
        return now - since if since is not None and len(self._shelf.queue) else 0.0

    async def stop(self, deadline: float) -> None:
        """Try everything that waits once more until `deadline`; the rest stays in the store.

        A store that ends with the process loses it: counted as `shutdown`. `deadline` is a time
        of the clock. Idempotent, safe without start().
        """
        self._draining = True
        self._shelf.queue.hurry()
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
        self._stopped = True
        self._wake.set()
        await self._access.leave()
        if self._consumers:
            seconds = max(0.0, deadline - self._clock.now())
            _, unfinished = await asyncio.wait(self._consumers, timeout=seconds)
            for consumer in unfinished:
                consumer.cancel()
            await asyncio.gather(*self._consumers, return_exceptions=True)
            self._consumers = []
        try:
            await self.exporter.stop()
        except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
            self._log.warning("%s did not close cleanly: %s", self.id, type(failure).__name__)

    def status(self) -> Status:
        """How it is now."""
        queue = self._shelf.queue
        oldest = queue.oldest()
        return Status(
            health=self._health.state,
            trust=self._trust,
            queued_documents=queue.documents,
            queued_bytes=queue.bytes,
            capacity_bytes=queue.capacity,
            oldest_age=self._clock.now() - oldest.enqueued if oldest is not None else 0.0,
            last_error=self._health.last_error,
        )

    def balance(self) -> Balance:
        """See `Shelf.balance`."""
        return self._shelf.balance()

    @property
    def _may_send(self) -> bool:
        return self._trust == "trusted" and self._access.is_open

    async def _consume(self) -> None:
        while not self._stopped or (self._draining and self._may_send):
            now = self._clock.now()
            if self._may_send:
                if now >= self._spared_until:
                    self._shelf.expire(now, self._trusted_since)
                if self._draining or now >= self._pause.until:
                    if (taken := self._shelf.queue.take(now)) is not None:
                        await self._attempt(taken)
                        continue
                    if self._draining:
                        return
            self._wake.clear()
            await self._clock.wait(self._wake, self._next_event())

    def _next_event(self) -> float | None:
        """When a consumer that found nothing to do should look again."""
        if not self._may_send:
            return None
        moments = []
        if (due := self._shelf.queue.next_due()) is not None:
            moments.append(max(due, self._pause.until))
        if (expiry := self._shelf.queue.next_expiry(self._trusted_since)) is not None:
            moments.append(max(expiry, self._spared_until))
        return min(moments, default=None)

    async def _attempt(self, record: Record) -> None:
        try:
            carried = await load(self.id, self._shelf, record, self.policy_for)
        except StoreFailed as failure:
            self._unreadable(record, failure)
            return
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the payload
            self._log.error("%s cannot prepare what waits: %s", self.id, type(failure).__name__)
            self._count_attempt(record)
            self._failed(record, ExportFailed("exception", retryable=True, payload_only=True))
            return
        if not carried.counts:
            self._shelf.lose(record, carried.dropped)
            return
        if carried.portions:
            await self._cut(record, carried)
            return
        self._count_attempt(record)
        await self._shelf.begin(record)
        if self._may_send:  # it may have been distrusted while the payload was read
            await self._export(record, carried)
        else:
            self._again(record, self._clock.now())

    async def _cut(self, record: Record, carried: Load) -> None:
        """Have what became too long wait in portions."""
        storing = asyncio.create_task(
            self._shelf.cut(record, carried.portions, carried.dropped), name=f"{self.id} cut"
        )
        try:
            await asyncio.shield(storing)
        except StoreFailed:  # the store has told why
            self._again(record, self._clock.now() + _AGAIN)
        except asyncio.CancelledError:
            # Whoever takes over what waits must find the record or its portions, never both.
            await asyncio.gather(storing, return_exceptions=True)
            raise
        self._wake.set()

    def _count_attempt(self, record: Record) -> None:
        if not record.attempts:
            record.first_attempt = self._clock.now()
        record.attempts += 1

    def policy_for(self, version: str) -> Policy | None:
        """The policy in force for what passed this version: that of the same pipeline."""
        pipeline = version.partition(":")[0]
        here = [each for each in self.policies if each.version.partition(":")[0] == pipeline]
        # A pipeline that is gone cannot say; any that leads here is as good.
        return next(iter(here or self.policies), None)

    def _unreadable(self, record: Record, failure: StoreFailed) -> None:
        self._log.error("%s cannot read what waits: %s", self.id, failure.kind)
        if failure.kind == "damaged":
            self._shelf.give_up(record, "damaged")
        else:
            self._again(record, self._clock.now() + _AGAIN)

    async def _export(self, record: Record, carried: Load) -> None:
        before = Losses.of(carried.payload)
        flight = asyncio.create_task(self.exporter.export(carried.payload))
        self._flights.add(flight)
        try:
            answer = await flight
        except ExportFailed as failure:
            self._failed(record, failure)
        except asyncio.CancelledError:
            if self._being_cancelled():
                self._shelf.cut_off(record)
                raise
            if self._trust == "distrusted":
                self._aborted(record, unclear=True)
            else:  # the exporter's own connection was cancelled under it, as gRPC does
                self._failed(record, ExportFailed("cancelled", retryable=True, unclear=True))
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the payload
            self._log.error("%s failed with %s", self.id, type(failure).__name__)
            self._failed(record, ExportFailed("exception", retryable=False, unclear=True))
        else:
            marked = before.since(carried.payload)
            self._shelf.exposed(record, carried.without_decoys(), carried.counts)
            self._succeeded(record, carried, marked, answer)
        finally:
            self._flights.discard(flight)
            if record.sent != "no":
                self._shelf.exposed(record, carried.without_decoys(), carried.counts)

    @staticmethod
    def _being_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _succeeded(
        self, record: Record, carried: Load, marked: Sequence[Document], answer: Delivered
    ) -> None:
        bookings = account.outcome(self.id, carried.counts, marked, answer)
        self._shelf.answered(record, marked, bookings, carried.dropped)
        self._pause.end()
        if self._health.succeeded():
            self._log.info("%s is up again", self.id)
        self._wake.set()  # those that wait for the end of a pause need not

    def _aborted(self, record: Record, *, unclear: bool) -> None:
        if unclear:
            record.may_have_arrived()
        if not unclear or self._may_go_again(record):
            # Whoever shut the doors may not have told us yet.
            self._again(record, self._clock.now() + _AGAIN)

    def _failed(self, record: Record, failure: ExportFailed) -> None:
        if self._trust == "distrusted" or failure.kind == "aborted":
            # Its doors were shut under it: not its own failure.
            self._aborted(record, unclear=failure.unclear)
            return
        if failure.answered:
            record.sent = "refused"
        elif failure.unclear:
            record.may_have_arrived()
        self._counters.add("exporter_send_failed", exporter=self.id, kind=failure.kind)
        if self._health.failed(failure.kind, self._clock.now()):
            self._log.warning("%s is %s: %s", self.id, self._health.state, failure.kind)
        if not failure.retryable:
            self._shelf.give_up(record, failure.reason)
        elif not failure.unclear or self._may_go_again(record):
            self._retry(record, failure)

    def _may_go_again(self, record: Record) -> bool:
        """Nobody knows whether it arrived. Returns whether anything of it may be sent again."""
        if self._options.retry_on_failure.unclear == "retry":
            return True
        return self._shelf.give_up_unclear(record)

    def _retry(self, record: Record, failure: ExportFailed) -> None:
        options, hint = self._options.retry_on_failure, failure.retry_after
        now = self._clock.now()
        delay = self._backoff.delay(record.attempts, hint)
        elapsed = now - record.first_attempt + delay
        if not options.enabled or (options.max_elapsed_time and elapsed > options.max_elapsed_time):
            self._shelf.give_up(record, "retries_exhausted")
        else:
            self._again(record, now + delay)
        if not failure.payload_only and self._pause.due():
            self._pause.begin(now + self._backoff.delay(self._pause.level, hint))

    def _again(self, record: Record, due: float) -> None:
        self._shelf.again(record, due, last=self._draining)
