"""Sends what waits for a destination: attempts of one payload each, and what their ends mean."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ..pipeline.component import Delivered
from ..pipeline.errors import ExportFailed
from ..pipeline.host.tasks import keep_going
from . import account
from .health import Health
from .loading import Load, Policy, load
from .losses import Losses
from .retry import Backoff, Pause
from .shelf import Shelf
from .store import Record, StoreFailed
from .target import Target
from .trust.access import Access

_AGAIN = 1.0  # seconds until what was not even tried, or could not be read, is due again
# Seconds from a start in which nothing expires: whatever the clock says, or how long nobody was
# there to deliver it, what waits is tried before it is given up.
_SPARED = 3600.0


class Sending:
    """The consumers of a shelf. Belongs to one event loop."""

    def __init__(
        self,
        target: Target,
        shelf: Shelf,
        access: Access,
        backoff: Backoff,
        policy_for: Callable[[str], Policy | None],
    ) -> None:
        """`policy_for` gives the policy in force for what passed one of this version."""
        self.health = Health()
        self.stopped = False
        self._id = target.id
        self._exporter = target.exporter
        self._options = target.options
        self._counters = target.counters
        self._log = target.log
        self._clock = target.clock
        self._shelf = shelf
        self._access = access
        self._backoff = backoff
        self._policy_for = policy_for
        self._spared_until = -math.inf
        self._pause = Pause(target.options.sending_queue.num_consumers)
        self._awake = asyncio.Event()
        self._consumers: list[asyncio.Task[None]] = []
        self._flights: set[asyncio.Task[Delivered]] = set()
        self._draining = False
        access.on_open = self.wake

    def spare(self) -> None:
        """Let nothing expire for a while: the process has just begun, and could not send before."""
        spared = min(_SPARED, self._options.sending_queue.max_age)
        self._spared_until = self._clock.now() + spared

    def begin(self, before: Sending | None = None) -> None:
        """Start the consumers, in the place of another's that have ended."""
        if before is not None:
            self._spared_until = before._spared_until
        names = [
            f"{self._id} consumer {number}"
            for number in range(self._options.sending_queue.num_consumers)
        ]
        self._consumers = [
            asyncio.create_task(keep_going(name, self._consume, self._log), name=name)
            for name in names
        ]

    def wake(self) -> None:
        """Look again: something waits, or may be sent."""
        self._awake.set()

    def abort(self) -> None:
        """Cancel what is in flight."""
        for flight in self._flights:
            flight.cancel()

    def drain(self) -> None:
        """Try everything that waits once more, and end."""
        self._draining = True
        self._shelf.queue.hurry()

    async def end(self, deadline: float) -> None:
        """End what is in flight until `deadline`; begin nothing more, unless it drains."""
        self.stopped = True
        self.wake()
        await self._access.leave()
        if self._consumers:
            seconds = max(0.0, deadline - self._clock.now())
            _, unfinished = await asyncio.wait(self._consumers, timeout=seconds)
            for consumer in unfinished:
                consumer.cancel()
            await asyncio.gather(*self._consumers, return_exceptions=True)
            self._consumers = []

    def may_go_again(self, record: Record) -> bool:
        """Of a record of which nobody knows whether it arrived: give up what must not go twice.
        Returns whether anything is left to be sent again.
        """
        if self._options.retry_on_failure.unclear == "retry":
            return True
        return self._shelf.give_up_unclear(record)

    async def _consume(self) -> None:
        while not self.stopped or (self._draining and self._access.may_send):
            now = self._clock.now()
            if self._access.may_send:
                if now >= self._spared_until:
                    self._shelf.expire(now, self._access.trusted_since)
                if self._draining or now >= self._pause.until:
                    if (taken := self._shelf.queue.take(now)) is not None:
                        await self._take_up(taken)
                        continue
                    if self._draining:
                        return
            self._awake.clear()
            await self._clock.wait(self._awake, self._next_event())

    def _next_event(self) -> float | None:
        """When a consumer that found nothing to do should look again."""
        if not self._access.may_send:
            return None
        moments = []
        if (due := self._shelf.queue.next_due()) is not None:
            moments.append(max(due, self._pause.until))
        if (expiry := self._shelf.queue.next_expiry(self._access.trusted_since)) is not None:
            moments.append(max(expiry, self._spared_until))
        return min(moments, default=None)

    async def _take_up(self, record: Record) -> None:
        """Make an attempt. Whatever that fails of, the record is not left in flight for ever."""
        try:
            await self._attempt(record)
        except Exception:
            if record.in_flight and record in self._shelf.queue:
                kind = ExportFailed(
                    "exception", retryable=True, unclear=record.begun, payload_only=True
                )
                self._failed(record, kind)
            raise

    async def _attempt(self, record: Record) -> None:
        try:
            carried = await load(self._id, self._shelf, record, self._policy_for)
        except StoreFailed as failure:
            self._unreadable(record, failure)
            return
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the payload
            self._log.error("%s cannot prepare what waits: %s", self._id, type(failure).__name__)
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
        if self._access.may_send:  # it may have been distrusted while the payload was read
            await self._export(record, carried)
        else:
            self._again(record, self._clock.now())

    async def _cut(self, record: Record, carried: Load) -> None:
        """Have what became too long wait in portions."""
        storing = asyncio.create_task(
            self._shelf.cut(record, carried.portions, carried.dropped), name=f"{self._id} cut"
        )
        try:
            await asyncio.shield(storing)
        except StoreFailed:  # the store has told why
            self._again(record, self._clock.now() + _AGAIN)
        except asyncio.CancelledError:
            # Whoever takes over what waits must find the record or its portions, never both.
            await asyncio.gather(storing, return_exceptions=True)
            raise
        self.wake()

    def _count_attempt(self, record: Record) -> None:
        if not record.attempts:
            record.first_attempt = self._clock.now()
        record.attempts += 1

    def _unreadable(self, record: Record, failure: StoreFailed) -> None:
        self._log.error("%s cannot read what waits: %s", self._id, failure.kind)
        if failure.kind == "damaged":
            self._shelf.give_up(record, "damaged")
        else:
            self._again(record, self._clock.now() + _AGAIN)

    async def _export(self, record: Record, carried: Load) -> None:
        before = Losses.of(carried.payload)
        flight = asyncio.create_task(self._exporter.export(carried.payload))
        self._flights.add(flight)
        try:
            answer = await flight
            marked = before.since(carried.payload)
            bookings = account.outcome(self._id, carried.counts, marked, answer)
        except ExportFailed as failure:
            self._failed(record, failure)
        except asyncio.CancelledError:
            if self._being_cancelled():
                self._shelf.cut_off(record)
                raise
            if self._access.trust == "distrusted":
                self._aborted(record, unclear=True)
            else:  # the exporter's own connection was cancelled under it, as gRPC does
                self._failed(record, ExportFailed("cancelled", retryable=True, unclear=True))
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the payload
            self._log.error("%s failed with %s", self._id, type(failure).__name__)
            self._failed(record, ExportFailed("exception", retryable=False, unclear=True))
        else:
            self._shelf.exposed(record, carried.without_decoys(), carried.counts)
            self._shelf.answered(record, marked, bookings, carried.dropped)
            self._succeeded()
        finally:
            self._flights.discard(flight)
            if record.sent != "no":
                self._shelf.exposed(record, carried.without_decoys(), carried.counts)

    @staticmethod
    def _being_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _succeeded(self) -> None:
        self._pause.end()
        if self.health.succeeded():
            self._log.info("%s is up again", self._id)
        self.wake()  # those that wait for the end of a pause need not

    def _aborted(self, record: Record, *, unclear: bool) -> None:
        if unclear:
            record.may_have_arrived()
        if not unclear or self.may_go_again(record):
            # Whoever shut the doors may not have told us yet.
            self._again(record, self._clock.now() + _AGAIN)

    def _failed(self, record: Record, failure: ExportFailed) -> None:
        if self._access.trust == "distrusted" or failure.kind == "aborted":
            # Its doors were shut under it: not its own failure.
            self._aborted(record, unclear=failure.unclear)
            return
        if failure.answered:
            record.sent = "refused"
        elif failure.unclear:
            record.may_have_arrived()
        self._counters.add("exporter_send_failed", exporter=self._id, kind=failure.kind)
        if self.health.failed(failure.kind, self._clock.now()):
            self._log.warning("%s is %s: %s", self._id, self.health.state, failure.kind)
        if not failure.retryable:
            self._shelf.give_up(record, failure.reason)
        elif not failure.unclear or self.may_go_again(record):
            self._retry(record, failure)

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
