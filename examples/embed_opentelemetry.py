"""opentelemetry-sdk with the OTLP exporter, sanitised between the two."""

import os

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import OtelSpanExporter

endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
exporter = OtelSpanExporter(OTLPSpanExporter(endpoint=endpoint, insecure=True), Pipeline.default())
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))

with provider.get_tracer("shop").start_as_current_span("login") as span:
    span.set_attribute("user.email", "jane.roe@example.com")
    span.record_exception(RuntimeError("cannot log in with password=Winter2024!"))

provider.shutdown()
