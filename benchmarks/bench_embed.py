"""What does errlock cost inside an application: per failing request, per exception, per span?

The same sentry-sdk client with errlock's transport and with one that drops everything, in a WSGI
application that fails in each request (benchmarks/senders); and opentelemetry-sdk's exporters with
and without errlock before them. CPU time of the process, sending left out. No two exceptions, spans
or records are alike. Also with an account of what is sent, at both depths; handing it over is left
out.
"""

from __future__ import annotations

import atexit
import logging
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, Literal

import sentry_sdk
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from sentry_sdk.client import BaseClient, NonRecordingClient
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport

from benchmarks.options import Options, parse
from benchmarks.report import machine, show
from benchmarks.senders.database import opened
from benchmarks.senders.sentry_wsgi import application
from benchmarks.senders.shop import Shop
from benchmarks.senders.visits import Visit, call_wsgi, visits
from benchmarks.timing import Times, race
from errlock.pipeline import Pipeline
from errlock.pipeline.embed import Ledger, OtelLogExporter, OtelSpanExporter, SentryTransport
from errlock.pipeline.embed.sentry_booking import Books

_BUDGET = 6.0  # CPU seconds for one contender
_REQUESTS = 300
_DEPTH = 20  # frames of an exception
_BATCH = 64  # spans or records in an export
_BATCHES = 120
_DEPTHS: tuple[Literal["counts", "code"], ...] = ("counts", "code")


class Dropping(Transport):
    """Drops everything, and counts the events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[bytes] = []
        self.books: Books | None = None

    def capture_envelope(self, envelope: Envelope) -> None:
        if self.books is not None:
            self.books.sent("sentry", envelope, "delivered")
        for item in envelope.items:
            if item.type == "event":
                self.events.append(b"")


class Serialising(Dropping):
    """Drops everything after writing it, which somebody has to do in any case."""

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events.append(envelope.serialize())


def embedded(
    pipeline: Pipeline, sink: Dropping, ledger: Ledger | None = None
) -> type[SentryTransport]:
    """errlock's transport, with a sink where the SDK's HTTP transport would be."""

    class Embedded(SentryTransport):
        def __init__(self, options: dict[str, Any]) -> None:
            super().__init__(options, pipeline, ledger=ledger)
            sink.books = self._books

        @property
        def inner(self) -> Any:
            return sink

    return Embedded


def ledgers() -> dict[str, Ledger]:
    """Accounts that hand over when the program ends, if ever."""
    folder = tempfile.mkdtemp(prefix="errlock-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after the ledgers were closed
    return {
        f"+{depth}": Ledger(service="shop", folder=folder, every=3600, key="0" * 64, depth=depth)
        for depth in _DEPTHS
    }


def clients(pipeline: Pipeline) -> dict[str, BaseClient]:
    """The same application without a client, and with several."""
    transports: dict[str, Any] = {
        "dropping": Dropping(),
        "serialising": Serialising(),
        "errlock": embedded(pipeline, Dropping()),
        **{
            name: embedded(Pipeline.default(), Dropping(), each) for name, each in ledgers().items()
        },
    }
    made: dict[str, BaseClient] = {"no client": NonRecordingClient()}
    for name, transport in transports.items():
        made[name] = sentry_sdk.Client(
            dsn="https://public@sentry.example/1",
            transport=transport,
            send_default_pii=True,
            max_request_body_size="always",
        )
    return made


def check(pipeline: Pipeline) -> None:
    """What is timed does its work: the customer is gone from an event, the error is there."""
    sink = Serialising()
    client = sentry_sdk.Client(
        dsn="https://public@sentry.example/1",
        transport=embedded(pipeline, sink),
        send_default_pii=True,
    )
    sentry_sdk.get_global_scope().set_client(client)
    request(next(visits(1)))
    assert sink.events
    for each in sink.events:
        assert b"mail.example" not in each
        assert b"CheckoutError" in each


def request(visit: Visit) -> None:
    """One failing request."""
    call_wsgi(SentryWsgiMiddleware(application(_SHOP, visit)), visit)


def _refuse(body: bytes) -> dict[str, Any]:
    raise ConnectionError(f"no answer to {len(body)} bytes")


_SHOP = Shop(opened(), _refuse)


def fail(number: int, depth: int = _DEPTH) -> None:
    """Raise out of so many frames, each with a few variables."""
    order = {"id": number * 31 + depth, "state": "open", "lines": [number, depth]}
    note = f"step {depth} of order {number}"
    if depth:
        fail(number, depth - 1)
    raise LookupError(f"{note} has {len(order)} parts")


def capture(number: int) -> None:
    """Fail and report it."""
    try:
        fail(number)
    except LookupError:
        sentry_sdk.capture_exception()


def with_client(client: BaseClient, work: Callable[[int], None]) -> Callable[[bytes], None]:
    """Work under a client; the number of the piece of work comes as text."""

    def run(number: bytes) -> None:
        sentry_sdk.get_global_scope().set_client(client)
        with sentry_sdk.isolation_scope():
            work(int(number))

    return run


def sentry_rows(options: Options) -> list[dict[str, object]]:
    """A failing request, and an exception alone."""
    pipeline = Pipeline.default()
    check(pipeline)
    made = list(visits(8 if options.quick else _REQUESTS))
    works: dict[str, Callable[[int], None]] = {
        "failing WSGI request": lambda number: request(made[number]),
        f"exception of {_DEPTH} frames": capture,
    }
    numbers = [str(number).encode() for number in range(len(made))]
    rows = []
    for name, work in works.items():
        contenders = {key: with_client(each, work) for key, each in clients(pipeline).items()}
        times = race(contenders, numbers, 0.5 if options.quick else _BUDGET)
        rows.append(_row(f"sentry-sdk, {name}", times, "no client", "dropping", "serialising"))
    return rows


def _row(name: str, times: dict[str, Times], *others: str) -> dict[str, object]:
    """One line of the table: medians in microseconds."""
    without, with_ = times[others[-1]], times["errlock"]
    names = ("no client", "dropping", "serialising")
    return {
        "work": name,
        "n": len(with_.seconds),
        **{f"{each} µs": times[each].median * 1e6 if each in others else None for each in names},
        "errlock µs": with_.median * 1e6,
        "p99 µs": with_.p99 * 1e6,
        "errlock adds µs": (with_.median - without.median) * 1e6,
        "×": with_.median / without.median,
        **{f"+{depth} µs": _more(times[f"+{depth}"], with_) * 1e6 for depth in _DEPTHS},
    }


def _more(one: Times, other: Times) -> float:
    """The median of what the same work took more: less than the works themselves differ."""
    return statistics.median(
        mine - its for mine, its in zip(one.seconds, other.seconds, strict=False)
    )


class _Spans(SpanExporter):
    """Encodes as the OTLP exporter does, and sends nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class _Logs(LogRecordExporter):
    """Encodes as the OTLP exporter does, and sends nothing."""

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        encode_logs(batch).SerializeToString()
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class _Keeping(LogRecordProcessor):
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.records.append(log_record)

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def spans(count: int) -> list[Any]:
    """Finished spans of an HTTP server; one in twenty has somebody's address."""
    tracer = TracerProvider().get_tracer("shop")
    made = []
    for number in range(count):
        with tracer.start_as_current_span("GET /orders/{number}") as span:
            client = f"198.51.100.{number % 250}" if number % 20 == 0 else "127.0.0.1"
            span.set_attributes({
                "http.request.method": "GET", "url.path": f"/orders/{number}",
                "url.scheme": "https", "server.address": "shop.example", "server.port": 443,
                "http.route": "/orders/{number}", "http.response.status_code": 200,
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0",
                "client.address": client,
            })  # fmt: skip
        made.append(span)
    return made


def log_records(count: int) -> list[Any]:
    """Log records; one in twenty names somebody."""
    provider, kept = LoggerProvider(), _Keeping()
    provider.add_log_record_processor(kept)
    logger = provider.get_logger("shop")
    for number in range(count):
        who = f"visitor{number}@mail.example" if number % 20 == 0 else f"customer {number}"
        logger.emit(body=f"order {number} of {who} is open", attributes={"code.line.number": 12})
    return kept.records


def otel_rows(options: Options) -> list[dict[str, object]]:
    """Exports of spans and of log records."""
    pipeline = Pipeline.default()
    batches = 2 if options.quick else _BATCHES
    size = 8 if options.quick else _BATCH
    kinds: dict[str, tuple[list[Any], Any, Any]] = {
        "spans": (spans(batches * size), _Spans, OtelSpanExporter),
        "log records": (log_records(batches * size), _Logs, OtelLogExporter),
    }
    rows = []
    for name, (records, plain, wrapper) in kinds.items():
        contenders = {
            "serialising": _exporting(records, plain(), size),
            "errlock": _exporting(records, wrapper(plain(), pipeline), size),
        }
        for account, ledger in ledgers().items():
            wrapped = wrapper(plain(), Pipeline.default(), ledger=ledger)
            contenders[account] = _exporting(records, wrapped, size)
        starts = [str(start).encode() for start in range(0, len(records), size)]
        times = race(contenders, starts, 0.5 if options.quick else _BUDGET)
        rows.append(_row(f"opentelemetry-sdk, {size} {name}", times, "serialising"))
    return rows


def _exporting(records: list[Any], exporter: Any, size: int) -> Callable[[bytes], None]:
    def export(start: bytes) -> None:
        exporter.export(records[int(start) : int(start) + size])

    return export


def main() -> None:
    """Measure and show."""
    options = parse(__doc__)
    logging.getLogger("shop").setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.NullHandler())
    rows = [*sentry_rows(options), *otel_rows(options)]
    about = machine("sentry-sdk", "opentelemetry-sdk", "hyperscan", "google-re2")
    notes = [
        "Medians. errlock adds: to a transport or exporter that writes what would be sent.",
        "+counts, +code: what a ledger of that depth adds to errlock, median of the differences.",
    ]
    show("errlock inside an application", rows, about, notes)


if __name__ == "__main__":
    main()
