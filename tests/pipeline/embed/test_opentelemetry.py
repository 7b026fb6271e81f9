"""The wrappers for opentelemetry-sdk: real providers, real OTLP exporters, a real server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from canaries import CANARIES, FRAGMENTS, found_in
from http_sink import http_sink
from mask_canaries import MASK, failing, masking
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, ReadableLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.span import TraceState
from wire import Wire

from errlock.pipeline.api import Pipeline
from errlock.pipeline.embed import OtelLogExporter, OtelSpanExporter

MakeWire = Callable[[int], Wire]


@pytest.fixture
def relay(wire: MakeWire) -> Iterator[Wire]:
    with http_sink() as port:
        yield wire(port)


def remote(number: int) -> SpanContext:
    """A span of another process."""
    return SpanContext(
        0xABC0 + number, 0xDEF0 + number, True, TraceFlags(1), TraceState([("vendor", "one")])
    )


def tracing(exporter: SpanExporter, **attributes: str) -> TracerProvider:
    resource = Resource({"service.name": "shop", **attributes}, "https://schema.example/1")
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def make_span(provider: TracerProvider, text: str) -> None:
    """A span with everything that a span can have."""
    tracer = provider.get_tracer("lib", "1.2", "https://schema.example/2", {"scope": text})
    with tracer.start_as_current_span(
        text,
        context=set_span_in_context(NonRecordingSpan(remote(1))),
        kind=SpanKind.SERVER,
        links=[Link(remote(2), {"why": text})],
        attributes={"text": text, "list": [text, "b"], "int": 3, "float": 1.5, "bool": True},
    ) as span:
        span.add_event("event", {"detail": text}, timestamp=17)
        span.set_status(Status(StatusCode.ERROR, text))


def test_spans_reach_the_real_exporter_without_secrets(relay: Wire) -> None:
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{relay.port}/v1/traces")
    provider = tracing(
        OtelSpanExporter(exporter, masking()), **{"process.owner": CANARIES["email"]}
    )
    make_span(provider, FRAGMENTS["email"])
    provider.shutdown()
    assert len(relay.requests) == 1
    assert found_in(relay.views()) == []
    request = ExportTraceServiceRequest.FromString(relay.requests[0].body)
    clean = f"no account for {MASK}"
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert (span.name, span.status.message, span.links[0].attributes[0].value.string_value) == (
        clean, clean, clean,
    )  # fmt: skip


def test_a_clean_span_stays_as_it_is() -> None:
    plain, wrapped = InMemorySpanExporter(), InMemorySpanExporter()
    provider = tracing(plain)
    provider.add_span_processor(SimpleSpanProcessor(OtelSpanExporter(wrapped, masking())))
    make_span(provider, "nothing to hide")
    before, after = plain.get_finished_spans(), wrapped.get_finished_spans()
    assert encode_spans(after) == encode_spans(before)
    assert after[0].to_json() == before[0].to_json()
    assert after[0].parent is not None
    assert after[0].parent.is_remote
    assert after[0].context.trace_state == before[0].context.trace_state


def test_counts_of_what_the_sdk_dropped_are_kept() -> None:
    from opentelemetry.sdk.trace import SpanLimits

    plain, wrapped = InMemorySpanExporter(), InMemorySpanExporter()
    limits = SpanLimits(max_attributes=1, max_events=1, max_links=1)
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(plain))
    provider.add_span_processor(SimpleSpanProcessor(OtelSpanExporter(wrapped, masking())))
    make_span(provider, "nothing to hide")
    (span,) = wrapped.get_finished_spans()
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (4, 0, 0)
    assert encode_spans([span]) == encode_spans(plain.get_finished_spans())


class Recording(SpanExporter):
    """Fails when it is given anything."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise AssertionError("something got through")


def test_spans_that_cannot_be_judged_are_not_exported() -> None:
    pipeline = failing()
    exporter = OtelSpanExporter(Recording(), pipeline)
    finished = InMemorySpanExporter()
    make_span(tracing(finished), FRAGMENTS["jwt"])
    assert exporter.export(finished.get_finished_spans()) is SpanExportResult.SUCCESS
    assert pipeline.counters.total("processor_dropped", type="otlp_span") == 1


def test_a_span_that_otlp_has_no_room_for_is_dropped_alone() -> None:
    finished, inner, pipeline = InMemorySpanExporter(), InMemorySpanExporter(), masking()
    tracer = tracing(finished).get_tracer("lib")
    for name in ("good", "bad"):
        tracer.start_span(name).end()
    good, bad = finished.get_finished_spans()
    bad._attributes = {"what": object()}  # type: ignore[dict-item]  # what the SDK would refuse
    OtelSpanExporter(inner, pipeline).export([good, bad])
    assert [span.name for span in inner.get_finished_spans()] == ["good"]
    assert pipeline.counters.total("processor_dropped", reason="broken", type="otlp_span") == 1


def logs(exporter: LogRecordExporter, **attributes: str) -> LoggerProvider:
    provider = LoggerProvider(
        resource=Resource({"service.name": "shop", **attributes}), shutdown_on_exit=False
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider


def emit(provider: LoggerProvider, text: str, name: str = "lib") -> None:
    """A log record with everything that it can have."""
    provider.get_logger(name, "1.2").emit(
        timestamp=11,
        observed_timestamp=12,
        context=set_span_in_context(NonRecordingSpan(remote(1))),
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body={"text": text, "list": [1, text, None, {"deep": 1.5}]},
        attributes={"text": text, "many": (1, 2)},
        event_name="charge",
    )


def test_log_records_reach_the_real_exporter_without_secrets(relay: Wire) -> None:
    exporter = OTLPLogExporter(f"http://127.0.0.1:{relay.port}/v1/logs")
    provider = logs(OtelLogExporter(exporter, masking()), **{"process.owner": CANARIES["email"]})
    for fragment in FRAGMENTS.values():
        emit(provider, fragment)
    provider.shutdown()
    assert len(relay.requests) == len(FRAGMENTS)
    assert found_in(relay.views()) == []


def in_memory() -> InMemoryLogRecordExporter:
    return InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # theirs has no annotations


def exported(exporter: InMemoryLogRecordExporter) -> tuple[ReadableLogRecord, ...]:
    return exporter.get_finished_logs()


def test_a_clean_log_record_stays_as_it_is() -> None:
    plain, wrapped = in_memory(), in_memory()
    provider = logs(plain)
    provider.add_log_record_processor(SimpleLogRecordProcessor(OtelLogExporter(wrapped, masking())))
    emit(provider, "nothing to hide")
    assert encode_logs(exported(wrapped)) == encode_logs(exported(plain))
    assert exported(wrapped)[0].to_json() == exported(plain)[0].to_json()


def test_log_records_that_cannot_be_judged_are_not_exported() -> None:
    inner = in_memory()
    provider = logs(OtelLogExporter(inner, failing()))
    emit(provider, FRAGMENTS["jwt"])
    assert exported(inner) == ()


def test_errlocks_own_log_does_not_go_round_in_circles() -> None:
    inner = in_memory()
    provider = logs(OtelLogExporter(inner, masking()))
    for name in ("errlock", "errlock.chain", "errlocksmith"):
        emit(provider, "hello", name)
    scopes = [record.instrumentation_scope for record in exported(inner)]
    assert [scope.name for scope in scopes if scope is not None] == ["errlocksmith"]


@pytest.mark.filterwarnings("ignore:.*LoggingHandler.*:DeprecationWarning")
def test_batches_and_the_logging_handler_work_through_the_wrapper(relay: Wire) -> None:
    spans = OTLPSpanExporter(f"http://127.0.0.1:{relay.port}/v1/traces")
    records = OTLPLogExporter(f"http://127.0.0.1:{relay.port}/v1/logs")
    pipeline: Pipeline = masking()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(BatchSpanProcessor(OtelSpanExporter(spans, pipeline)))
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(
        BatchLogRecordProcessor(OtelLogExporter(records, pipeline))
    )
    logger = logging.getLogger("shop.batches")
    handler = LoggingHandler(logger_provider=logger_provider)
    logger.addHandler(handler)
    try:
        for number in range(50):
            make_span(tracer_provider, f"{number}: {FRAGMENTS['card']}")
            logger.error("%s: %s", number, FRAGMENTS["iban"])
        assert tracer_provider.force_flush()
        assert logger_provider.force_flush()
    finally:
        logger.removeHandler(handler)
        tracer_provider.shutdown()
        logger_provider.shutdown()
    assert found_in(relay.views()) == []
    sent: list[Any] = [
        span
        for request in relay.requests
        if "/traces" in request.start_line
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert len(sent) == 50
    assert len({span.trace_id for span in sent}) == 1
