"""A destination: an exporter with a queue, retries and an account of its own.

Nothing here waits for another destination, and nothing that goes wrong here is raised to who
offers a payload. For every document type, at any moment between two awaits:

    accepted = delivered + queued + dropped
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..pipeline.component import Delivered, Exporter
from ..pipeline.counters import Counters
from ..pipeline.errors import DropReason, ExportFailed
from ..pipeline.payloads.document import Document, DocumentType, Payload, Protocol
from .account import Account, Balance, count
from .clock import Clock
from .health import Health, HealthState
from .options import DeliveryOptions
from .queue import MemoryQueue, Parcel
from .retry import Backoff, Pause


@dataclass(frozen=True, slots=True)
class Status:
    """How a destination is, for people and metrics. Safe to ask for from other threads."""

    health: HealthState
    queued_documents: int
    queued_bytes: int
    capacity_bytes: int
    oldest_age: float  # seconds; 0 when nothing waits
    last_error: str | None  # the kind of the last failed attempt

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Losses:
    """Which documents of a payload are lost: without making any."""

    alive: int
    lost: frozenset[int]  # by identity

    @classmethod
    def of(cls, payload: Payload) -> Losses:
        """As they are now."""
        lost = frozenset(id(document) for document in payload.made if document.lost is not None)
        return cls(payload.count_alive, lost)

    def since(self, payload: Payload) -> list[Document]:
        """The documents of the same payload that were lost since then."""
        if payload.count_alive == self.alive:
            return []
        return [
            document
            for document in payload.documents
            if document.lost is not None and id(document) not in self.lost
        ]


class Destination:
    """Delivers what it is offered. All methods but `status` belong to one event loop."""

    def __init__(
        self,
        id_: str,
        exporter: Exporter,
        options: DeliveryOptions,
        counters: Counters,
        log: logging.Logger,
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.id = id_
        self._exporter = exporter
        self._options = options
        self._counters = counters
        self._log = log
        self._clock = clock or Clock()
        self._backoff = backoff or Backoff(options.retry_on_failure)
        self._queue = MemoryQueue(options.sending_queue)
        self._account = Account(id_, counters)
        self._health = Health()
        self._pause = Pause(options.sending_queue.num_consumers)
        self._wake = asyncio.Event()
        self._consumers: list[asyncio.Task[None]] = []
        self._draining = False
        self._stopped = False

    @property
    def accepts(self) -> Sequence[Protocol]:
        """The protocols that its exporter takes, the preferred one first."""
        return self._exporter.accepts

    async def start(self) -> None:
        """Start the exporter and the deliveries. Raises what the exporter's start raises."""
        await self._exporter.start()
        self._consumers = [
            asyncio.create_task(self._consume(), name=f"{self.id} consumer {number}")
            for number in range(self._options.sending_queue.num_consumers)
        ]

    def offer(self, payload: Payload) -> None:
        """Queue a sanitised payload; the caller keeps it unchanged. Never blocks, never raises.

        Documents that the destination cannot take, or has no room for, are dropped and counted.
        """
        payload = payload.copy()  # what gets marked in it is this destination's own affair
        types = payload.types
        self._account.accept(types)
        if self._stopped:
            self._account.drop(types, "shutdown")
            return
        counts = self._book_unsupported(payload, types)
        if not counts:
            return
        parcel = Parcel(payload, counts, payload.size, self._clock.now())
        evicted = self._queue.put(parcel)
        for one in evicted:
            self._account.drop(one.counts, "queue_full")
        if parcel not in evicted:
            self._account.enqueue(counts)
            self._wake.set()

    def leave_out(self, documents: Sequence[Document]) -> None:
        """Count documents that have no place in the exporter's protocol. Changes nothing else."""
        counts = count(documents)
        self._account.accept(counts)
        self._account.drop(counts, "unsupported")

    async def stop(self, deadline: float) -> None:
        """Try everything that waits once more until `deadline`, count the rest as `shutdown`.

        `deadline` is a time of the clock (`time.monotonic()`). Idempotent, safe without start().
        """
        self._draining = True
        self._queue.hurry()
        self._wake.set()
        if self._consumers:
            seconds = max(0.0, deadline - self._clock.now())
            _, unfinished = await asyncio.wait(self._consumers, timeout=seconds)
            for consumer in unfinished:
                consumer.cancel()
            await asyncio.gather(*self._consumers, return_exceptions=True)
        self._stopped = True
        for parcel in list(self._queue):
            self._give_up(parcel, "shutdown")
        try:
            await self._exporter.stop()
        except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
            self._log.warning("%s did not close cleanly: %s", self.id, type(failure).__name__)

    def status(self) -> Status:
        """How it is now."""
        oldest = self._queue.oldest()
        return Status(
            health=self._health.state,
            queued_documents=self._queue.documents,
            queued_bytes=self._queue.bytes,
            capacity_bytes=self._options.sending_queue.queue_size,
            oldest_age=self._clock.now() - oldest.enqueued if oldest is not None else 0.0,
            last_error=self._health.last_error,
        )

    def balance(self) -> Balance:
        """The account: what is queued is counted anew, by walking over the queue."""
        queued: Counter[DocumentType] = Counter()
        for parcel in self._queue:
            queued.update(parcel.counts)
        account = self._account
        return Balance(
            Counter(account.accepted), Counter(account.delivered), queued, Counter(account.dropped)
        )

    def _supported(self, payload: Payload) -> frozenset[DocumentType] | None:
        """The types that the exporter takes in the payload's protocol; None for all."""
        takes = payload.protocol in self._exporter.accepts
        return self._exporter.supported if takes else frozenset()

    def _book_unsupported(
        self, payload: Payload, types: Counter[DocumentType]
    ) -> Counter[DocumentType]:
        """Count what cannot be delivered as dropped; returns the counts of what can."""
        supported = self._supported(payload)
        if supported is None or supported.issuperset(types):
            return types
        alive = payload.alive
        for document in alive:
            if document.type not in supported:
                document.dropped = "unsupported"
        kept: Counter[DocumentType] = Counter()
        for document in alive:
            if document.lost is None:
                kept[document.type] += 1
            else:
                self._account.drop({document.type: 1}, document.lost)
        return kept

    async def _consume(self) -> None:
        while True:
            now = self._clock.now()
            for parcel in self._queue.expire(now):
                self._account.drop(parcel.counts, "expired")
            if self._draining or now >= self._pause.until:
                if (taken := self._queue.take(now)) is not None:
                    await self._attempt(taken)
                    continue
                if self._draining:
                    return
            self._wake.clear()
            await self._clock.wait(self._wake, self._next_event())

    def _next_event(self) -> float | None:
        """When a consumer that found nothing to do should look again."""
        moments = []
        if (due := self._queue.next_due()) is not None:
            moments.append(max(due, self._pause.until))
        if (expiry := self._queue.next_expiry()) is not None:
            moments.append(expiry)
        return min(moments, default=None)

    async def _attempt(self, parcel: Parcel) -> None:
        if not parcel.attempts:
            parcel.first_attempt = self._clock.now()
        parcel.attempts += 1
        before = Losses.of(parcel.payload)
        try:
            answer = await self._exporter.export(parcel.payload)
        except ExportFailed as failure:
            self._failed(parcel, failure)
        except asyncio.CancelledError:
            if self._being_cancelled():
                raise
            # The exporter's own connection was cancelled under it, as gRPC does.
            self._failed(parcel, ExportFailed("cancelled", retryable=True))
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the payload
            self._log.error("%s failed with %s", self.id, type(failure).__name__)
            self._failed(parcel, ExportFailed("exception", retryable=False))
        else:
            self._succeeded(parcel, before, answer)

    @staticmethod
    def _being_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _succeeded(self, parcel: Parcel, before: Losses, answer: Delivered) -> None:
        self._queue.remove(parcel)
        marked = before.since(parcel.payload)
        self._account.settle(parcel.counts, marked, answer)
        self._pause.end()
        if self._health.succeeded():
            self._log.info("%s is up again", self.id)
        self._wake.set()  # those that wait for the end of a pause need not

    def _failed(self, parcel: Parcel, failure: ExportFailed) -> None:
        self._counters.add("exporter_send_failed", exporter=self.id, kind=failure.kind)
        if self._health.failed(failure.kind):
            self._log.warning("%s is %s: %s", self.id, self._health.state, failure.kind)
        if not failure.retryable:
            self._give_up(parcel, failure.reason)
        elif self._draining:
            self._give_up(parcel, "shutdown")
        else:
            self._retry(parcel, failure)

    def _retry(self, parcel: Parcel, failure: ExportFailed) -> None:
        options, hint = self._options.retry_on_failure, failure.retry_after
        now = self._clock.now()
        delay = self._backoff.delay(parcel.attempts, hint)
        elapsed = now - parcel.first_attempt + delay
        if not options.enabled or (options.max_elapsed_time and elapsed > options.max_elapsed_time):
            self._give_up(parcel, "retries_exhausted")
        else:
            self._queue.again(parcel, now + delay)
        if not failure.payload_only and self._pause.due():
            self._pause.begin(now + self._backoff.delay(self._pause.level, hint))

    def _give_up(self, parcel: Parcel, reason: DropReason) -> None:
        self._queue.remove(parcel)
        self._account.drop(parcel.counts, reason)
