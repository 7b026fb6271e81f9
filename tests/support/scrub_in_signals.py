"""`scrub_in_signals.py WHAT`: what handlers of signals do meanwhile.

Exits 0 when nobody waited for a lock that their own thread held, and everything was counted.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.msgpack import encode as write
from opentelemetry.sdk.trace.export import SpanExportResult
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.envelope import Envelope

from errlock.delivery.following.follower import FollowStatus
from errlock.ledger.account.counting import Delivered
from errlock.ledger.code.sections import Mention, pack
from errlock.ledger.embedded.handing import EmbeddedAccount
from errlock.ledger.embedded.handover import HandOver
from errlock.ledger.exposed import Learnt
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.pipeline import Pipeline
from errlock.pipeline.counters import Counters
from errlock.pipeline.embed import LoggingFilter, sentry_sanitising, sentry_transport
from errlock.pipeline.embed.control import Control, Destination
from errlock.pipeline.embed.otel_booking import Books
from errlock.pipeline.embed.otel_following import FollowingExporter
from errlock.pipeline.embed.sentry_booking import BookedHttpTransport
from errlock.policy.forks import whole

_SECONDS, _MOST_SECONDS = 1.5, 45.0
_ENOUGH = 100
_MAIL = "mail jane.roe@example.com"


def interrupted(work: Callable[[], None], handle: Callable[[], None], often: float) -> int:
    """Do something for a while, and something else in handlers of signals, until it was often
    enough. Returns how many.
    """
    handled = 0

    def handler(*_: object) -> None:
        nonlocal handled
        handle()
        handled += 1
        # Not an interval: signals must not come faster than they are handled.
        signal.setitimer(signal.ITIMER_REAL, often)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, often)
    begun = time.monotonic()
    while (took := time.monotonic() - begun) < _SECONDS or handled < _ENOUGH:
        assert took < _MOST_SECONDS, handled
        work()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return handled


def counters() -> None:
    """Every addition counts, also those in the middle of another one."""
    made, added = Counters(), 0

    def work() -> None:
        nonlocal added
        for _ in range(100):
            made.add("findings", pipeline="p")
        added += 100

    handled = interrupted(work, lambda: made.add("findings", pipeline="p"), 0.00002)
    assert made.total("findings") == added + handled


def pipeline() -> None:
    """Both the interrupted scrub and that of the handler are right, or nothing goes out."""
    made = Pipeline.default()
    expected = made.scrub_text(_MAIL)
    assert expected is not None
    assert "jane" not in expected

    def scrub() -> None:
        assert made.scrub_text(_MAIL) in (expected, None)

    interrupted(scrub, scrub, 0.0003)


def logs() -> None:
    """A record that is logged in a handler is clean, or empty."""
    shown: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(record.getMessage())

    handler = Kept()
    handler.addFilter(LoggingFilter(Pipeline.default()))
    log = logging.getLogger("shop")
    log.addHandler(handler)
    log.propagate = False

    def say() -> None:
        log.warning("%s", _MAIL)

    interrupted(say, say, 0.0003)
    assert shown
    assert not any("jane" in each for each in shown)


def fork() -> None:
    """A handler scrubs while its thread waits to fork."""
    made = Pipeline.default()
    made.scrub_text(_MAIL)
    scrubbed = []

    def handler(*_: object) -> None:
        scrubbed.append(made.scrub_text(_MAIL))

    signal.signal(signal.SIGALRM, handler)
    # As if another thread were within: the fork waits for it, for two seconds at most.
    whole._inside[0] = 1
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(scrubbed) == 1
        assert "jane" not in str(scrubbed)
    else:
        os._exit(0)


def transport() -> None:
    """A handler sends with an SDK whose sender is just being made."""
    handle: list[Envelope] = [_envelope()]

    class Interrupted(BookedHttpTransport):
        def __init__(self, options: dict[str, Any]) -> None:
            super().__init__(options)
            signal.raise_signal(signal.SIGALRM)

        def capture_envelope(self, envelope: Envelope) -> None:
            captured.append(self)

    captured: list[Interrupted] = []
    setattr(sentry_sanitising, "BookedHttpTransport", Interrupted)  # noqa: B010  mypy sees a type
    bound: Any = sentry_transport(Pipeline.default())
    made = bound({**DEFAULT_OPTIONS, "dsn": "http://key@127.0.0.1:9/1"})

    def handler(*_: object) -> None:
        if handle:
            made.capture_envelope(handle.pop())

    signal.signal(signal.SIGALRM, handler)
    made.capture_envelope(_envelope())
    assert len(captured) == 2
    assert set(captured) == {made.inner}, "what is flushed has both"


def _envelope() -> Envelope:
    envelope = Envelope()
    envelope.add_event({"message": "hello"})
    return envelope


def otel() -> None:
    """A handler exports in the middle of an export: an exporter need not be ready for that."""
    batches = [["second"], ["first"]]
    exported: list[Sequence[str]] = []

    class Busy:
        def export(self, batch: Sequence[str]) -> SpanExportResult:
            assert not self.at_work
            self.at_work = True
            signal.raise_signal(signal.SIGALRM)
            exported.append(batch)
            self.at_work = False
            return SpanExportResult.SUCCESS

        at_work = False

    class Allowing(Control):
        def __init__(self) -> None:
            self.queue_size = 1000

        def target(self, destination: Destination, standbys: object) -> Destination:
            return destination

        def subscribe(self, callback: object) -> None:
            pass

        def status(self) -> FollowStatus:
            return FollowStatus(True, 0.0, 1, None, {})

    made = FollowingExporter[str](
        Busy, Allowing(), Destination("otlp"), {}, Books(None, Pipeline.default(), "otlp"),
        success=SpanExportResult.SUCCESS, size_of=len, lose=lambda batch, why: None,
    )  # fmt: skip
    said: list[object] = []

    def handler(*_: object) -> None:
        if batches:
            said.append(made.export(batches.pop()))

    signal.signal(signal.SIGALRM, handler)
    said.append(made.export(batches.pop()))
    assert exported == [["first"], ["second"]]
    assert said == [SpanExportResult.SUCCESS] * 2


def ledger() -> None:
    """A handler books, hands over and closes in the middle of a booking: all are told, once."""
    taken: list[HandOver] = []

    class Place:
        def take(self, handover: HandOver, timeout: float) -> None:
            taken.append(handover)

    made, booked = EmbeddedAccount(Place(), "shop", every=3600), 0
    line = Line("event", "pii.email", "removed", "email", 1, 1, [*range(20)])
    manifest = write(Manifest("shop", "prod", {"event": Items(1, 100, [7])}, [line]))
    delivered = Delivered("sentry", "embedded:0123456789abcdef", manifest, {"event": 1})
    (piece,) = pack([Mention("package", "django", "5.2")])
    learnt = Learnt({("event", piece): 1})

    def book() -> None:
        nonlocal booked
        made.book(delivered, learnt)
        booked += 1

    def handle() -> None:
        book()
        made.flush(1)
        made.close(1)

    interrupted(book, handle, 0.0001)
    assert made.flush(30)
    rows = [row for handover in taken for row in handover.rows]
    assert sum(row.documents for row in rows if not row.class_) == booked
    assert sum(sum(row.values.values()) for row in rows if row.class_) == 20 * booked
    assert sum(name.documents for handover in taken for name in handover.code) == booked


def handover() -> None:
    """A handler closes while its own thread hands over: that goes on, and all is told, once."""
    taken: list[HandOver] = []
    said: list[bool] = []

    class Place:
        def take(self, handover: HandOver, timeout: float) -> None:
            if not said and threading.current_thread() is threading.main_thread():
                signal.raise_signal(signal.SIGALRM)
            taken.append(handover)

    made = EmbeddedAccount(Place(), "shop", every=3600)
    signal.signal(signal.SIGALRM, lambda *_: said.append(made.close(3600)))
    manifest = write(Manifest("shop", "prod", {"event": Items(1, 100, [7])}, []))
    made.book(Delivered("sentry", "embedded:0123456789abcdef", manifest, {"event": 1}))
    assert made.flush(30)
    assert said == [False]
    assert made.flush(30)
    assert sum(row.documents for handover in taken for row in handover.rows) == 1
    assert [handover.number for handover in taken] == [*range(1, len(taken) + 1)]


if __name__ == "__main__":
    globals()[sys.argv[1]]()
