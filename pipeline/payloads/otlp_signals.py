"""How the requests of the three signals are built: which message holds which."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .document import DocumentType
from .otlp_documents import Around, Metric, OtlpDocument, data_points

Signal = Literal["logs", "traces", "metrics"]


# The gRPC service of each; its method is Export.
SERVICES: dict[Signal, str] = {
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


class Level(NamedTuple):
    """One kind of context, from the outermost: how it is made, and what it holds."""

    kind: DocumentType
    document: type[OtlpDocument]
    children: Callable[[Any], Any]


class Shape(NamedTuple):
    """How the requests of a signal are built."""

    request: type[Message]
    resources: Callable[[Any], Any]
    levels: tuple[Level, ...]
    record: DocumentType


SHAPES: dict[Signal, Shape] = {
    "logs": Shape(
        ExportLogsServiceRequest,
        attrgetter("resource_logs"),
        (
            Level("resource", Around, attrgetter("scope_logs")),
            Level("scope", Around, attrgetter("log_records")),
        ),
        "log_record",
    ),
    "traces": Shape(
        ExportTraceServiceRequest,
        attrgetter("resource_spans"),
        (
            Level("resource", Around, attrgetter("scope_spans")),
            Level("scope", Around, attrgetter("spans")),
        ),
        "otlp_span",
    ),
    "metrics": Shape(
        ExportMetricsServiceRequest,
        attrgetter("resource_metrics"),
        (
            Level("resource", Around, attrgetter("scope_metrics")),
            Level("scope", Around, attrgetter("metrics")),
            Level("otlp_metric", Metric, data_points),
        ),
        "data_point",
    ),
}


def prune(containers: Any, levels: tuple[Level, ...]) -> None:
    """Remove what holds no documents."""
    for index in reversed(range(len(containers))):
        children = levels[0].children(containers[index])
        if len(levels) > 1:
            prune(children, levels[1:])
        if not children:
            del containers[index]


def count_unknown(message: Message) -> int:
    """How many fields of a message, and of the messages in it, nobody knows."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            count += sum(map(count_unknown, value if field.is_repeated else (value,)))
    return count
