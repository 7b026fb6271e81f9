import gc
import json
import time

import pytest
import sentry_sdk
from hypothesis import given
from hypothesis import strategies as st
from sentry_sdk.envelope import Envelope as SdkEnvelope
from sentry_sdk.envelope import Item as SdkItem

from errlock.pipeline.errors import BrokenDocument, RefusedPayload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_documents import (
    ITEM_TYPES,
    TEXT_ATTACHMENT_LIMIT,
    Content,
)
from errlock.pipeline.payloads.envelope_framing import MAX_COMMAS, MAX_ELEMENTS, MAX_ITEMS

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
TRACE = "771a43a4192642f0b136d5159a501700"
EVENT = b'{"event_id":"%s","message":"x","contexts":{"trace":{"trace_id":"%s"}}}' % (
    ID.encode(), TRACE.encode(),
)  # fmt: skip


def decode(body: bytes) -> Envelope:
    return Envelope.decode(body, "shop", 1700000000.0)


def item(payload: bytes, type_: str = "event", **headers: object) -> bytes:
    return b"%s\n%s\n" % (
        json.dumps({"type": type_, "length": len(payload), **headers}).encode(),
        payload,
    )


def lines(body: bytes) -> list[object]:
    return [json.loads(line) for line in body.splitlines()]


def test_an_envelope_comes_out_as_it_went_in() -> None:
    body = b'{"event_id":"%s"}\n' % ID.encode() + item(EVENT) + item(b"{}", "check_in")
    again = decode(body).encode()
    assert lines(again) == lines(body)


def test_an_unchanged_document_keeps_its_bytes_object() -> None:
    body = b"{}\n" + item(b'{"a" :  1.50}')
    envelope = decode(body)
    before = envelope.items[0].encode()
    assert before == b'{"a" :  1.50}'
    assert envelope.items[0].tree == {"a": 1.5}
    assert envelope.copy().items[0].encode() is before


@pytest.mark.parametrize(
    "body",
    [
        b'{}\n{"type":"event","length":7}\n{"a":1}\n',
        b'{}\n{"type":"event","length":7}\n{"a":1}',
        b'{}\n{"type":"event"}\n{"a":1}\n',
        b'{}\n{"type":"event"}\n{"a":1}',
        b'{}\r\n{"type":"event","length":7}\r\n{"a":1}\r\n',
        b'{}\r\n{"type":"event"}\r\n{"a":1}\r\n',
        b'{}\n\n{"type":"event","length":7}\n{"a":1}\n\n\n',
        b'\xef\xbb\xbf{}\n{"type":"event"}\n{"a":1}',
        b'{}\n{"type":"event","length":9}\n{"a":\r\n1}\n',
    ],
    ids=["plain", "no final newline", "no length", "neither", "CRLF", "CRLF, no length",
         "blank lines", "BOM", "CRLF inside"],
)  # fmt: skip
def test_the_framings_of_all_sdks_are_read(body: bytes) -> None:
    assert [each.tree for each in decode(body).documents] == [{"a": 1}]


@pytest.mark.parametrize("body", [b"{}", b"{}\n", b"{}\n\n"])
def test_an_empty_envelope_is_read(body: bytes) -> None:
    assert decode(body).documents == []


@pytest.mark.parametrize(
    "body",
    [b'{}\n{"type":"attachment","length":0}\n\n', b'{}\n{"type":"attachment","length":0}\n',
     b'{}\n{"type":"attachment","length":0}'],
)  # fmt: skip
def test_a_zero_length_item_is_read(body: bytes) -> None:
    (document,) = decode(body).documents
    assert (document.type, document.tree, document.size) == ("attachment", "", 0)


def test_a_zero_length_event_is_broken() -> None:
    (document,) = decode(b'{}\n{"type":"event","length":0}\n\n').documents
    with pytest.raises(BrokenDocument, match=r"^not JSON$"):
        _ = document.tree


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "the envelope header is not JSON"),
        (b"hunter2", 400, "the envelope header is not JSON"),
        (b"[]", 400, "the envelope header is not an object"),
        (b'{"a":"\xff"}', 400, "the envelope header is not UTF-8"),
        (b"[" * 200 + b"]" * 200, 400, "the envelope header is nested more than 128 deep"),
        (b"{}\nhunter2", 400, "an item header is not JSON"),
        (b'{}\n{"length":2}\n{}', 400, "an item has no type"),
        (b'{}\n{"type":1,"length":2}\n{}', 400, "an item has no type"),
        (b'{}\n{"type":"event","length":9}\n{}', 400, "an item is longer than the envelope"),
        (b'{}\n{"type":"event","length":1}\n{}\n', 400,
         "an item's length is not that of its content"),
        (b'{}\n{"type":"event","length":-1}\n{}', 400,
         "an item's length is not a number of bytes"),
        (b'{}\n{"type":"event","length":"2"}\n{}', 400,
         "an item's length is not a number of bytes"),
        (b'{}\n{"type":"event","length":true}\n{}', 400,
         "an item's length is not a number of bytes"),
        (b"{}\n" + b'{"type":"x","length":0}\n\n' * (MAX_ITEMS + 1), 413,
         "more than 1000 items"),
        (b"{}\n" + item(b'{"items":[%s]}' % b",".join([b"{}"] * (MAX_ELEMENTS + 1)), "log"), 413,
         "more than 10000 elements in containers"),
        (b"{}\n" + item(b'{"items":[%s]}' % b",".join([b"{}"] * 6000), "log") * 2, 413,
         "more than 10000 elements in containers"),
        (b"{}\n" + item(b'{"items":[%s]}' % b",".join([b"0"] * (MAX_COMMAS + 2)), "log"), 413,
         "more than 10000 elements in containers"),
    ],
)  # fmt: skip
def test_a_broken_envelope_is_refused(body: bytes, status: int, message: str) -> None:
    with pytest.raises(RefusedPayload) as caught:
        decode(body)
    assert (caught.value.status, str(caught.value)) == (status, message)


@pytest.mark.parametrize("type_", sorted(ITEM_TYPES))
def test_every_known_item_type_has_its_document_type(type_: str) -> None:
    (document,) = decode(b"{}\n" + item(b'{"a":1}', type_)).documents
    assert document.type == ITEM_TYPES[type_][0]
    _ = document.tree


@pytest.mark.parametrize(
    "type_", ["replay_event", "replay_recording", "profile", "profile_chunk", "hunter2"]
)
def test_what_nobody_can_judge_is_unknown_and_its_content_discarded(type_: str) -> None:
    envelope = decode(b"{}\n" + item(b"hunter2", type_, secret="hunter2"))
    (document,) = envelope.documents
    assert (document.type, document.size, document.tree) == ("unknown", 7, b"")
    assert b"hunter2" not in envelope.encode()
    assert document.dropped == "unsupported"


def test_several_events_are_several_documents() -> None:
    envelope = decode(b"{}\n" + item(b'{"a":1}') + item(b'{"a":2}'))
    assert [each.tree for each in envelope.documents] == [{"a": 1}, {"a": 2}]


def test_the_elements_of_a_container_are_documents() -> None:
    content_type = "application/vnd.sentry.items.log+json"
    envelope = decode(
        b"{}\n"
        + item(b'{"items":[{"body":"a"},{"body":"b"},{"body":"c"}],"version":2}', "log",
               item_count=3, content_type=content_type)
    )  # fmt: skip
    assert [each.type for each in envelope.documents] == ["log"] * 3
    envelope.documents[1].dropped = "filtered"
    envelope.documents[2].tree = {"body": "longer"}
    assert lines(envelope.encode()) == [
        {},
        {"type": "log", "content_type": content_type, "item_count": 2, "length": 54},
        {"items": [{"body": "a"}, {"body": "longer"}], "version": 2},
    ]


def test_a_container_that_lost_all_elements_is_left_out() -> None:
    envelope = decode(b"{}\n" + item(b'{"items":[{}]}', "log", item_count=1))
    envelope.documents[0].dropped = "filtered"
    assert envelope.encode() == b"{}\n"


def test_sloppy_containers_are_mended_element_by_element() -> None:
    envelope = decode(b"{}\n" + item(b'{"items":[{"a":NaN},{"b":"x\\ud83d"}]}', "log"))
    assert [each.tree for each in envelope.documents] == [{"a": None}, {"b": "x\ufffd"}]
    assert envelope.repaired == 2


def test_one_broken_element_is_broken_alone() -> None:
    deep = b'{"a":' * 150 + b"1" + b"}" * 150
    envelope = decode(b"{}\n" + item(b'{"items":[%s,{"b":1},7]}' % deep, "log"))
    first, second, third = envelope.documents
    assert second.tree == {"b": 1}
    for each in (first, third):
        with pytest.raises(BrokenDocument):
            _ = each.tree
    assert lines(envelope.encode())[2] == {"items": [{"b": 1}]}
    assert first.dropped == "broken"


def test_a_broken_container_is_one_broken_document() -> None:
    (document,) = decode(b"{}\n" + item(b'{"items":[{]}', "log")).documents
    assert document.type == "log"
    with pytest.raises(BrokenDocument):
        _ = document.tree


def test_what_a_container_has_beside_its_elements_is_judged() -> None:
    envelope = decode(b"{}\n" + item(b'{"items":[{}],"note":"hunter2"}', "log"))
    context = envelope.contexts[1]
    assert (context.type, context.tree) == ("envelope", {"container": {"note": "hunter2"}})
    assert envelope.documents[0].parents == (envelope.headers, context)
    context.tree = {"container": {"note": "[password]"}}
    assert lines(envelope.encode())[2] == {"items": [{}], "note": "[password]"}


def test_item_headers_are_judged() -> None:
    envelope = decode(
        b"{}\n" + item(b"text", "attachment", filename="hunter2.txt", content_type="text/plain")
    )
    context = envelope.contexts[1]
    assert context.tree == {"headers": {"filename": "hunter2.txt"}}
    context.tree = {"headers": {"filename": "[password].txt"}}
    assert json.loads(envelope.encode().splitlines()[1]) == {
        "filename": "[password].txt", "type": "attachment", "content_type": "text/plain",
        "length": 4,
    }  # fmt: skip


def test_a_content_type_that_may_tell_something_is_judged() -> None:
    envelope = decode(b"{}\n" + item(b"{}", content_type="application/x-hunter2"))
    assert envelope.contexts[1].tree == {"headers": {"content_type": "application/x-hunter2"}}


def test_items_without_their_headers_do_not_go_out() -> None:
    envelope = decode(b"{}\n" + item(b"{}", note="x") + item(b"{}"))
    envelope.contexts[1].dropped = "limit"
    assert envelope.documents[0].lost == "parent"
    assert lines(envelope.encode()) == [{}, {"type": "event", "length": 2}, {}]


def test_nothing_goes_out_without_the_envelopes_headers() -> None:
    envelope = decode(b"{}\n" + item(b"{}"))
    envelope.headers.dropped = "limit"
    assert envelope.alive == []


@pytest.mark.parametrize("first", ["event", "attachment"])
def test_an_attachment_and_a_report_follow_the_event_beside_them(first: str) -> None:
    parts = [item(b"text", "attachment"), item(b'{"comments":"x"}', "user_report"), item(EVENT)]
    envelope = decode(b"{}\n" + b"".join(parts if first == "attachment" else parts[::-1]))
    for copied in (envelope, envelope.copy()):
        event = next(each for each in copied.documents if each.type == "event")
        assert all(event in each.parents for each in copied.documents if each is not event)
    event.dropped = "sampled"
    assert copied.alive == []
    assert len(envelope.alive) == 3


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", {}),
        (b"caf\xe9", {}),
        (b"MDMP text", {"attachment_type": "event.minidump"}),
        (b"text", {"content_type": "image/png"}),
        (b"text", {"content_type": "application/vnd.sentry.trace-attachment"}),
        (b"text", {"content_type": 7}),
        (b"x" * (TEXT_ATTACHMENT_LIMIT + 1), {}),
    ],
    ids=["binary", "latin-1", "minidump", "image", "trace attachment", "odd", "large"],
)
def test_attachments_that_are_not_text_are_unknown(
    payload: bytes, headers: dict[str, object]
) -> None:
    (document,) = decode(b"{}\n" + item(payload, "attachment", **headers)).documents
    assert (document.type, document.size) == ("unknown", len(payload))


@pytest.mark.parametrize(
    "headers",
    [{}, {"content_type": "application/json"}, {"content_type": "text/csv; charset=utf-8"},
     {"attachment_type": "event.view_hierarchy"}],
)  # fmt: skip
def test_text_attachments_are_judged_as_text(headers: dict[str, object]) -> None:
    envelope = decode(b"{}\n" + item("grüße\r\n".encode(), "attachment", **headers))
    assert (envelope.documents[0].type, envelope.documents[0].tree) == ("attachment", "grüße\r\n")
    envelope.documents[0].tree = "[password]"
    assert envelope.encode().endswith(b'"length":10}\n[password]\n')


def test_neither_the_dsn_nor_its_key_goes_out() -> None:
    envelope = decode(
        b'{"dsn":"http://k3y@h/1","trace":{"trace_id":"%s","public_key":"k3y"}}\n' % TRACE.encode()
    )
    assert envelope.dsn == "http://k3y@h/1"
    assert envelope.headers.tree == {"trace": {"trace_id": TRACE}}
    assert b"k3y" not in envelope.encode()
    assert lines(envelope.encode(public_key="theirs")) == [
        {"trace": {"trace_id": TRACE, "public_key": "theirs"}}
    ]


def test_sent_at_is_written_anew() -> None:
    envelope = decode(b'{"sent_at":"2020-01-01T00:00:00Z"}')
    assert lines(envelope.encode(sent_at=1700000000.1239)) == [
        {"sent_at": "2023-11-14T22:13:20.123Z"}
    ]


def test_a_key_that_occurs_twice_goes_out_once() -> None:
    envelope = decode(b"{}\n" + item(b'{"password":"hunter2","pass\\u0077ord":"x"}'))
    assert envelope.encode() == b'{}\n{"type":"event","length":16}\n{"password":"x"}\n'
    assert envelope.repaired == 1


def test_ids_are_found() -> None:
    envelope = decode(
        b'{"event_id":"9EC79C33-EC99-42AB-8353-589FCB2E04DC"}\n'
        + item(b'{"event_id":"00000000000000000000000000000000"}')
        + item(b"text", "attachment")
        + item(b'{"items":[{"trace_id":"%s"}]}' % TRACE.encode(), "log")
    )
    event, attachment, log = envelope.documents
    assert (event.event_id, event.trace_id) == (ID, None)
    assert (attachment.event_id, attachment.trace_id) == (ID, None)
    assert (log.event_id, log.trace_id) == (None, TRACE)
    (event,) = decode(b"{}\n" + item(EVENT)).documents
    assert (event.event_id, event.trace_id) == (ID, TRACE)
    (event,) = decode(b'{"trace":{"trace_id":"%s"}}\n' % TRACE.encode() + item(b"{}")).documents
    assert (event.event_id, event.trace_id) == (None, TRACE)
    (event,) = decode(b'{"event_id":"hunter2"}\n' + item(b"{")).documents
    assert (event.event_id, event.trace_id) == (None, None)


def test_copies_part_ways_when_one_is_changed() -> None:
    envelope = decode(b"{}\n" + item(b'{"a":1}', note="x"))
    other = envelope.copy()
    other.documents[0].tree = {"a": 2}
    other.contexts[1].tree = {"headers": {"note": "y"}}
    other.documents[0].decisions["sample"] = True
    assert lines(envelope.encode())[1:] == [
        {"note": "x", "type": "event", "length": 7},
        {"a": 1},
    ]
    assert lines(other.encode())[1:] == [{"note": "y", "type": "event", "length": 7}, {"a": 2}]
    assert envelope.documents[0].decisions == {"sample": True}


def test_an_event_becomes_an_envelope() -> None:
    event = {"event_id": ID, "message": "x\ud83d", "when": (1, 2)}
    envelope = Envelope.from_event(event, "shop", 1.0)
    assert envelope.headers.tree == {"event_id": ID}
    assert envelope.documents[0].tree == {
        "event_id": ID, "message": "x\ufffd", "when": [1, 2],
    }  # fmt: skip
    assert event["message"] == "x\ud83d"
    assert Envelope.from_event(EVENT).items[0].encode() is EVENT
    assert Envelope.from_event({"type": "transaction"}).documents[0].type == "transaction"


def test_an_event_without_an_id_gets_one_in_the_header() -> None:
    envelope = Envelope.from_event({"message": "x"})
    assert len(envelope.documents[0].event_id or "") == 32
    assert envelope.documents[0].tree == {"message": "x"}


@pytest.mark.parametrize("event", [b"[]", b"hunter2", b'{"a":"\xff"}'])
def test_what_is_no_event_is_refused(event: bytes) -> None:
    with pytest.raises(RefusedPayload) as caught:
        Envelope.from_event(event)
    assert caught.value.status == 400
    assert str(caught.value).startswith("the event is not ")


def test_envelopes_can_be_built() -> None:
    envelope = Envelope("shop", 1.0, {"event_id": ID})
    envelope.add("event", {"message": "x"})
    envelope.add("attachment", "text", {"filename": "a.txt"})
    log = Content.of({"body": "a"}, "object")
    envelope.add_container("log", [log], "application/vnd.sentry.items.log+json")
    again = decode(envelope.encode())
    assert [each.tree for each in again.documents] == [{"message": "x"}, "text", {"body": "a"}]
    assert again.contexts[1].tree == {"headers": {"filename": "a.txt"}}
    assert envelope.documents[1].parents[-1] is envelope.documents[0]
    assert [each.size for each in envelope.documents] == [15, 4, 12]


def test_what_the_sdk_writes_is_read_and_what_is_written_the_sdk_reads() -> None:
    sent = SdkEnvelope(headers={"event_id": ID, "dsn": "http://k@h/1"})
    sent.add_event({"event_id": ID, "message": "x"})
    sent.add_item(SdkItem(b"text\nlines\n", type="attachment", filename="a.txt"))
    again = SdkEnvelope.deserialize(decode(sent.serialize()).encode())
    assert again.headers == {"event_id": ID}
    event, attachment = again.items
    assert event.get_event() == {"event_id": ID, "message": "x"}
    assert attachment.get_bytes() == b"text\nlines\n"
    assert attachment.headers["filename"] == "a.txt"
    assert sentry_sdk.VERSION


def test_repairs_stay_counted_when_a_document_is_changed() -> None:
    envelope = decode(b"{}\n" + item(b'{"a":NaN}'))
    _ = envelope.documents[0].tree
    envelope.documents[0].tree = {"a": 1}
    assert envelope.repaired == 1


ALPHABET = [
    b"{}", b"\n", b"\r\n", b'{"type":"event"}', b'{"type":"log","length":14}', b'{"items":[{}]}',
    b'{"a":1,"a":2}', b'{"type":"attachment","length":3}', b'"\\ud83d"', b"NaN", b"\xff", b"abc",
    b'{"type":"x","filename":"a"}', b"[[", b'{"event_id":1,"trace":[],"dsn":{}}', b'"', b"\\",
    b'{"type":"event","length":7}', b'{"a":1}', b'{"type":"log"}', b'{"items":{"a":[]}}',
]  # fmt: skip


@given(
    st.lists(st.sampled_from(ALPHABET)).map(lambda parts: b"{}\n" + b"".join(parts)) | st.binary()
)
def test_any_bytes_are_read_or_refused_and_what_goes_out_can_be_read(body: bytes) -> None:
    try:
        envelope = decode(body)
    except RefusedPayload:
        return
    out = envelope.copy().encode()
    again = decode(out)
    assert again.encode() == out
    assert again.repaired == 0
    for document in again.documents:
        _ = document.tree, document.event_id, document.trace_id


def test_reading_many_small_items_takes_time_in_proportion() -> None:
    body = b"{}\n" + item(b'{"items":[%s]}' % b",".join([b"{}"] * MAX_ELEMENTS), "log")
    gc.collect()
    begin = time.process_time()
    envelope = decode(body)
    envelope.copy().encode()
    assert time.process_time() - begin < 2
