"""OTLP's own JSON, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from otlp_messages import REQUESTS, requests

from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.payloads.otlp import OtlpRequest


def span(**fields: Any) -> bytes:
    """A request with one span."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def tree(body: bytes, signal: Any = "traces") -> Any:
    (document,) = OtlpRequest.decode_json(body, signal).documents
    return document.tree


def value(any_value: Any) -> Any:
    return tree(span(attributes=[{"key": "k", "value": any_value}]))["attributes"]["k"]


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_json_and_protobuf_say_the_same(signal: Any, data: st.DataObject) -> None:
    payload = OtlpRequest.decode(data.draw(requests(signal)).SerializeToString(), signal)
    again = OtlpRequest.decode_json(payload.encode_json(), signal)
    assert REQUESTS[signal].FromString(again.encode()) == REQUESTS[signal].FromString(
        payload.encode()
    )
    assert again.repaired == 0


def test_a_request_as_the_specification_shows_it() -> None:
    body = span(
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="EEE19B7EC3C1B174",
        parentSpanId="",
        name="I'm a server span",
        startTimeUnixNano="1544712660000000000",
        endTimeUnixNano=1544712661000000000,
        kind=2,
        flags=257,
        attributes=[{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
        events=[{"timeUnixNano": "5", "name": "e", "droppedAttributesCount": 1}],
        status={"code": 2},
    )
    assert tree(body) == {
        "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174",
        "name": "I'm a server span",
        "kind": 2,
        "start_time_unix_nano": 1544712660000000000,
        "end_time_unix_nano": 1544712661000000000,
        "flags": 257,
        "attributes": {"my.span.attr": "some value"},
        "events": [{"time_unix_nano": 5, "name": "e", "dropped_attributes_count": 1}],
        "status": {"code": 2},
    }


def test_what_is_written_is_otlp_json() -> None:
    body = span(
        traceId="5b8efff798038103d269b633813fc60c",
        startTimeUnixNano="1544712660000000000",
        kind=2,
        attributes=[
            {"key": "i", "value": {"intValue": "7"}},
            {"key": "d", "value": {"doubleValue": "NaN"}},
            {"key": "b", "value": {"bytesValue": "/+8="}},
            {"key": "a", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
            {"key": "m", "value": {"kvlistValue": {"values": [{"key": "é", "value": {}}]}}},
        ],
    )
    assert json.loads(OtlpRequest.decode_json(body, "traces").encode_json()) == json.loads(body)


@pytest.mark.parametrize(
    ("any_value", "plain"),
    [
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"intValue": 9223372036854775807}, 2**63 - 1),
        ({"intValue": 3.0}, 3),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "1.5e3"}, 1500.0),
        ({"doubleValue": "-Infinity"}, float("-inf")),
        ({"bytesValue": "_-8"}, b"\xff\xef"),
        ({"stringValue": None, "boolValue": False}, False),
        ({}, None),
        (None, None),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [None, {"intValue": 1}]}}, [None, 1]),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, {"a": 1}),
    ],
)
def test_values_as_real_senders_write_them(any_value: Any, plain: Any) -> None:
    found = value(any_value)
    assert found == plain
    assert type(found) is type(plain)


def test_an_enum_may_be_its_name() -> None:
    assert tree(span(kind="SPAN_KIND_CLIENT")) == {"kind": 3}


def test_an_enum_that_nobody_knows_stays() -> None:
    assert tree(span(kind=77)) == {"kind": 77}


def test_unknown_members_are_ignored_and_counted() -> None:
    body = span(name="n", colour="hunter2", trace_state="snake case is not a name", status={"x": 1})
    payload = OtlpRequest.decode_json(body, "traces")
    assert payload.documents[0].tree == {"name": "n", "status": {}}
    assert payload.repaired == 3
    assert b"hunter2" not in payload.encode() + payload.encode_json()


@pytest.mark.parametrize(
    "body",
    [
        span(traceId="5b8efff79803810g"),
        span(traceId="abc"),
        span(traceId=5),
        span(name=5),
        span(kind="SPAN_KIND_HUNTER2"),
        span(kind=2**31),
        span(kind=True),
        span(startTimeUnixNano="-1"),
        span(startTimeUnixNano="hunter2"),
        span(startTimeUnixNano="1" * 5000),
        span(startTimeUnixNano=1.5),
        span(attributes={"key": "k"}),
        span(attributes=["k"]),
        span(attributes=[{"key": "k", "value": "hunter2"}]),
        span(attributes=[{"key": "k", "value": {"boolValue": "true"}}]),
        span(attributes=[{"key": "k", "value": {"doubleValue": "1_0"}}]),
        span(attributes=[{"key": "k", "value": {"doubleValue": True}}]),
        span(attributes=[{"key": "k", "value": {"bytesValue": "a"}}]),
        span(attributes=[{"key": "k", "value": {"bytesValue": "????"}}]),
        b"[]",
        b"",
        b"{",
        b'{"resourceSpans": [{}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"resourceSpans":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_what_is_no_otlp_json_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedPayload) as refused:
        OtlpRequest.decode_json(body, "traces")
    assert (refused.value.status, refused.value.reason) == (400, "malformed")
    assert str(refused.value) == "the body is not an OTLP request in JSON"
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("shape", ["arrayValue", "kvlistValue"])
def test_what_json_can_nest_protobuf_can_read(shape: str) -> None:
    deep: Any = {"intValue": 1}
    levels = 0
    while levels < 60:
        body = span(attributes=[{"key": "k", "value": deep}])
        try:
            payload = OtlpRequest.decode_json(body, "traces")
        except RefusedPayload:
            break
        assert OtlpRequest.decode(payload.encode(), "traces").documents[0].tree == tree(body)
        entry = deep if shape == "arrayValue" else {"key": "k", "value": deep}
        deep, levels = {shape: {"values": [entry]}}, levels + 1
    assert 25 < levels < 45


def test_what_is_merely_sloppy_is_mended_and_counted() -> None:
    body = b"\xef\xbb\xbf" + span(name="cut \ud83d", attributes=[{"key": "k", "value": {}}])
    payload = OtlpRequest.decode_json(body, "traces")
    assert payload.documents[0].tree == {"name": "cut \ufffd", "attributes": {"k": None}}
    assert payload.repaired == 2
