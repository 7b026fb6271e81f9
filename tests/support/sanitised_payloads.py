"""Payloads of both protocols as a chain leaves them, for tests of what comes after it."""

from __future__ import annotations

from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest

EVENT_ID = "fc6d8c0c43fc4630ad850ee518f1b9d0"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
RECEIVED = 1_700_000_000.25


def event(**changes: Any) -> dict[str, Any]:
    """A small error event."""
    return {
        "event_id": EVENT_ID,
        "level": "error",
        "platform": "python",
        "exception": {"values": [{"type": "PaymentError", "value": "card [card] refused"}]},
        "contexts": {"trace": {"trace_id": TRACE_ID, "span_id": "b7ad6b7169203331"}},
        **changes,
    }


def envelope(*events: dict[str, Any], attachment: bytes | None = None) -> Envelope:
    """An envelope of such events, with a text attachment if given."""
    lines = [msgspec.json.encode({"event_id": EVENT_ID, "trace": {"trace_id": TRACE_ID}})]
    for each in events or (event(),):
        body = msgspec.json.encode(each)
        lines += [msgspec.json.encode({"type": "event", "length": len(body)}), body]
    if attachment is not None:
        header = {
            "type": "attachment",
            "length": len(attachment),
            "filename": "notes.txt",
            "content_type": "text/plain",
        }
        lines += [msgspec.json.encode(header), attachment]
    return Envelope.decode(b"\n".join(lines) + b"\n", "shop", RECEIVED)


def logs(*bodies: str, service: str = "shop") -> OtlpRequest:
    """A request of log records."""
    request = ExportLogsServiceRequest()
    around = request.resource_logs.add()
    around.resource.attributes.add(key="service.name").value.string_value = service
    scope = around.scope_logs.add()
    scope.scope.name = "shop.billing"
    for body in bodies or ("payment refused",):
        record = scope.log_records.add(trace_id=bytes.fromhex(TRACE_ID), severity_number=17)
        record.body.string_value = body
    return OtlpRequest.decode(request.SerializeToString(), "logs", received=RECEIVED)


def spans(*names: str) -> OtlpRequest:
    """A request of spans."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for name in names or ("GET /cart",):
        scope.spans.add(name=name, trace_id=bytes.fromhex(TRACE_ID), span_id=b"\1" * 8)
    return OtlpRequest.decode(request.SerializeToString(), "traces", received=RECEIVED)


def metrics(name: str = "carts.open") -> OtlpRequest:
    """A request of one gauge with one data point."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    metric.gauge.data_points.add(as_int=3)
    return OtlpRequest.decode(request.SerializeToString(), "metrics", received=RECEIVED)
