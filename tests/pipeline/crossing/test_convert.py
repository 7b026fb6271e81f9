from typing import Any

import pytest
import sentry_sdk
from otel_exceptions import record
from sentry_sdk import logger
from sentry_sdk.transport import Transport

from errlock.pipeline.crossing import Converted, convert
from errlock.pipeline.crossing.batches import MOST_BYTES, MOST_LOGS
from errlock.pipeline.crossing.portions import MOST_BYTES as OTLP_BYTES
from errlock.pipeline.crossing.to_otlp import nanoseconds
from errlock.pipeline.payloads.document import Payload, Protocol
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import MAX_DOCUMENTS, OtlpRequest
from errlock.pipeline.payloads.otlp_signals import SHAPES, Signal

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def fail() -> None:
    raise ValueError("no total")


def logs(*records: Any) -> OtlpRequest:
    return OtlpRequest.from_trees(
        "logs", {"attributes": {"service.name": "shop"}}, {}, records, project="shop", received=5.0
    )


def sentry(*items: tuple[str, Any]) -> Envelope:
    envelope = Envelope("shop", 5.0, {"event_id": "fc6d8c0c43fc4630ad850ee518f1b9d0"})
    for type_, tree in items:
        envelope.add(type_, tree)
    return envelope


def trees(payload: Payload) -> list[Any]:
    return [document.tree for document in payload.documents]


def only(payload: Payload, to: Protocol) -> Payload:
    """What a payload becomes when nothing is left out and one payload holds it all."""
    converted = convert(payload, to)
    assert not converted.left_out
    [made] = converted.payloads
    return made


def exception(message: str) -> Any:
    return {
        "time_unix_nano": 1,
        "trace_id": TRACE,
        "span_id": SPAN,
        "attributes": {"exception.type": "E", "exception.message": message},
    }


def test_an_envelope_goes_through_the_wire_as_a_backend_wants_it() -> None:
    request = OtlpRequest.decode(record(fail).traces, "traces")
    [made] = convert(request, "sentry").payloads
    again = Envelope.decode(made.encode(), "shop", 0.0)
    [event] = trees(again)
    assert again.headers.event_id == event["event_id"]
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert made.project == "shop"
    assert made.received == request.received


def test_each_error_has_an_envelope_of_its_own() -> None:
    converted = convert(logs(exception("a"), exception("b")), "sentry")
    assert [
        [event["exception"]["values"][0]["value"] for event in trees(made)]
        for made in converted.payloads
    ] == [["a"], ["b"]]


def test_the_same_exception_told_twice_is_one_event() -> None:
    request = logs(exception("a"), exception("a"))
    converted = convert(request, "sentry")
    assert len(converted.payloads) == 1
    assert converted.carried == [request.documents]


def test_an_exception_that_leaves_several_spans_is_one_event_of_the_innermost() -> None:
    found = record(fail, spans=("request", "service", "query"))
    request = OtlpRequest.decode(found.traces, "traces")
    assert len(request.documents) == 3
    converted = convert(request, "sentry")
    [[event]] = [trees(made) for made in converted.payloads]
    assert event["transaction"] == "query"
    assert [len(documents) for documents in converted.carried] == [3]
    [of_the_log] = trees(only(OtlpRequest.decode(found.logs, "logs"), "sentry"))
    assert of_the_log["event_id"] == event["event_id"]


def test_spans_that_claim_to_be_each_others_parents_are_no_loop() -> None:
    def span(own: str, parent: str) -> Any:
        told = {"name": "exception", "attributes": {"exception.type": "E"}}
        return {"trace_id": TRACE, "span_id": own, "parent_span_id": parent, "events": [told]}

    other = "00f067aa0ba902b7"
    request = OtlpRequest.from_trees(
        "traces", {}, {}, [span(SPAN, other), span(other, SPAN)], project="", received=0.0
    )
    converted = convert(request, "sentry")
    assert len(converted.payloads) == 1
    assert [len(documents) for documents in converted.carried] == [2]


def test_other_log_records_become_logs_in_one_container() -> None:
    request = logs(
        {"time_unix_nano": 2_000_000_000, "severity_number": 9, "body": "hello", "trace_id": TRACE},
        exception("a"),
        {"time_unix_nano": 3_000_000_000, "body": {"a": 1}},
    )
    converted = convert(request, "sentry")
    assert [[document.type for document in made.documents] for made in converted.payloads] == [
        ["event"],
        ["log", "log"],
    ]
    hello, other = trees(converted.payloads[1])
    assert hello == {
        "timestamp": 2.0,
        "trace_id": TRACE,
        "level": "info",
        "severity_number": 9,
        "body": "hello",
        "attributes": {"service.name": {"value": "shop", "type": "string"}},
    }
    assert other["body"] == '{"a": 1}'
    assert len(other["trace_id"]) == 32


@pytest.mark.parametrize(
    ("count", "said"),
    [(MOST_LOGS * 2 + 1, "x"), (6, "x" * (MOST_BYTES // 3))],
    ids=["many", "long"],
)
def test_what_is_too_much_for_one_envelope_becomes_several(count: int, said: str) -> None:
    # Each log says of itself what the resource says of all.
    resource: Any = {"attributes": {"service.name": "shop", "host.description": said}}
    records: list[Any] = [{"body": f"line {number}"} for number in range(count)]
    request = OtlpRequest.from_trees("logs", resource, {}, records, project="shop", received=5.0)
    converted = convert(request, "sentry")
    bodies = [payload.encode() for payload in converted.payloads]
    assert len(bodies) == 3
    assert max(map(len, bodies)) <= MOST_BYTES + 1000
    read = [Envelope.decode(body, "shop", 0.0).documents for body in bodies]  # anybody may send it
    found = [str(each.tree["body"]) for documents in read for each in documents]  # type: ignore[call-overload,index]
    assert found == [record["body"] for record in records]
    carried = [document.tree["body"] for each in converted.carried for document in each]  # type: ignore[call-overload,index]
    assert carried == found


def test_a_log_that_is_too_large_is_alone() -> None:
    request = logs({"body": "before"}, {"body": "x" * MOST_BYTES}, {"body": "behind"})
    made = convert(request, "sentry").payloads
    assert [len(each.documents) for each in made] == [1, 1, 1]


def test_a_log_without_a_time_has_that_of_its_arrival() -> None:
    [log] = trees(only(logs({"body": "hello"}), "sentry"))
    assert log["timestamp"] == 5.0


def test_spans_without_exceptions_are_left_out() -> None:
    request = OtlpRequest.from_trees(
        "traces", {}, {}, [{"trace_id": TRACE, "span_id": SPAN}], project="", received=0.0
    )
    assert convert(request, "sentry") == Converted([], [], request.documents)
    assert request.alive == request.documents


def test_lost_documents_are_not_looked_at() -> None:
    request = logs(exception("a"), exception("b"))
    request.documents[0].dropped = "sampled"
    [event] = trees(only(request, "sentry"))
    assert event["exception"]["values"][0]["value"] == "b"


def test_a_payload_of_the_same_protocol_is_itself() -> None:
    request = logs(exception("a"))
    assert convert(request, "otlp") == Converted([request], [request.documents], [])


# Sentry to OTLP


def sent(do: Any, **options: Any) -> list[Envelope]:
    """The envelopes that Sentry's SDK sends while `do` runs."""
    found: list[Envelope] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            found.append(Envelope.decode(envelope.serialize(), "shop", 7.0))

    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1:1/1",
        transport=Kept,
        default_integrations=False,
        release="shop@1.2.3",
        environment="production",
        server_name="web-1",
        **options,
    )
    with sentry_sdk.isolation_scope() as scope, sentry_sdk.new_scope() as current:
        scope.set_client(client)
        current.set_client(client)
        do()
        client.close()  # flushes, and ends its threads
    return found


def fail_and_capture() -> None:
    try:
        fail()
    except ValueError as error:
        sentry_sdk.capture_exception(error)


def test_an_error_of_sentrys_sdk_becomes_a_log_record() -> None:
    [envelope] = sent(fail_and_capture)
    made = only(envelope, "otlp")
    [log] = trees(made)
    assert log["attributes"]["exception.type"] == "ValueError"
    assert log["attributes"]["exception.message"] == "no total"
    stack = log["attributes"]["exception.stacktrace"]
    assert stack.startswith("Traceback (most recent call last):\n")
    assert stack.endswith(', in fail\n    raise ValueError("no total")\nValueError: no total\n')
    resource: Any = made.contexts[0].tree
    assert resource["attributes"]["service.name"] == "shop"
    assert resource["attributes"]["service.version"] == "1.2.3"
    assert isinstance(made, OtlpRequest)
    assert made.signal == "logs"


def test_there_and_back_an_event_stays_the_same_event() -> None:
    [envelope] = sent(fail_and_capture)
    [before] = trees(envelope)
    request = only(envelope, "otlp")
    [after] = trees(only(OtlpRequest.decode(request.encode(), "logs"), "sentry"))
    for name in ("event_id", "level", "platform", "release", "environment", "server_name"):
        assert after[name] == before[name]
    assert after["contexts"]["trace"]["trace_id"] == before["contexts"]["trace"]["trace_id"]
    assert nanoseconds(after["timestamp"]) == nanoseconds(before["timestamp"])
    [value], [expected] = after["exception"]["values"], before["exception"]["values"]
    assert (value["type"], value["value"]) == (expected["type"], expected["value"])
    names = ("function", "abs_path", "lineno")
    assert [[frame[name] for name in names] for frame in value["stacktrace"]["frames"]] == [
        [frame[name] for name in names] for frame in expected["stacktrace"]["frames"]
    ]


def test_a_transaction_of_sentrys_sdk_becomes_spans() -> None:
    def trace() -> None:
        with (
            sentry_sdk.start_transaction(op="http.server", name="GET /cart"),
            sentry_sdk.start_span(op="db", name="SELECT ?"),
        ):
            pass

    [envelope] = sent(trace, traces_sample_rate=1.0)
    made = only(envelope, "otlp")
    root, child = trees(made)
    assert (root["name"], root["kind"]) == ("GET /cart", 2)
    assert (child["name"], child["kind"]) == ("SELECT ?", 3)
    assert child["parent_span_id"] == root["span_id"]
    assert child["trace_id"] == root["trace_id"]
    assert isinstance(made, OtlpRequest)
    assert made.signal == "traces"


def test_logs_of_sentrys_sdk_become_log_records() -> None:
    def log() -> None:
        logger.warning("cart of {id} is slow", id="c-7")

    envelopes = sent(log, enable_logs=True)
    made = only(envelopes[0], "otlp")
    [log_record] = trees(made)
    assert log_record["body"] == "cart of c-7 is slow"
    assert log_record["severity_number"] == 13
    assert log_record["attributes"]["sentry.message.parameter.id"] == "c-7"
    resource: Any = made.contexts[0].tree
    assert resource["attributes"]["deployment.environment.name"] == "production"


def test_what_opentelemetry_has_no_place_for_is_left_out() -> None:
    envelope = sentry(
        ("check_in", {"check_in_id": "a", "status": "ok"}),
        ("event", {"message": "hello"}),
        ("session", {"sid": "a"}),
    )
    converted = convert(envelope, "otlp")
    assert [[log["body"] for log in trees(made)] for made in converted.payloads] == [["hello"]]
    assert converted.left_out == [envelope.documents[0], envelope.documents[2]]


@pytest.mark.parametrize("broken", [b"{", b"[1]"])
def test_a_document_that_cannot_be_read_is_left_out(broken: bytes) -> None:
    body = b'{}\n{"type":"event"}\n' + broken + b'\n{"type":"log"}\n{"body":"b","level":"info"}\n'
    envelope = Envelope.decode(body, "shop", 5.0)
    converted = convert(envelope, "otlp")
    assert [[log["body"] for log in trees(made)] for made in converted.payloads] == [["b"]]
    assert converted.left_out == [envelope.documents[0]]


def test_what_protobuf_cannot_hold_is_left_out() -> None:
    envelope = sentry(("event", {"message": "a"}), ("event", {"message": "\ud800"}))
    converted = convert(envelope, "otlp")
    assert [[log["body"] for log in trees(made)] for made in converted.payloads] == [["a"]]
    assert converted.left_out == [envelope.documents[1]]


def test_errors_and_spans_are_requests_of_their_own() -> None:
    transaction = {
        "type": "transaction",
        "start_timestamp": 1.0,
        "timestamp": 2.0,
        "contexts": {"trace": {"trace_id": TRACE, "span_id": SPAN}},
    }
    envelope = sentry(("transaction", transaction), ("event", {"message": "hello"}))
    converted = convert(envelope, "otlp")
    assert [made.signal for made in converted.payloads if isinstance(made, OtlpRequest)] == [
        "logs",
        "traces",
    ]
    assert converted.carried == [[envelope.documents[1]], [envelope.documents[0]]]
    assert converted.left_out == []


def test_documents_of_several_releases_keep_their_resources() -> None:
    envelope = sentry(
        ("event", {"message": "a", "release": "shop@1"}),
        ("event", {"message": "b", "release": "shop@2"}),
        ("event", {"message": "c", "release": "shop@1"}),
    )
    made = only(envelope, "otlp")
    told: list[Any] = [(each.tree, each.parents[-1].tree) for each in made.documents]
    assert [(log["body"], resource["attributes"]["service.version"]) for log, resource in told] == [
        ("a", "1"),
        ("c", "1"),
        ("b", "2"),
    ]


def large(signal: Signal, count: int, said: str = "") -> OtlpRequest:
    """As many records as that, of two resources, which take 1 MiB each."""
    made = SHAPES[signal].request()
    for half in range(2):
        around: Any = getattr(made, SHAPES[signal].path[0]).add()
        around.resource.attributes.add(key="service.name").value.string_value = "shop"
        around.resource.attributes.add(key="host").value.string_value = said
        within = getattr(around, SHAPES[signal].path[1]).add()
        within.scope.name = f"scope {half}"
        for number in range(count // 2):
            record = getattr(within, SHAPES[signal].path[2]).add()
            name = f"record {half * count // 2 + number} " + "x" * ((1 << 20) - 100)
            if signal == "logs":
                record.body.string_value = name
            elif signal == "traces":
                record.name, record.trace_id, record.span_id = name, b"t" * 16, b"s" * 8
            else:
                record.name = "requests"
                point = record.sum.data_points.add()
                point.attributes.add(key="name").value.string_value = name
    return OtlpRequest.decode(made.SerializeToString(), signal, "shop", 5.0)


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_what_is_too_much_for_one_request_of_otlp_becomes_several(signal: Signal) -> None:
    request = large(signal, 8, "machine")
    converted = convert(request, "otlp")
    assert len(converted.payloads) == 4
    read = [OtlpRequest.decode(each.encode(), signal) for each in converted.payloads]
    assert max(len(each.encode()) for each in read) <= OTLP_BYTES
    found = [each for part in read for each in part.documents]
    assert [each.tree for each in found] == [each.tree for each in request.documents]
    around = [[parent.tree for parent in each.parents] for each in found]
    assert around == [[parent.tree for parent in each.parents] for each in request.documents]
    assert [each for one in converted.carried for each in one] == request.documents
    assert not converted.left_out


def test_what_is_lost_is_in_no_part_of_a_large_request() -> None:
    request = large("logs", 8)
    request.documents[3].dropped = "filtered"
    request.documents[4].tree = {"body": "short"}
    converted = convert(request, "otlp")
    bodies = [document.tree["body"][:8] for each in converted.payloads for document in each.alive]  # type: ignore[call-overload,index]
    assert bodies == [f"record {n}" for n in (0, 1, 2)] + ["short"] + [
        f"record {n}" for n in (5, 6, 7)
    ]
    assert [len(each) for each in converted.carried] == [each.count for each in converted.payloads]


def test_a_record_that_is_too_large_is_alone() -> None:
    request = logs({"body": "before"}, {"body": "x" * OTLP_BYTES}, {"body": "behind"})
    made = convert(request, "otlp").payloads
    assert [len(each.documents) for each in made] == [1, 1, 1]


def test_a_request_is_not_multiplied_by_what_its_records_share() -> None:
    resource: Any = {"attributes": {"service.name": "shop", "host": "x" * OTLP_BYTES}}
    records: list[Any] = [{"body": str(number)} for number in range(1000)]
    request = OtlpRequest.from_trees("logs", resource, {}, records, project="shop", received=5.0)
    assert len(convert(request, "otlp").payloads) == 1


def test_what_is_too_much_of_an_envelope_becomes_several_requests() -> None:
    said = "x" * 200_000
    items = [("event", {"message": f"{number} {said}"}) for number in range(20)]
    spans = [
        {"span_id": f"{number:016x}", "start_timestamp": 1.0, "description": said}
        for number in range(1, 5)
    ]
    context = {"trace_id": TRACE, "span_id": SPAN}
    transaction = {
        "transaction": "GET /",
        "start_timestamp": 1.0,
        "timestamp": 2.0,
        "contexts": {"trace": context},
        "spans": spans,
    }
    envelope = sentry(*items, *[("transaction", transaction)] * 10)
    converted = convert(envelope, "otlp")
    assert max(len(each.encode()) for each in converted.payloads) <= OTLP_BYTES
    assert [each for one in converted.carried for each in one] == envelope.documents
    records = [len(each.documents) for each in converted.payloads]
    assert records == [10, 10, 10, 15, 10, 15]  # a transaction, of five spans, stays whole


def test_more_spans_than_a_request_may_have_become_several() -> None:
    spans = [{"span_id": SPAN, "start_timestamp": 1.0}] * (MAX_DOCUMENTS // 2)
    trace = {"contexts": {"trace": {"trace_id": TRACE, "span_id": SPAN}}, "start_timestamp": 1.0}
    envelope = sentry(*[("transaction", {**trace, "spans": spans})] * 2)
    converted = convert(envelope, "otlp")
    assert [each.count for each in converted.payloads] == [len(spans) + 1] * 2
    assert converted.carried == [[each] for each in envelope.documents]
