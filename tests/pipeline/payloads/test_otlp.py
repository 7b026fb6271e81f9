"""Requests in, documents seen and changed, requests out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from otlp_messages import REQUESTS, log_request, requests, set_attributes, set_value

from errlock.pipeline.errors import BrokenDocument, RefusedPayload
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.payloads.otlp_tree import TreeReader

SIGNALS: Any = ["logs", "traces", "metrics"]
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def trace_request(spans: int = 1) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url="https://schema/1")
    set_attributes(resource.resource.attributes, {"service.name": "shop"})
    scope = resource.scope_spans.add(schema_url="https://schema/2")
    scope.scope.name = "library"
    for index in range(spans):
        span = scope.spans.add(
            trace_id=bytes(range(16)), span_id=b"12345678", name=f"span {index}", kind=2
        )
        set_attributes(span.attributes, {"b": 1, "a": 1.0, "raw": b"\x00\xff", "list": [1, "x"]})
    return request


def metric_request() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    set_attributes(resource.resource.attributes, {"service.name": "shop"})
    metric = resource.scope_metrics.add().metrics.add(name="orders", unit="1", description="all")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 2  # type: ignore[assignment]  # cumulative
    for number in (1, 0):
        point = metric.sum.data_points.add(as_int=number)
        set_attributes(point.attributes, {"customer": "ada"})
        set_attributes(point.exemplars.add(as_double=1.5).filtered_attributes, {"id": 7})
    return request


def decoded(request: Any, signal: Any = "logs", **options: Any) -> OtlpRequest:
    return OtlpRequest.decode(request.SerializeToString(), signal, **options)


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def only(payload: OtlpRequest) -> Any:
    (document,) = payload.documents
    return document


def test_what_goes_in_comes_out() -> None:
    body = trace_request(300).SerializeToString()
    assert OtlpRequest.decode(body, "traces").encode() == body


def test_a_large_request_of_the_sdk_comes_out_byte_for_byte() -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop", "process.pid": 7}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("library", "1.0", attributes={"a": True})
    for number in range(1000):
        with tracer.start_as_current_span(f"GET /{number}", kind=SpanKind.SERVER) as span:
            span.set_attributes({"n": number, "ratio": 0.5, "tags": ["a", "b"], "text": "é" * 40})
            span.record_exception(ValueError("no"))
            span.set_status(StatusCode.ERROR, "failed")
    body = encode_spans(memory.get_finished_spans()).SerializeToString()
    assert len(body) > 300_000
    payload = OtlpRequest.decode(body, "traces")
    assert payload.encode() == body
    for document in (*payload.contexts, *payload.documents):
        document.tree = dict(document.tree)  # type: ignore[arg-type]  # they are objects
    assert (payload.encode(), payload.repaired) == (body, 0)


@pytest.mark.parametrize("signal", SIGNALS)
@MANY
@given(data=st.data())
def test_every_field_of_the_protocol_survives_a_change_of_every_document(
    signal: Any, data: st.DataObject
) -> None:
    request = data.draw(requests(signal))
    payload = decoded(request, signal)
    before = payload.encode()
    for document in (*payload.contexts, *payload.documents):
        document.tree = dict(document.tree)  # type: ignore[arg-type]  # they are objects
    assert REQUESTS[signal].FromString(payload.encode()) == REQUESTS[signal].FromString(before)


@MANY
@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
def test_what_was_written_is_read_back_whatever_was_lost(signal: Any, data: st.DataObject) -> None:
    payload = decoded(data.draw(requests(signal)), signal, project="shop", received=5.0)
    for document in (*payload.contexts, *payload.documents):
        become = data.draw(st.sampled_from(["as it is", "changed", "lost"]))
        if become == "changed":
            document.tree = dict(document.tree)  # type: ignore[arg-type]  # they are objects
        elif become == "lost":
            document.dropped = "invalid"
    again = payload.reader(payload.encode())
    assert again.types == payload.types
    assert (again.project, again.received) == ("shop", 5.0)
    assert [each.tree for each in again.documents] == [each.tree for each in payload.alive]


def test_the_tree_of_a_span() -> None:
    request = trace_request()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.parent_span_id = b"87654321"
    span.status.code = 2  # type: ignore[assignment]  # error
    span.status.message = "no"
    set_attributes(span.events.add(name="exception", time_unix_nano=5).attributes, {"x": None})
    span.links.add(trace_id=b"\xaa" * 16, span_id=b"\xbb" * 8)
    assert only(decoded(request, "traces")).tree == {
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "3132333435363738",
        "parent_span_id": "3837363534333231",
        "name": "span 0",
        "kind": 2,
        "attributes": {"b": 1, "a": 1.0, "raw": b"\x00\xff", "list": [1, "x"]},
        "events": [{"time_unix_nano": 5, "name": "exception", "attributes": {"x": None}}],
        "links": [{"trace_id": "aa" * 16, "span_id": "bb" * 8}],
        "status": {"code": 2, "message": "no"},
    }


def test_contexts_are_resource_scope_and_metric_from_the_outside() -> None:
    payload = decoded(metric_request(), "metrics")
    assert [context.type for context in payload.contexts] == ["resource", "scope", "otlp_metric"]
    assert [parent.type for parent in payload.documents[0].parents] == [
        "otlp_metric",
        "scope",
        "resource",
    ]
    assert payload.contexts[2].tree == {"name": "orders", "description": "all", "unit": "1"}
    assert payload.documents[1].tree == {
        "attributes": {"customer": "ada"},
        "as_int": 0,
        "exemplars": [{"as_double": 1.5, "filtered_attributes": {"id": 7}}],
    }


def test_schema_urls_belong_to_resource_and_scope() -> None:
    resource, scope = decoded(trace_request(), "traces").contexts
    assert resource.tree == {
        "attributes": {"service.name": "shop"},
        "schema_url": "https://schema/1",
    }
    assert scope.tree == {"name": "library", "schema_url": "https://schema/2"}


def test_a_changed_metric_keeps_the_kind_of_its_data() -> None:
    payload = decoded(metric_request(), "metrics")
    payload.contexts[2].tree = {"name": "n"}
    payload.documents[0].dropped = "filtered"
    expected = metric_request()
    metric = expected.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.name, metric.description, metric.unit = "n", "", ""
    del metric.sum.data_points[0]
    assert ExportMetricsServiceRequest.FromString(payload.encode()) == expected


def test_a_changed_tree_goes_out_and_its_neighbours_stay() -> None:
    payload = decoded(trace_request(3), "traces")
    payload.documents[1].tree = {"name": "other", "attributes": {"a": None, "b": True}}
    expected = trace_request(3)
    span = expected.resource_spans[0].scope_spans[0].spans[1]
    span.Clear()
    span.name = "other"
    set_attributes(span.attributes, {"a": None, "b": True})
    assert payload.encode() == expected.SerializeToString()


def test_none_empties_a_field() -> None:
    payload = decoded(log_request("text", user="ada"))
    only(payload).tree = {"body": None, "attributes": None, "severity_text": None}
    record = ExportLogsServiceRequest.FromString(payload.encode()).resource_logs[0].scope_logs[0]
    assert record.log_records[0].ByteSize() == 0


def test_a_copy_goes_its_own_way() -> None:
    payload = decoded(log_request("text"))
    copy = payload.copy()
    only(copy).tree = {"body": "changed"}
    copy.contexts[0].tree = {}
    assert payload.encode() == log_request("text").SerializeToString()
    again = OtlpRequest.decode(copy.encode(), "logs")
    assert [each.tree for each in (*again.contexts, *again.documents)] == [
        {},
        {},
        {"body": "changed"},
    ]
    assert only(copy).parents == (copy.contexts[1], copy.contexts[0])


def test_a_copy_of_what_was_changed_is_changed() -> None:
    payload = decoded(log_request("text"))
    only(payload).tree = {"body": "changed"}
    assert payload.copy().encode() == log_request("changed").SerializeToString()


def test_copies_share_what_was_decided_once() -> None:
    payload = decoded(log_request())
    only(payload.copy()).decisions["sample"] = True
    assert only(payload).decisions == {"sample": True}


def test_a_lost_document_takes_its_emptied_scope_and_resource_along() -> None:
    request = log_request("a")
    request.MergeFrom(log_request("b", service="other"))
    payload = decoded(request)
    payload.documents[0].dropped = "sampled"
    assert payload.encode() == log_request("b", service="other").SerializeToString()


def test_a_lost_resource_takes_its_records_along() -> None:
    payload = decoded(log_request())
    payload.contexts[0].dropped = "limit"
    assert payload.encode() == b""


def test_a_resource_without_records_does_not_go_out() -> None:
    request = log_request("a")
    set_attributes(request.resource_logs.add().resource.attributes, {"password": "hunter2"})
    request.resource_logs[0].scope_logs.add().scope.name = "hunter2"
    payload = decoded(request)
    assert payload.encode() == log_request("a").SerializeToString()
    assert len(payload.contexts) == 2


def test_a_metric_without_data_does_not_go_out() -> None:
    request = metric_request()
    request.resource_metrics[0].scope_metrics[0].metrics.add(name="hunter2")
    assert decoded(request, "metrics").encode() == metric_request().SerializeToString()


def test_unknown_fields_and_wrong_wire_types_are_removed_and_counted() -> None:
    request = log_request("a")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    clean = request.SerializeToString()
    # field 99, length-delimited; field 3 (severity_text, a string) as a varint
    record.MergeFromString(b"\x9a\x06\x07hunter2" + b"\x18\x05")
    payload = decoded(request)
    assert payload.encode() == clean
    assert payload.repaired == 2


def test_a_field_written_twice_leaves_nothing_of_the_first() -> None:
    record = b"\x1a\x07hunter2" + b"\x1a\x04INFO"  # severity_text, twice
    body = b"\x0a" + bytes([len(record) + 4]) + b"\x12" + bytes([len(record) + 2])
    payload = OtlpRequest.decode(body + b"\x12" + bytes([len(record)]) + record, "logs")
    assert only(payload).tree == {"severity_text": "INFO"}
    assert b"hunter2" not in payload.encode()
    assert payload.repaired == 0


def test_two_resources_in_one_message_are_merged_as_protobuf_says() -> None:
    first, second = log_request("a", service="shop").resource_logs[0], {"user.email": "a@b.example"}
    more = log_request("b", service=None).resource_logs[0]
    set_attributes(more.resource.attributes, second)
    inner = first.SerializeToString() + more.SerializeToString()
    payload = OtlpRequest.decode(b"\x0a" + bytes([len(inner)]) + inner, "logs")
    assert payload.contexts[0].tree == {
        "attributes": {"service.name": "shop", "user.email": "a@b.example"}
    }
    assert len(payload.documents) == 2


def test_of_two_attributes_with_one_key_the_last_goes_out() -> None:
    request = log_request("a", token="hunter2")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    set_attributes(record.attributes, {"token": "fine"})
    payload = decoded(request)
    assert only(payload).tree == {"body": "a", "attributes": {"token": "fine"}}
    assert payload.encode() == log_request("a", token="fine").SerializeToString()
    assert payload.repaired == 1


def test_references_into_the_table_of_profiles_are_removed() -> None:
    request = log_request("a", x="y")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.attributes[0].key_strindex = 4
    record.body.string_value_strindex = 5
    payload = decoded(request)
    assert only(payload).tree == {"body": None, "attributes": {"x": "y"}}
    assert payload.repaired == 2
    (out,) = OtlpRequest.decode(payload.encode(), "logs").documents
    assert out.tree == {"attributes": {"x": "y"}}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff",
        b"\x0a\x05abc",
        log_request("a" * 50).SerializeToString()[:-3],
        b"\x0a\x02\x1a\xff",
    ],
    ids=["no tag", "short", "truncated", "bad length"],
)
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedPayload) as refused:
        OtlpRequest.decode(body, "logs")
    assert (refused.value.status, refused.value.reason) == (400, "malformed")
    assert str(refused.value) == "the body is not an OTLP request in protobuf"


@MANY
@given(data=st.data())
def test_damaged_requests_are_refused_or_read_and_nothing_else(data: st.DataObject) -> None:
    body = bytearray(trace_request(2).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    try:
        payload = OtlpRequest.decode(bytes(body), "traces")
    except RefusedPayload:
        return
    for document in (*payload.contexts, *payload.documents):
        document.tree = dict(document.tree)  # type: ignore[arg-type]  # they are objects
    again = OtlpRequest.decode(payload.encode(), "traces")
    assert repr([each.tree for each in again.documents]) == repr(
        [each.tree for each in payload.documents]
    )


def test_more_records_than_memory_should_hold_are_refused() -> None:
    request = log_request()
    for _ in range(60_000):
        request.resource_logs[0].scope_logs[0].log_records.add()
    records = request.SerializeToString()
    assert len(OtlpRequest.decode(records, "logs").documents) == 60_001
    with pytest.raises(RefusedPayload) as refused:
        OtlpRequest.decode(records * 2, "logs")
    assert (refused.value.status, refused.value.reason) == (413, "too_many")
    assert str(refused.value) == "more than 100000 records"


def test_a_string_that_is_not_utf8_is_refused() -> None:
    body = log_request("hunter").SerializeToString().replace(b"hunter", b"\xff\xfenter")
    with pytest.raises(RefusedPayload, match="not an OTLP request in protobuf"):
        OtlpRequest.decode(body, "logs")


def test_values_nested_deeper_than_protobuf_reads_are_refused() -> None:
    value = nested(60)
    with pytest.raises(RefusedPayload, match="not an OTLP request in protobuf"):
        decoded(log_request(value))


def test_an_empty_request_is_a_payload_without_documents() -> None:
    payload = OtlpRequest.decode(b"", "metrics")
    assert (payload.documents, payload.encode(), payload.project) == ([], b"", "unknown_service")


WRONG: list[tuple[str, Any]] = [
    ("a field that the protocol does not have", {"colour": "red"}),
    ("a field has a value of the wrong type", {"severity_text": 5}),
    ("a field has a value of the wrong type", {"severity_text": b"bytes"}),
    ("a field has a value of the wrong type", {"severity_text": "\ud800"}),
    ("a field has a value of the wrong type", {"trace_id": "[token]"}),
    ("a field has a value of the wrong type", {"flags": -1}),
    ("a field has a value of the wrong type", {"body": 2**63}),
    ("a field has a value of the wrong type", {"attributes": ["a"]}),
    (
        "a value is nested too deeply",
        {"body": nested(46)},
    ),
    ("a document is not an object", ["text"]),
]


@pytest.mark.parametrize(("message", "tree"), WRONG)
def test_a_tree_that_the_protocol_has_no_room_for_is_refused(message: str, tree: Any) -> None:
    payload = decoded(log_request("a"))
    with pytest.raises(BrokenDocument) as broken:
        only(payload).tree = tree
    assert str(broken.value) == message
    assert payload.encode() == log_request("a").SerializeToString()


@pytest.mark.parametrize(("shape", "levels"), [("list", 45), ("dict", 30)])
def test_the_deepest_value_that_can_be_written_can_be_read_anywhere(
    shape: str, levels: int
) -> None:
    value: Any = "x"
    for _ in range(levels):
        value = [value] if shape == "list" else {"k": value}
    payload = decoded(metric_request(), "metrics")
    payload.documents[0].tree = {"exemplars": [{"filtered_attributes": {"deep": value}}]}
    again = OtlpRequest.decode(payload.encode(), "metrics")
    assert again.documents[0].tree == payload.documents[0].tree


def test_trace_ids_are_found_where_there_are_any() -> None:
    span = decoded(trace_request(), "traces").documents[0]
    assert (span.trace_id, span.event_id) == ("000102030405060708090a0b0c0d0e0f", None)
    assert decoded(log_request()).documents[0].trace_id is None
    assert decoded(metric_request(), "metrics").documents[0].trace_id is None


def test_a_trace_id_of_zeros_is_none() -> None:
    request = trace_request()
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = bytes(16)
    assert only(decoded(request, "traces")).trace_id is None


def test_sizes_are_bytes_of_the_messages() -> None:
    payload = decoded(trace_request(2), "traces")
    assert payload.size == trace_request(2).ByteSize()
    span = trace_request().resource_spans[0].scope_spans[0].spans[0]
    assert payload.documents[0].size == span.ByteSize()
    assert payload.contexts[1].size == len(b"\x0a\x07library") + len("https://schema/2")


def test_the_project_is_the_service_name() -> None:
    assert decoded(log_request(service="shop")).project == "shop"
    assert decoded(log_request(service=None)).project == "unknown_service"
    assert decoded(log_request(), project="given").project == "given"


def test_a_request_of_several_services_is_split_by_service() -> None:
    request = log_request("a", service="one")
    for body, service in (("b", "two"), ("c", "one")):
        request.MergeFrom(log_request(body, service=service))
    one, two = decoded(request, received=12.5).split()
    assert (one.project, two.project, two.received) == ("one", "two", 12.5)
    assert two.encode() == log_request("b", service="two").SerializeToString()
    expected = log_request("a", service="one")
    expected.MergeFrom(log_request("c", service="one"))
    assert one.encode() == expected.SerializeToString()
    assert [len(part.contexts) for part in (one, two)] == [4, 2]


def test_a_request_of_one_service_is_not_split() -> None:
    payload = decoded(trace_request(), "traces")
    assert payload.split() == [payload]


def test_a_request_can_be_made_of_trees() -> None:
    payload = OtlpRequest.from_trees(
        "logs",
        {"attributes": {"service.name": "shop"}, "schema_url": "https://schema/1"},
        {"name": "errlock"},
        [{"body": "one"}, {"body": {"two": [2, 2.0]}}],
        project="shop",
        received=1.0,
    )
    again = OtlpRequest.decode(payload.encode(), "logs")
    assert [each.tree for each in (*again.contexts, *again.documents)] == [
        {"attributes": {"service.name": "shop"}, "schema_url": "https://schema/1"},
        {"name": "errlock"},
        {"body": "one"},
        {"body": {"two": [2, 2.0]}},
    ]


def test_a_message_made_by_hand_that_is_nested_too_deeply_is_a_broken_document() -> None:
    deep = AnyValue()
    set_value(deep, nested(70))
    with pytest.raises(BrokenDocument, match="a value is nested too deeply"):
        TreeReader().value(deep)
