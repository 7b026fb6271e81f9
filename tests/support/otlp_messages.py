"""OTLP requests for tests: any that the protocol allows, and ones as an SDK writes them."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from errlock.pipeline.payloads.otlp import OtlpRequest

REQUESTS: dict[str, Any] = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}

_NUMBERS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
# FieldDescriptor.type: https://protobuf.dev/reference/cpp/api-docs/google.protobuf.descriptor/
_INTEGERS = {
    3: "int64", 4: "uint64", 5: "int32", 6: "uint64", 7: "uint32", 13: "uint32", 14: "int32",
    15: "int32", 16: "int64", 17: "int32", 18: "int64",
}  # fmt: skip
# Made once: tens of thousands are drawn from in a test.
_WHETHER = st.booleans()
_SOME, _ANY = st.integers(1, 2), st.integers(0, 2)
# References into a table that only profiles have: not a part of these requests.
_LEFT_OUT = {"string_value_strindex", "key_strindex"}


def set_value(target: AnyValue, value: Any) -> None:
    """Fill an AnyValue from a plain value."""
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for each in value:
            set_value(target.array_value.values.add(), each)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        set_attributes(target.kvlist_value.values, value)


def set_attributes(pairs: Any, attributes: dict[str, Any]) -> None:
    """Add pairs to a repeated KeyValue."""
    for key, value in attributes.items():
        pair = pairs.add()
        pair.key = key
        set_value(pair.value, value)


def log_request(body: Any = "hello", service: str | None = "shop", **attributes: Any) -> Any:
    """A request with one log record."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    if service is not None:
        set_attributes(resource.resource.attributes, {"service.name": service})
    record = resource.scope_logs.add().log_records.add()
    set_value(record.body, body)
    set_attributes(record.attributes, attributes)
    return request


def logs_payload(body: str = "hello", count: int = 1) -> OtlpRequest:
    """What is read of a request with so many log records, each in a resource of its own."""
    request = log_request(body)
    for _ in range(count - 1):
        request.MergeFrom(log_request(body))
    return OtlpRequest.decode(request.SerializeToString(), "logs")


@st.composite
def requests(draw: st.DrawFn, signal: str) -> Any:
    """Any request of a signal, with every field that there is."""
    request = REQUESTS[signal]()
    _fill(draw, request, 0)
    return request


def _fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    # Values are never empty: one without a value means the same as none.
    needed = depth < 4 or message.DESCRIPTOR.name in ("AnyValue", "KeyValue")
    groups: dict[str, list[Any]] = {}
    for field in message.DESCRIPTOR.fields:
        if field.name not in _LEFT_OUT and (depth <= 12 or not _nests(field)):
            oneof = field.containing_oneof
            groups.setdefault(oneof.name if oneof else field.name, []).append(field)
    for fields in groups.values():
        if needed or draw(_WHETHER):
            field = fields[0] if len(fields) == 1 else draw(st.sampled_from(fields))
            _set(draw, message, field, depth)


def _nests(field: Any) -> bool:
    return field.message_type is not None and field.message_type.name in (
        "ArrayValue",
        "KeyValueList",
    )


def _set(draw: st.DrawFn, message: Any, field: Any, depth: int) -> None:
    if field.message_type is None:
        if field.is_repeated:
            getattr(message, field.name).extend(draw(_scalars(field.type)))
        else:
            setattr(message, field.name, draw(_scalar(field.type)))
    elif not field.is_repeated:
        getattr(message, field.name).SetInParent()
        _fill(draw, getattr(message, field.name), depth + 1)
    else:
        for index in range(draw(_SOME if depth < 4 else _ANY)):
            child = getattr(message, field.name).add()
            _fill(draw, child, depth + 1)
            if field.message_type.name == "KeyValue":
                child.key = f"{child.key}{index}"  # attribute keys are unique


@cache
def _scalars(type_: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(_scalar(type_), max_size=2)


@cache
def _scalar(type_: int) -> st.SearchStrategy[Any]:
    if type_ in _INTEGERS:
        low, high = _NUMBERS[_INTEGERS[type_]]
        return st.integers(low, high) | st.just(0)
    if type_ == 8:
        return st.booleans()
    if type_ == 9:
        return st.text(max_size=6)
    if type_ == 12:
        return st.binary(max_size=16)
    return st.floats(allow_nan=False)
