"""What a server answers to an export request: https://opentelemetry.io/docs/specs/otlp/#partial-success."""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from .otlp_signals import Signal


class Response(NamedTuple):
    """The answer of a signal's service."""

    message: Any
    rejected: str  # the field of its partial success that says how many were not taken


RESPONSES: dict[Signal, Response] = {
    "logs": Response(ExportLogsServiceResponse, "rejected_log_records"),
    "traces": Response(ExportTraceServiceResponse, "rejected_spans"),
    "metrics": Response(ExportMetricsServiceResponse, "rejected_data_points"),
}
