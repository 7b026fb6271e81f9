"""The transport for sentry-sdk that follows a control document; see `sentry_transport`.

The SDK's own transport sends, one for each destination. What may not be sent now waits here and
is sent from the SDK's sending thread later. The control document is asked right before bytes go
out, not only when an envelope is captured: what already waits in the SDK's queue obeys as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sentry_sdk.envelope import Envelope, Item
from sentry_sdk.transport import HttpTransport
from sentry_sdk.utils import Dsn, capture_internal_exceptions

from .connections import Connections
from .control import Control, Destination
from .sentry_booking import BookedHttpTransport
from .sentry_sanitising import SentryTransport
from .waiting import Waiting

if TYPE_CHECKING:
    from sentry_sdk._types import EventDataCategory

    from ..api import Pipeline

_log = logging.getLogger("errlock.embed")

_ITEM_OVERHEAD = 512  # bytes that an item takes besides its content, about


class FollowingSentryTransport(SentryTransport):
    """Sanitises envelopes and sends them where the control document lets it."""

    def __init__(
        self,
        options: dict[str, Any],
        pipeline: Pipeline,
        control: Control,
        destination: str,
        standbys: Mapping[str, str],
        **more: Any,
    ) -> None:
        self._dsns = {destination: options["dsn"], **standbys}
        first, *others = [Destination.at(id_, Dsn(dsn).host) for id_, dsn in self._dsns.items()]
        self._control = control
        self._waiting: Waiting[Envelope] = Waiting(control, first, others, self._lose)
        self._first = first.id
        super().__init__(options, pipeline, destination=destination, **more)
        control.subscribe(self._obey)

    def start_anew(self) -> None:
        """See `SentryTransport.start_anew`."""
        super().start_anew()
        self._senders: dict[str, _Sender] = {}
        self._waiting.start_anew()

    @property
    def inner(self) -> HttpTransport:
        """What sends to the destination itself, and counts losses."""
        return self._sender_to(self._first)

    def _sender_to(self, id_: str) -> _Sender:
        with self._lock:
            if id_ not in self._senders:
                options = {**(self.options or {}), "dsn": self._dsns[id_]}
                sender = _Sender(options, id_, self._waiting, self._let_wait)
                sender.books, sender.destination = self._books, id_
                # A signal's handler that ran meanwhile may have queued something with its own.
                self._senders.setdefault(id_, sender)
            return self._senders[id_]

    def _deliver(self, envelope: Envelope) -> None:
        target = self._waiting.target
        if target is None or len(self._waiting):
            self._let_wait(envelope)
        else:
            self._sender_to(target).capture_envelope(envelope)

    def _let_wait(self, envelope: Envelope) -> None:
        self._waiting.keep(envelope, _size_of(envelope))
        self._drain()

    def _drain(self) -> None:
        """Have what waits sent by whoever may."""
        target = self._waiting.target
        if target is not None and len(self._waiting):
            self._sender_to(target).drain()

    def _obey(self) -> None:
        """The control document says something else now."""
        for id_ in self._waiting.distrusted:
            if id_ in self._senders:
                self._senders[id_].cut()
        self._drain()

    def _lose(self, envelope: Envelope) -> None:
        for item in envelope.items:
            self.inner.record_lost_event("queue_overflow", item=item)

    def flush(self, timeout: float, callback: Callable[[int, float], None] | None = None) -> None:
        """Wait at most `timeout` seconds until everything that may be sent is sent."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0 and len(self._waiting):
            self._drain()
            if self._waiting.is_decided and self._waiting.target is None:
                break
            time.sleep(min(0.01, left))
        for sender in list(self._senders.values()):
            sender.flush(max(0.0, deadline - time.monotonic()), callback)

    def kill(self) -> None:
        """Stop sending at once; what still waits is lost."""
        self._control.unsubscribe(self._obey)
        for sender in list(self._senders.values()):
            sender.kill()
        lost = [item for envelope in self._waiting.rest() for item in envelope.items]
        if lost:  # too late for a client report
            _log.warning("%d items that waited for the control document are lost", len(lost))
        if self._books is not None:
            for item in lost:
                self._books.withheld(self._first, item, "shutdown")


class _Attempt(threading.local):
    """What the attempt of this very thread would lose, while there is one."""

    losses: list[tuple[str, EventDataCategory | None, Item | None, int]] | None = None


class _Sender(BookedHttpTransport):
    """The SDK's transport to one destination, with a way back for what it may not send."""

    def __init__(
        self,
        options: dict[str, Any],
        id_: str,
        waiting: Waiting[Envelope],
        give_back: Callable[[Envelope], None],
    ) -> None:
        super().__init__(options)
        self._id = id_
        self._waiting = waiting
        self._give_back = give_back
        self._connections = Connections(self._may_send)
        self._connections.manage(self._pool)
        self._attempt = _Attempt()
        self._will_drain = False

    def _may_send(self) -> bool:
        return self._waiting.target == self._id

    def cut(self) -> None:
        """Reset every connection."""
        self._connections.cut()
        self._pool.clear()

    def drain(self) -> None:
        """Send what waits, from the sending thread, as long as that is allowed."""
        # The worker's queue is short: asked for once more with each event, it had no room for them.
        if not self._will_drain:
            self._will_drain = True
            if not self._worker.submit(self._send_what_waits):
                self._will_drain = False

    def _send_what_waits(self) -> None:
        self._will_drain = False
        while (envelope := self._waiting.take(self._id)) is not None:
            with capture_internal_exceptions():
                self._send_envelope(envelope)

    def _send_envelope(self, envelope: Envelope) -> None:
        """Make an attempt; what the control document stopped is not lost but waits."""
        if not self._may_send():
            self._give_back(envelope)
            return
        losses = self._attempt.losses = []
        try:
            super()._send_envelope(self._addressed(envelope))
        except Exception:
            if self._may_send():
                raise
            losses.clear()
            self._give_back(envelope)
        finally:
            self._attempt.losses = None
            for reason, category, item, quantity in losses:
                self.record_lost_event(reason, category, item, quantity=quantity)

    def _addressed(self, envelope: Envelope) -> Envelope:
        """The envelope as sent now to this destination: it may have waited, or been for another."""
        headers = {**envelope.headers, "sent_at": _timestamp()}
        trace = headers.get("trace")
        if isinstance(trace, dict) and "public_key" in trace and self.parsed_dsn is not None:
            headers["trace"] = {**trace, "public_key": self.parsed_dsn.public_key}
        return Envelope(headers=headers, items=envelope.items)

    def record_lost_event(
        self,
        reason: str,
        data_category: EventDataCategory | None = None,
        item: Item | None = None,
        *,
        quantity: int = 1,
    ) -> None:
        """Count a loss; one of the attempt under way only once it is known to be one."""
        if self._attempt.losses is not None:
            self._attempt.losses.append((reason, data_category, item, quantity))
            return
        super().record_lost_event(reason, data_category, item, quantity=quantity)


def _size_of(envelope: Envelope) -> int:
    """About how many bytes an envelope takes in memory."""
    return sum(_ITEM_OVERHEAD + len(item.get_bytes()) for item in envelope.items)


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
