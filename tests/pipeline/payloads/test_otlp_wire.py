"""Requests that stay bytes: what is found in them, and what is put together again.

The reference reads all of a request with protobuf and changes messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from otlp_messages import REQUESTS, log_request, requests, set_attributes
from otlp_noise import noisy

from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.payloads.otlp_documents import write_around
from errlock.pipeline.payloads.otlp_schema import pairs, pairs_within
from errlock.pipeline.payloads.otlp_signals import SHAPES, prune
from errlock.pipeline.payloads.otlp_tree import TreeReader, write

SIGNALS: Any = ["logs", "traces", "metrics"]
MANY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Reference:
    """A request as messages, with its documents in the order of a payload's."""

    def __init__(self, body: bytes, signal: Any) -> None:
        self.shape = SHAPES[signal]
        self.message: Any = self.shape.request.FromString(body)
        self.message.DiscardUnknownFields()
        prune(self.message, self.shape.path)
        self.contexts: list[tuple[str, Any]] = []
        self.records: list[Any] = []
        self._gone: set[int] = set()
        self._find(self.message, 0)

    def _children(self, message: Any, depth: int) -> Any:
        name = self.shape.path[depth]
        if name == "data":
            return [getattr(message, message.WhichOneof(name))]
        return getattr(message, name)

    def _find(self, message: Any, depth: int) -> None:
        for child in self._children(message, depth):
            if depth == len(self.shape.kinds):
                self.records.append(child)
                continue
            kind = self.shape.kinds[depth]
            if kind is not None:
                self.contexts.append((kind, child))
            self._find(child, depth + 1)

    def tree(self, kind: str, message: Any) -> Any:
        if kind not in ("resource", "scope"):
            return TreeReader().message(message)
        tree = TreeReader().message(getattr(message, kind))
        return tree | ({"schema_url": message.schema_url} if message.schema_url else {})

    def change(self, kind: str, message: Any, tree: Any) -> None:
        if kind in ("resource", "scope"):
            message.ClearField(kind)
            message.ClearField("schema_url")
            write_around(message, kind, tree)
        else:
            for field in message.DESCRIPTOR.fields:
                if field.containing_oneof is None or field.containing_oneof.name != "data":
                    message.ClearField(field.name)
            write(message, tree)

    def drop(self, message: Any) -> None:
        self._gone.add(id(message))

    def put_together(self) -> Any:
        self._remove(self.message, 0)
        prune(self.message, self.shape.path)
        return self.message

    def _remove(self, message: Any, depth: int) -> None:
        children = self._children(message, depth)
        for index in reversed(range(len(children))):
            # Each element is one Python object as long as somebody has it.
            if id(children[index]) in self._gone:
                del children[index]
            elif depth < len(self.shape.kinds):
                self._remove(children[index], depth + 1)

    def documents(self) -> Iterator[tuple[str, Any]]:
        yield from self.contexts
        yield from ((self.shape.record, record) for record in self.records)


def exact(tree: Any) -> Any:
    """What tells 1 from 1.0 and True, NaN from nothing, and one order of attributes from another.

    The order of the fields of a document means nothing.
    """
    return sorted((key, repr(value)) for key, value in tree.items())


def masked(tree: Any, new: str = "[masked]") -> Any:
    """Another tree: its texts are others, but for ids and keys."""
    if isinstance(tree, dict):
        return {
            key: each if key.endswith("_id") else masked(each, new) for key, each in tree.items()
        }
    if isinstance(tree, list):
        return [masked(each, new) for each in tree]
    return new if isinstance(tree, str) else tree


def without_a_field(tree: Any) -> Any:
    return dict(list(tree.items())[1:])


def without_an_attribute(tree: Any) -> Any:
    return with_attributes(tree, dict(list(tree.get("attributes", {}).items())[1:]))


def with_attributes(tree: Any, attributes: Any) -> Any:
    return {**tree, "attributes": attributes} if attributes else tree


def with_other_values(tree: Any) -> Any:
    """Values of other kinds under the same keys; every other one stays the same object."""
    others: Any = [None, 1, True, 2.5, b"\xff", ["a", {"b": []}], "text", -1]
    attributes = {
        key: value if index % 2 else others[index // 2 % len(others)]
        for index, (key, value) in enumerate(tree.get("attributes", {}).items())
    }
    return with_attributes(tree, attributes)


CHANGES: Any = [
    masked, without_a_field, without_an_attribute, with_other_values, lambda tree: {}, dict,
]  # fmt: skip


@pytest.mark.parametrize("signal", SIGNALS)
@MANY
@given(data=st.data())
def test_lazy_requests_are_what_requests_of_messages_would_be(
    signal: Any, data: st.DataObject
) -> None:
    body = data.draw(requests(signal)).SerializeToString()
    body += data.draw(requests(signal)).SerializeToString()
    if data.draw(st.booleans()):
        body = data.draw(noisy(body, REQUESTS[signal].DESCRIPTOR))
    reference = Reference(body, signal)
    payload = OtlpRequest.decode(body, signal)
    assert payload.count == len(reference.records)
    assert REQUESTS[signal].FromString(payload.encode()) == reference.message
    payload = data.draw(st.sampled_from([payload, payload.copy()]))
    if data.draw(st.booleans()):
        ways = data.draw(st.lists(st.sampled_from(["keep", "look", "change", "drop"]), min_size=1))
    else:
        ways = ["keep"] * 20 + ["change"]
    mine = [*payload.contexts, *payload.documents]
    theirs = list(reference.documents())
    for index, ((kind, message), document) in enumerate(zip(theirs, mine, strict=True)):
        way = ways[index % len(ways)]
        if way == "drop":
            document.dropped = "filtered"
            reference.drop(message)
        elif way != "keep":
            assert exact(document.tree) == exact(reference.tree(kind, message))
        if way == "change":
            document.tree = data.draw(st.sampled_from(CHANGES))(document.tree)
            if data.draw(st.booleans()):  # what was changed is changed again
                document.tree = data.draw(st.sampled_from(CHANGES))(document.tree)
            reference.change(kind, message, document.tree)
    out = payload.copy().encode() if data.draw(st.booleans()) else payload.encode()
    assert REQUESTS[signal].FromString(out) == reference.put_together()
    assert payload.count_alive == len(payload.alive)


@pytest.mark.parametrize("signal", SIGNALS)
@MANY
@given(data=st.data())
def test_what_records_share_is_the_same_before_anybody_looks(
    signal: Any, data: st.DataObject
) -> None:
    body = data.draw(requests(signal)).SerializeToString()
    body += data.draw(requests(signal)).SerializeToString()
    reference = Reference(body, signal)
    payload = OtlpRequest.decode(body, signal)
    assume(payload.count)
    unread = [(each.type, exact(each.tree), records) for each, records in payload.shared()]
    assert [each[:2] for each in unread] == [
        (kind, exact(reference.tree(kind, message))) for kind, message in reference.contexts
    ]
    payload.documents[0].dropped = "filtered"
    read = [(each.type, exact(each.tree), records) for each, records in payload.shared()]
    assert read == unread
    payload.contexts[0].dropped = "filtered"
    left = [context for context in payload.contexts if context.lost is None]
    assert [each for each, _ in payload.shared()] == left


def pairs_in(message: Any) -> Iterator[bytes]:
    """As `pairs` finds them, of messages that were read one by one."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                if field.message_type.name == "KeyValue":
                    yield each.SerializeToString()
                else:
                    yield from pairs_in(each)


@pytest.mark.parametrize("signal", SIGNALS)
@MANY
@given(data=st.data())
def test_attributes_are_found_wherever_they_stand(signal: Any, data: st.DataObject) -> None:
    message = data.draw(requests(signal))
    found = pairs(message.SerializeToString(), SHAPES[signal])
    assert Counter(found) == Counter(pairs_in(message))
    for pair in found:
        attribute = KeyValue.FromString(pair)
        assert Counter(pairs_within(pair)) == Counter(pairs_in(attribute.value))


def spans(count: int = 20) -> bytes:
    request = REQUESTS["traces"]()
    for service in ("one", "two"):
        resource = request.resource_spans.add(schema_url=f"https://schema/{service}")
        set_attributes(resource.resource.attributes, {"service.name": service})
        for library in ("x", "y"):
            scope = resource.scope_spans.add()
            scope.scope.name = f"library {service} {library}"
            for number in range(count):
                scope.spans.add(name=f"{service} {library} {number:03}", trace_id=b"t" * 16)
    body: bytes = request.SerializeToString()
    return body


def names(documents: Any) -> list[Any]:
    return [document.tree.get("name", document.tree.get("schema_url")) for document in documents]


def test_documents_are_found_where_their_bytes_are() -> None:
    body = spans()
    payload = OtlpRequest.decode(body, "traces")
    wanted = ["one x 003", "one x 004", "library two y", "two y 000", "https://schema/two"]
    offsets = sorted(body.index(each.encode()) + 7 for each in wanted)
    assert names(payload.at(offsets)) == [
        "one x 003", "one x 004", "https://schema/two", "library two y", "two y 000",
    ]  # fmt: skip


def test_a_document_is_found_once_and_is_the_one_that_everybody_gets() -> None:
    body = spans()
    payload = OtlpRequest.decode(body, "traces")
    start = body.index(b"two x 007")
    (found,) = payload.at([start, start, start + 1, start + 8])
    assert payload.at([start]) == [found]
    assert payload.documents[47] is found
    assert found.parents == (payload.contexts[4], payload.contexts[3])


def test_near_the_first_byte_of_a_document_the_one_before_it_is_meant_as_well() -> None:
    body = spans()
    payload = OtlpRequest.decode(body, "traces")
    end = body.index(b"one x 004") + 9
    assert names(payload.at([end - 1])) == ["one x 004"]
    for offset in range(end, end + 5):
        assert names(payload.at([offset])) == ["one x 004", "one x 005"]


def test_every_byte_belongs_to_a_document() -> None:
    body = spans(3)
    payload = OtlpRequest.decode(body, "traces")
    order = payload.at(range(len(body)))
    assert len(order) == len(set(order)) == 12 + 6
    assert {document for each in range(len(body)) for document in payload.at([each])} == set(order)


def test_no_offsets_no_documents() -> None:
    payload = OtlpRequest.decode(spans(), "traces")
    assert payload.at([]) == []
    assert OtlpRequest.decode(b"", "traces").at([0]) == []


def test_the_bytes_of_the_data_of_a_metric_belong_to_the_metric() -> None:
    request = REQUESTS["metrics"]()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="a name of it")
    metric.sum.data_points.add(as_int=5, time_unix_nano=7)
    metric.sum.is_monotonic = True
    body = request.SerializeToString()
    payload = OtlpRequest.decode(body, "metrics")
    assert [each.type for each in payload.at([len(body)])] == ["otlp_metric", "data_point"]
    assert [each.type for each in payload.at([body.index(b"of it")])] == ["otlp_metric"]


def test_what_nobody_changed_is_the_bytes_that_came_in() -> None:
    body = spans()
    payload = OtlpRequest.decode(body, "traces")
    assert payload.buffer is body
    assert [document.raw for document in payload.at([body.index(b"one x 003")])] == [
        b"\x0a\x10" + b"t" * 16 + b"\x2a\x09one x 003"
    ]
    assert payload.copy().encode() is body
    payload.documents[1].tree = {"name": "other"}
    assert payload.buffer is None
    assert payload.documents[1].raw is None
    assert payload.copy().buffer is None


def test_what_is_lost_leaves_no_buffer() -> None:
    payload = OtlpRequest.decode(spans(), "traces")
    payload.contexts[0].dropped = "filtered"
    assert payload.buffer is None
    assert (payload.count, payload.count_alive) == (80, 40)


def test_a_copy_that_is_read_later_shares_what_was_decided() -> None:
    payload = OtlpRequest.decode(spans(), "traces")
    copy = payload.copy()
    copy.documents[3].decisions["sample"] = True
    assert payload.documents[3].decisions == {"sample": True}
    assert payload.documents[3].tree is copy.documents[3].tree


def test_the_first_of_a_field_that_stands_twice_does_not_go_out_once_somebody_looked() -> None:
    span = b"\x2a\x07hunter2\x2a\x02ok"
    body = spans() + b"\x0a\x11\x12\x0f\x12\x0d" + span
    payload = OtlpRequest.decode(body, "traces")
    (found,) = payload.at([body.index(b"hunter2") + 5])
    assert found.tree == {"name": "ok"}
    assert b"hunter2" not in payload.encode()
    assert payload.encode() == spans() + b"\x0a\x08\x12\x06\x12\x04\x2a\x02ok"


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


RECORD = field(2, field(3, b"INFO"))
SCOPE = field(2, field(1, field(1, b"lib")) + RECORD)
# What stands in a ResourceLogs in an unusual way, and what is meant.
ODD = {
    "two resources": (
        field(1, field(1, field(1, b"a"))) + field(1, field(1, field(1, b"b"))) + SCOPE,
        field(1, field(1, field(1, b"a")) + field(1, field(1, b"b"))) + SCOPE,
    ),
    "two schema urls": (field(3, b"hunter2") + SCOPE + field(3, b"url"), SCOPE + field(3, b"url")),
    "two scopes": (
        field(2, field(1, field(1, b"hunter2")) + field(1, field(1, b"lib")) + RECORD),
        SCOPE,
    ),
    "an unknown field": (SCOPE + b"\x78\x01", SCOPE),
    "a group": (SCOPE + b"\x7b\x08\x01\x7c", SCOPE),
    "a number in place of a text": (SCOPE + b"\x18\x05", SCOPE),
    "an empty scope": (SCOPE + field(2, field(1, field(1, b"hunter2"))), SCOPE),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_shapes_go_out_as_they_are_meant(name: str) -> None:
    odd, meant = ODD[name]
    payload = OtlpRequest.decode(field(1, odd), "logs")
    assert payload.buffer == payload.encode() == field(1, meant)
    assert payload.count == 1
    unknown = name in ("an unknown field", "a group", "a number in place of a text")
    assert payload.repaired == unknown


def test_a_url_before_the_records_stays_where_it_is() -> None:
    body = field(1, field(3, b"https://schema") + SCOPE + field(1, field(1, field(1, b"a"))))
    payload = OtlpRequest.decode(body, "logs")
    assert payload.encode() is body
    assert payload.contexts[0].tree == {"attributes": {"a": None}, "schema_url": "https://schema"}
    payload.contexts[0].tree = {"schema_url": "other"}
    out = ExportLogsServiceRequest.FromString(payload.encode()).resource_logs[0]
    assert (out.schema_url, len(out.resource.attributes), len(out.scope_logs)) == ("other", 0, 1)


@pytest.mark.parametrize(
    "body",
    [
        field(1, field(2, field(2, b"\x1a\xff"))),
        field(1, field(2, field(2, b"\x1a\x02\xff\xfe"))),
        field(1, field(2, field(2, b"\x7b\x08\x01"))),
        field(1, field(2, field(2, b"\x7c"))),
        field(1, SCOPE)[:-1],
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x02\x00",
    ],
    ids=["long", "not UTF-8", "open group", "end of no group", "cut", "overflow", "field 0"],
)
def test_what_protobuf_does_not_read_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedPayload, match="not an OTLP request in protobuf"):
        OtlpRequest.decode(body, "logs")


def test_what_holds_nothing_any_more_goes_with_its_contexts() -> None:
    payload = OtlpRequest.decode(spans(2), "traces")
    for document in payload.at(range(spans(2).index(b"library one y"))):
        if document.type == "otlp_span":
            document.dropped = "sampled"
    assert b"library one x" not in payload.encode()
    assert [len(each.scope_spans) for each in message_of(payload).resource_spans] == [1, 2]


def message_of(payload: OtlpRequest) -> Any:
    return REQUESTS[payload.signal].FromString(payload.encode())


def test_lengths_that_grow_by_a_byte_are_written_anew() -> None:
    request = log_request("a" * 90)
    payload = OtlpRequest.decode(request.SerializeToString(), "logs")
    payload.documents[0].tree = {"body": "b" * 20_000}
    assert payload.encode() == log_request("b" * 20_000).SerializeToString()
