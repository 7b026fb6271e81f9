import json
from typing import Any

import pytest

from errlock.pipeline.payloads.envelope import Envelope
from errlock.receivers.sentry_arrival import correct_clock, put_in_address

ADDRESS = "203.0.113.9"
RECEIVED = 1_700_000_000.0


def decode(tree: object, type_: str = "event", headers: object = None) -> Envelope:
    body = b"%s\n%s\n%s\n" % (
        json.dumps(headers or {}).encode(),
        json.dumps({"type": type_}).encode(),
        json.dumps(tree).encode(),
    )
    return Envelope.decode(body, "shop", RECEIVED)


def put_in(tree: object, type_: str = "event", address: str | None = ADDRESS) -> Any:
    envelope = decode(tree, type_)
    put_in_address(envelope, address, "Browser/1")
    return envelope.documents[0].tree


NEVER = {"settings": {"infer_ip": "never"}}


@pytest.mark.parametrize(
    ("tree", "after"),
    [
        ({"user": {"ip_address": "{{auto}}", "id": 1}}, {"user": {"ip_address": ADDRESS, "id": 1}}),
        ({"request": {"env": {"REMOTE_ADDR": "{{auto}}"}}},
         {"request": {"env": {"REMOTE_ADDR": ADDRESS}}}),
        ({"sdk": {"name": "x", "settings": {"infer_ip": "auto"}}},
         {"sdk": {"name": "x", **NEVER}, "user": {"ip_address": ADDRESS}}),
        ({"user": {"ip_address": "10.0.0.1"}, "sdk": {"settings": {"infer_ip": "auto"}}},
         {"user": {"ip_address": "10.0.0.1"}, "sdk": NEVER}),
        ({"platform": "javascript"},
         {"platform": "javascript", "user": {"ip_address": ADDRESS}, "sdk": NEVER}),
        ({"platform": "cocoa", "user": {"id": 1}},
         {"platform": "cocoa", "user": {"id": 1, "ip_address": ADDRESS}, "sdk": NEVER}),
    ],
)  # fmt: skip
def test_an_event_that_asks_for_the_address_gets_it(tree: object, after: object) -> None:
    assert put_in(tree) == after


@pytest.mark.parametrize(
    "tree",
    [
        {"platform": "python"},
        {"platform": "node", "user": {"id": 1}},
        {"platform": "javascript", "sdk": NEVER},
        {"user": {"ip_address": "10.0.0.1"}},
        {"message": "{{auto}} javascript"},
    ],
)
def test_an_event_that_does_not_ask_stays_the_object_that_it_was(tree: object) -> None:
    envelope = decode(tree)
    before = envelope.items[0].encode()
    put_in_address(envelope, ADDRESS, None)
    assert envelope.items[0].encode() is before


def test_without_an_address_the_wish_goes_all_the_same() -> None:
    """The backend would put in the address of errlock."""
    assert put_in({"user": {"ip_address": "{{auto}}"}}, address=None) == {
        "user": {"ip_address": None}
    }
    assert put_in({"platform": "javascript"}, address=None) == {
        "platform": "javascript", "sdk": NEVER,
    }  # fmt: skip


@pytest.mark.parametrize("type_", ["session", "sessions"])
def test_sessions_get_the_address(type_: str) -> None:
    assert put_in({"attrs": {"ip_address": "{{auto}}", "release": "1"}}, type_) == {
        "attrs": {"ip_address": ADDRESS, "release": "1"}
    }


def test_spans_get_the_address() -> None:
    assert put_in({"data": {"client.address": "{{auto}}"}}, "span") == {
        "data": {"client.address": ADDRESS}
    }


def container(type_: str, **more: object) -> Envelope:
    return decode({"items": [{"attributes": {}}], **more}, type_)


def settings(envelope: Envelope) -> dict[str, Any]:
    (content,) = [json.loads(line) for line in envelope.encode().splitlines()[2:]]
    del content["items"]
    found: dict[str, Any] = content
    return found


@pytest.mark.parametrize("type_", ["log", "trace_metric"])
def test_elements_get_what_their_container_asks_for(type_: str) -> None:
    asked = {"infer_ip": "auto", "infer_user_agent": "auto"}
    envelope = container(type_, version=2, ingest_settings=asked)
    put_in_address(envelope, ADDRESS, "Browser/1")
    assert envelope.documents[0].tree == {
        "attributes": {
            "client.address": {"type": "string", "value": ADDRESS},
            "user_agent.original": {"type": "string", "value": "Browser/1"},
        }
    }
    never = {"infer_ip": "never", "infer_user_agent": "never"}
    assert settings(envelope) == {"version": 2, "ingest_settings": never}


def test_an_attribute_with_auto_gets_the_address() -> None:
    attribute = {"client.address": {"type": "string", "value": "{{auto}}"}}
    envelope = decode({"items": [{"attributes": attribute}]}, "log")
    put_in_address(envelope, ADDRESS, None)
    assert envelope.documents[0].tree == {
        "attributes": {"client.address": {"type": "string", "value": ADDRESS}}
    }


def test_old_logs_are_made_such_that_nothing_is_inferred() -> None:
    envelope = container("log")
    put_in_address(envelope, ADDRESS, "Browser/1")
    assert envelope.documents[0].tree == {"attributes": {}}
    never = {"infer_ip": "never", "infer_user_agent": "never"}
    assert settings(envelope) == {"version": 2, "ingest_settings": never}


def test_a_broken_document_is_left_to_those_who_judge() -> None:
    body = b'{"sent_at":"2020-01-01T00:00:00Z"}\n{"type":"event"}\n{"user":"{{auto}}"'
    envelope = Envelope.decode(body, "shop", RECEIVED)
    put_in_address(envelope, ADDRESS, None)
    correct_clock(envelope)
    assert envelope.documents[0].dropped is None


SENT_EARLY = {"sent_at": "2023-11-14T20:13:20Z"}  # two hours before RECEIVED


def test_a_clock_that_is_off_by_an_hour_is_corrected() -> None:
    """Relay's rule: everything moves by the time between sending and receiving."""
    event = {
        "timestamp": 1_699_992_700.5,
        "start_timestamp": "2023-11-14T20:11:40Z",
        "breadcrumbs": {"values": [{"timestamp": "2023-11-14T20:11:40.250000Z"}, {}]},
        "spans": [{"timestamp": 1_699_992_700, "start_timestamp": 1_699_992_600}],
        "extra": {"timestamp": 1},
    }
    envelope = decode(event, headers=SENT_EARLY)
    correct_clock(envelope)
    assert envelope.documents[0].tree == {
        "timestamp": 1_699_999_900.5,
        "start_timestamp": "2023-11-14T22:11:40Z",
        "breadcrumbs": {"values": [{"timestamp": "2023-11-14T22:11:40.250000Z"}, {}]},
        "spans": [{"timestamp": 1_699_999_900.0, "start_timestamp": 1_699_999_800.0}],
        "extra": {"timestamp": 1},
    }


@pytest.mark.parametrize(
    ("type_", "tree", "after"),
    [
        ("session", {"started": "2023-11-14T20:00:00Z"}, {"started": "2023-11-14T22:00:00Z"}),
        ("sessions", {"aggregates": [{"started": "2023-11-14T20:00:00Z"}]},
         {"aggregates": [{"started": "2023-11-14T22:00:00Z"}]}),
        ("span", {"end_timestamp": 1.5}, {"end_timestamp": 7201.5}),
    ],
)  # fmt: skip
def test_the_other_kinds_are_corrected_too(type_: str, tree: object, after: object) -> None:
    envelope = decode(tree, type_, SENT_EARLY)
    correct_clock(envelope)
    assert envelope.documents[0].tree == after


@pytest.mark.parametrize(
    "sent_at",
    ["2023-11-14T21:19:00Z", "2023-11-14T22:13:20", "2023-11-14T23:07:00+00:00", "soon", 7e99,
     None, True],
)  # fmt: skip
def test_a_clock_that_is_less_off_or_unknown_is_left_alone(sent_at: object) -> None:
    envelope = decode({"timestamp": 1.0}, headers={"sent_at": sent_at})
    before = envelope.items[0].encode()
    correct_clock(envelope)
    assert envelope.items[0].encode() is before


@pytest.mark.parametrize("odd", ["soon", True, 1e300, [], {"a": 1}, "9999-12-31T23:59:59Z"])
def test_odd_timestamps_are_left_alone(odd: object) -> None:
    envelope = decode({"timestamp": odd, "breadcrumbs": 7, "spans": [7]}, headers=SENT_EARLY)
    correct_clock(envelope)
    assert envelope.documents[0].tree == {"timestamp": odd, "breadcrumbs": 7, "spans": [7]}
