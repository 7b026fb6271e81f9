"""Requests within the limit on bytes that would take gigabytes in memory."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.payloads import otlp_bounds
from errlock.pipeline.payloads.otlp import OtlpRequest


def within(number: int, content: bytes) -> bytes:
    """Content as the message in a field."""
    length, prefix = len(content), bytes([number << 3 | 2])
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return prefix + bytes([length]) + content


MANY = 20_000
BOMBS = {
    "resources": b"\x0a\x00" * (MANY + 1),
    "records": within(1, within(2, b"\x12\x00" * (MANY + 1))),
    "attributes": within(1, within(2, within(2, b"\x32\x00" * (MANY + 1)))),
    "unknown fields": b"\x78\x01" * (MANY + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_too_many_empty_messages_are_refused_before_they_are_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_bounds, "MAX_MESSAGES", MANY)
    with pytest.raises(RefusedPayload, match="too many values for one request") as refused:
        OtlpRequest.decode(BOMBS[name], "logs")
    assert (refused.value.status, refused.value.reason) == (413, "too_many")


def test_too_many_empty_objects_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_bounds, "MAX_COMMAS", MANY)
    body = b'{"resourceLogs":[' + b"{}," * (MANY + 1) + b"{}]}"
    with pytest.raises(RefusedPayload, match="too many values for one request") as refused:
        OtlpRequest.decode_json(body, "logs")
    assert (refused.value.status, refused.value.reason) == (413, "too_many")


def test_every_message_of_any_depth_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    point = metric.gauge.data_points.add(as_double=1.5)
    point.attributes.add(key="k").value.array_value.values.add().string_value = "x" * 200
    # Resource, scope, metric, gauge, point, attribute, value, array, element.
    body = request.SerializeToString()
    monkeypatch.setattr(otlp_bounds, "MAX_MESSAGES", 9)
    otlp_bounds.check_protobuf(body, ExportMetricsServiceRequest)
    monkeypatch.setattr(otlp_bounds, "MAX_MESSAGES", 8)
    with pytest.raises(RefusedPayload):
        otlp_bounds.check_protobuf(body, ExportMetricsServiceRequest)


@pytest.mark.parametrize("broken", [b"\x0a", b"\xff" * 5_000_000, b"\x0a\xff" * 3_000_000])
def test_what_is_no_protobuf_is_refused_as_such(broken: bytes) -> None:
    with pytest.raises(RefusedPayload, match="not an OTLP request in protobuf"):
        OtlpRequest.decode(broken, "logs")
