"""Exceptions recorded with the real OpenTelemetry SDK, encoded by its real OTLP exporter."""

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

RESOURCE = {
    "service.name": "shop",
    "service.version": "1.2.3",
    "deployment.environment.name": "production",
    "host.name": "web-1",
    "process.runtime.name": "cpython",
    "process.runtime.version": "3.11.7",
    "os.type": "linux",
    "cloud.region": "eu-1",
}


@dataclass
class Recorded:
    """What the SDK would have sent: OTLP requests in protobuf."""

    traces: bytes
    logs: bytes
    exception: BaseException


def record(
    raising: Callable[[], object],
    *,
    spans: tuple[str, ...] = ("GET /cart",),
    attributes: Mapping[str, str | int] | None = None,
    log: Callable[[logging.Logger], None] | None = None,
) -> Recorded:
    """Let `raising` raise inside spans, logged (`log`) in the innermost one and recorded by all."""
    resource = Resource.create(RESOURCE)
    finished = InMemorySpanExporter()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(finished))
    logged = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # it has no annotations
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logged))
    logger = logging.Logger("shop.cart")
    with warnings.catch_warnings():
        # Deprecated for a package of its own, but still what applications use.
        warnings.simplefilter("ignore", DeprecationWarning)
        logger.addHandler(LoggingHandler(logger_provider=loggers))
    tracer = tracers.get_tracer("shop.tracing")

    def enter(names: tuple[str, ...]) -> None:
        if names:
            with tracer.start_as_current_span(names[0], attributes=attributes):
                enter(names[1:])
            return
        try:
            raising()
        except BaseException:
            (log or (lambda logger: logger.exception("cart of %s failed", "c-7")))(logger)
            raise

    try:
        enter(spans)
    except BaseException as exception:  # noqa: BLE001  it is what was asked for
        return Recorded(
            encode_spans(finished.get_finished_spans()).SerializeToString(),
            encode_logs(logged.get_finished_logs()).SerializeToString(),
            exception,
        )
    raise AssertionError("nothing was raised")
