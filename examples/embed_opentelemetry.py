"""opentelemetry-sdk with the OTLP exporters, sanitised between the two."""

import os

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import OtelMetricExporter, OtelSpanExporter

endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
pipeline = Pipeline.default()

spans = OtelSpanExporter(OTLPSpanExporter(endpoint=endpoint, insecure=True), pipeline)
tracing = TracerProvider()
tracing.add_span_processor(BatchSpanProcessor(spans))

metrics = OtelMetricExporter(OTLPMetricExporter(endpoint=endpoint, insecure=True), pipeline)
metering = MeterProvider([PeriodicExportingMetricReader(metrics)])

with tracing.get_tracer("shop").start_as_current_span("login") as span:
    span.set_attribute("user.email", "jane.roe@example.com")
    span.record_exception(RuntimeError("cannot log in with password=Winter2024!"))
    failures = metering.get_meter("shop").create_counter("login.failures")
    failures.add(1, {"user.email": "jane.roe@example.com"})

tracing.shutdown()
metering.shutdown()
