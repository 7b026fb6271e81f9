"""An application with opentelemetry-sdk whose exceptions, spans and logs carry canaries.

Run as a program: OTEL_EXPORTER_OTLP_ENDPOINT says where to, `grpc` or `http` as its argument how.
The same exception is reported twice, as a span event and as a log record, as instrumentations do.
With EMBED_ERRLOCK set, errlock stands before the exporters.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback

from canaries import CANARIES, FRAGMENTS
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter


def exporters(protocol: str) -> tuple[SpanExporter, LogRecordExporter]:
    """The SDK's own OTLP exporters for one protocol; the environment says where to."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GrpcSpans,
        )

        return GrpcSpans(insecure=True), GrpcLogs(insecure=True)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(), OTLPLogExporter()


def embedded(
    spans: SpanExporter, logs: LogRecordExporter
) -> tuple[SpanExporter, LogRecordExporter]:
    """errlock before the exporters, or the exporters themselves."""
    if "EMBED_ERRLOCK" not in os.environ:
        return spans, logs
    from errlock.pipeline import Pipeline
    from errlock.pipeline.embed import OtelLogExporter, OtelSpanExporter

    pipeline = Pipeline.default()
    return OtelSpanExporter(spans, pipeline), OtelLogExporter(logs, pipeline)


def charge() -> None:
    """Fail with canaries in the message."""
    raise ConnectionError(f"{FRAGMENTS['basic_auth']}: {FRAGMENTS['aws_secret_key']}")


def main() -> None:
    """Send a span with an exception, the same exception as a log record, and plain logs."""
    logging.disable()
    spans, logs = embedded(*exporters(sys.argv[1]))
    resource = Resource.create({
        "service.name": "shop", "service.version": "4.2.0",
        "deployment.environment.name": "production", "process.owner": CANARIES["email"],
    })  # fmt: skip
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    logging_ = LoggerProvider(resource=resource)
    logging_.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger = logging_.get_logger("shop")
    with tracing.get_tracer("shop").start_as_current_span("POST /checkout") as span:
        span.set_attribute("client.address", CANARIES["ip"])
        span.set_attribute("url.full", FRAGMENTS["basic_auth"].removeprefix("GET "))
        span.set_attribute("http.request.header.cookie", [FRAGMENTS["session_cookie"]])
        span.set_attribute("user.email", CANARIES["email"])
        try:
            charge()
        except ConnectionError as error:
            span.record_exception(error)
            span.set_status(trace.StatusCode.ERROR, str(error))
            logger.emit(
                severity_number=SeverityNumber.ERROR,
                severity_text="ERROR",
                body=str(error),
                attributes={
                    "exception.type": type(error).__name__,
                    "exception.message": str(error),
                    "exception.stacktrace": traceback.format_exc(),
                },
            )
        for name, fragment in FRAGMENTS.items():
            logger.emit(
                severity_number=SeverityNumber.INFO,
                body={"text": fragment, "values": [CANARIES[name]]},
                attributes={name: CANARIES[name]},
            )
    tracing.shutdown()
    logging_.shutdown()


if __name__ == "__main__":
    main()
