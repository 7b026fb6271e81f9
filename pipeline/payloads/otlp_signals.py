"""How the requests of the three signals are built: which message holds which."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .document import DocumentType

Signal = Literal["logs", "traces", "metrics"]


# The gRPC service of each; its method is Export.
SERVICES: dict[Signal, str] = {
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


class Shape(NamedTuple):
    """How the requests of a signal are built."""

    request: type[Message]
    # The fields, or the oneofs, from the request to the records, and what is held in each but the
    # last of them. None: a part of what is around it.
    path: tuple[str, ...]
    kinds: tuple[DocumentType | None, ...]
    record: DocumentType


SHAPES: dict[Signal, Shape] = {
    "logs": Shape(
        ExportLogsServiceRequest,
        ("resource_logs", "scope_logs", "log_records"),
        ("resource", "scope"),
        "log_record",
    ),
    "traces": Shape(
        ExportTraceServiceRequest,
        ("resource_spans", "scope_spans", "spans"),
        ("resource", "scope"),
        "otlp_span",
    ),
    "metrics": Shape(
        ExportMetricsServiceRequest,
        ("resource_metrics", "scope_metrics", "metrics", "data", "data_points"),
        ("resource", "scope", "otlp_metric", None),
        "data_point",
    ),
}


def prune(message: Any, path: tuple[str, ...]) -> bool:
    """Remove what holds no records. Returns whether anything is left."""
    field = path[0]
    if field in message.DESCRIPTOR.oneofs_by_name:
        field = message.WhichOneof(field)
        return field is not None and prune(getattr(message, field), path[1:])
    children = getattr(message, field)
    if len(path) > 1:
        for index in reversed(range(len(children))):
            if not prune(children[index], path[1:]):
                del children[index]
    return bool(children)


def count_unknown(message: Message) -> int:
    """How many fields of a message, and of the messages in it, nobody knows."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            count += sum(map(count_unknown, value if field.is_repeated else (value,)))
    return count
