"""A transport for sentry-sdk that sanitises everything, after all of the SDK's hooks.

The transport is the one place that every item passes: errors, transactions, logs, sessions,
check-ins, attachments, profiles. It sanitises in the caller's thread and gives the result to the
SDK's own HTTP transport, which sends from a thread of its own: queue, rate limits, proxies and
client reports stay the SDK's.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sentry_sdk.envelope import Envelope, Item
from sentry_sdk.transport import HttpTransport, Transport

from ...delivery.losses import lost_by_reason
from ...policy.forks import in_children
from ..payloads.envelope import Envelope as Payload
from ..payloads.envelope_sizes import is_too_large
from .judging import is_judging, judging
from .sentry_booking import BookedHttp2Transport, BookedHttpTransport, Books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sentry_sdk._types import EventDataCategory

    from ..api import Pipeline
    from .ledger import Ledger

_log = logging.getLogger("errlock.embed")

# The words of client reports are a closed list (https://develop.sentry.dev/sdk/telemetry/client-reports/).
_TAKEN_OUT, _FAILED = "event_processor", "internal_sdk_error"
_OFF = frozenset({"", "0", "false", "f", "n", "no", "off"})  # as sentry-sdk reads its environment


class SentryTransport(Transport):
    """Sanitises envelopes and passes them on; see `sentry_transport`.

    Fails closed: an envelope that cannot be judged does not go out and is told of in the SDK's
    client reports. After a fork the child starts with an empty queue, connections and a sending
    thread of its own; what the parent had queued, the parent sends.
    """

    def __init__(
        self,
        options: dict[str, Any],
        pipeline: Pipeline,
        *,
        allow_local_spotlight: bool = False,
        ledger: Ledger | None = None,
        destination: str = "sentry",
    ) -> None:
        super().__init__(options)
        _shut_spotlight(options, allow_local_spotlight)
        _shut_printer()
        self._pipeline = pipeline
        self._ledger = ledger
        self._books = Books(ledger) if ledger is not None else None
        self._destination = destination
        if ledger is not None:
            ledger.keep_account_of(pipeline)
        self.start_anew()
        in_children(self, lambda transport: transport.start_anew())

    def start_anew(self) -> None:
        """Forget connections, queue and thread: they belong to the process before the fork."""
        self._lock = threading.RLock()  # a signal's handler may send, too
        self._sender: BookedHttpTransport | BookedHttp2Transport | None = None

    @property
    def inner(self) -> HttpTransport | BookedHttp2Transport:
        """The SDK's own transport; made at first use in each process."""
        sender = self._sender
        if sender is None:
            with self._lock:
                sender = self._sender
                if sender is None:
                    assert self.options is not None
                    http2 = self.options.get("_experiments", {}).get("transport_http2", False)
                    sender = (BookedHttp2Transport if http2 else BookedHttpTransport)(self.options)
                    sender.books, sender.destination = self._books, self._destination
                    # A handler that ran meanwhile may have queued something with one of its own.
                    sender = self._sender = self._sender or sender
        return sender

    def capture_envelope(self, envelope: Envelope) -> None:
        """Sanitise, then queue for sending. Never raises."""
        if is_judging():
            return  # an error in errlock's own work: reporting it would go round in circles
        with judging():
            try:
                sanitised = self._sanitise(envelope)
            except Exception:  # noqa: BLE001  whatever it is: what nobody judged does not go out
                self._tell_unjudged(envelope)
                return
        self._record_losses(envelope.items, [] if sanitised is None else sanitised.items)
        if sanitised is not None:
            self._deliver(sanitised)

    def _tell_unjudged(self, envelope: Envelope) -> None:
        """Count an envelope that nobody could judge; counting may fail for the same reason."""
        try:
            for item in envelope.items:
                self.inner.record_lost_event(_FAILED, item=_without_content(item))
            if self._books is not None:
                self._books.unjudged(self._destination, self._pipeline, envelope)
        except Exception as failure:  # noqa: BLE001  the application must not fail of it
            _log.error("what was not sent cannot be counted: %s", type(failure).__name__)

    def _deliver(self, envelope: Envelope) -> None:
        """Queue a sanitised envelope for sending."""
        self.inner.capture_envelope(envelope)

    def _sanitise(self, envelope: Envelope) -> Envelope | None:
        """What may go out of an envelope; None when nothing may."""
        payload = Payload.decode(envelope.serialize(), "", time.time())
        self._drop_too_large(payload)
        result = self._pipeline.judge_payload(payload)
        assert isinstance(result, Payload)
        note = None
        if self._ledger is not None:
            note = self._ledger.note(self._pipeline, result)
            self._ledger.withhold(self._destination, note, lost_by_reason(result))
        if not result.count_alive:
            return None
        self._pipeline.plant(result)
        key = None if self.parsed_dsn is None else self.parsed_dsn.public_key
        sanitised = _read(result.encode(public_key=key))
        if self._books is not None and note is not None:
            self._books.note(note, sanitised)
        return sanitised

    def _drop_too_large(self, payload: Payload) -> None:
        """Leave out what no backend takes: judging it would hold the application for seconds."""
        for document in payload.items:
            if is_too_large(document):
                document.dropped = "limit"
                self._pipeline.counters.add(
                    "processor_dropped",
                    pipeline="library",
                    processor="embed",
                    type=document.type,
                    reason="limit",
                )

    def _record_losses(self, before: Iterable[Item], after: Iterable[Item]) -> None:
        """Count what was taken out, by category."""
        had, left = _quantities(before), _quantities(after)
        for category, quantity in had.items():
            if quantity > left[category]:
                self.inner.record_lost_event(
                    _TAKEN_OUT, category, quantity=quantity - left[category]
                )

    def flush(self, timeout: float, callback: Callable[[int, float], None] | None = None) -> None:
        """Wait at most `timeout` seconds until what is queued is sent."""
        self.inner.flush(timeout, callback)

    def kill(self) -> None:
        """Stop sending at once."""
        self.inner.kill()

    def is_healthy(self) -> bool:
        """Whether the SDK's transport keeps up and is not rate-limited."""
        return self.inner.is_healthy()

    def record_lost_event(
        self,
        reason: str,
        data_category: EventDataCategory | None = None,
        item: Item | None = None,
        *,
        quantity: int = 1,
    ) -> None:
        """Count a loss for the next client report."""
        self.inner.record_lost_event(reason, data_category, item, quantity=quantity)


def _read(envelope: bytes) -> Envelope:
    """An envelope as the pipeline writes it (every item has its `length`), payloads as bytes.

    Not with the SDK's reader: that one decodes events, which are only to be encoded again.
    """
    line, _, rest = envelope.partition(b"\n")
    headers, items = json.loads(line), []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        item_headers = json.loads(line)
        length = item_headers["length"]
        items.append(Item(payload=rest[:length], headers=item_headers))
        rest = rest[length + 1 :]
    return Envelope(headers=headers, items=items)


def _without_content(item: Item) -> Item:
    """An item to count by its headers; counting must not fail where reading did."""
    return Item(payload=b"", headers=item.headers)


def _quantities(items: Iterable[Item]) -> Counter[EventDataCategory]:
    """How many there are of each category. Attachments count in bytes there: they are left out."""
    found: Counter[EventDataCategory] = Counter()
    for item in items:
        if item.data_category != "attachment":
            count = item.headers.get("item_count")
            found[item.data_category] += count if isinstance(count, int) else 1
    return found


def _shut_spotlight(options: dict[str, Any], allow_local: bool) -> None:
    """Switch Spotlight off in the options, which the SDK reads after it made the transport."""
    configured, environment = options.get("spotlight"), os.environ.get("SENTRY_SPOTLIGHT", "")
    if configured is False or (configured is None and environment.lower() in _OFF):
        return
    url = next((u for u in (configured, environment) if isinstance(u, str) and "://" in u), None)
    if allow_local and (url is None or _is_local(url)):  # None: its default, on localhost
        return
    options["spotlight"] = False
    _log.warning(
        "Spotlight is switched off: it would get a copy of everything that nobody sanitised"
    )


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shut_printer() -> None:
    """Silence the SDK's printer of envelopes: it stands before the transport."""
    if os.environ.get("SENTRY_PRINT_ENVELOPES", "").lower() in ("1", "true", "yes"):
        logging.getLogger("sentry_sdk.envelopes").disabled = True
        _log.warning(
            "SENTRY_PRINT_ENVELOPES is without effect: it would print what nobody sanitised"
        )
