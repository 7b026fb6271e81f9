"""A request that is judged by its bytes comes out as one of which every document was judged."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from commands import COMMANDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from otlp_messages import REQUESTS, log_request, requests, set_attributes, set_value

from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy import plan as plans
from errlock.policy.detectors import example, load_catalogue
from errlock.policy.engine import Engine
from errlock.policy.engine.characters import TAGS
from errlock.policy.engine.databases import EngineError
from errlock.policy.engine.wire import FOLLOWERS
from errlock.policy.fields import telling_attributes
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Plan

PARTS = [RedactPart()]
KEYS = [
    "password", "x-api-key", "ip", "userPin", "note", "server.address", "token", "email", "name",
    "phone", "card", "id", "db.query.text", "exception.stacktrace", "http.url", "k" * 130,
    *telling_attributes(),
]  # fmt: skip
SECRETS = [example(each.id, each.catch[0])[0] for each in load_catalogue() if each.catch]
TEXTS = [
    "hunter2secret", "password=hunter2secret", "bob@mail.example.org", "203.0.113.77", "127.0.0.1",
    "ip=203.0.113.9", '{"password": "hunter2secret"}', "--password", "-p hunter2secret",
    "curl -u bob:hunter2secret https://x.example", "[email:e1:0x9f3b6c02d41a]", "plain",
    "************1111", "ok " * 60, "", "\0", "\uff50assword: hunter2secret", "a\u0301pin: 1234",
]  # fmt: skip
ARGUMENTS = [
    "mysql", "sshpass", "'curl'", "docker", "login", "-p", "'-p'", "-u", "-phunter2secret", "x -p",
    "hunter2secret", "bob:hunter2secret", "gh", "secret", "set", "-body=hunter2secret", "\n", "",
]  # fmt: skip
INTS = [
    7,
    -1,
    99_999_999,
    100_000_000,
    268_435_455,
    268_435_456,
    4111111111111111,
    4917610000000000003,
]


def encoded(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            text,
            f"before {text} after",
            quote(text),
            json.dumps({"note": text}),
            base64.b64encode(f"say {text}".encode()).decode(),
            text.encode().hex(),
            f"{text}\n{text}",
        ]
    )


WORDS = st.one_of(st.sampled_from(TEXTS), st.sampled_from(SECRETS)).flatmap(encoded)
LEAVES = st.one_of(
    WORDS,
    WORDS.map(str.encode),
    st.sampled_from([b"\xff\xfepassword=hunter2secret", b"\xe9t\xe9 hunter2secret"]),
    st.sampled_from(INTS),
    st.sampled_from([1.5, 203.1, 1e300, True]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(st.sampled_from(ARGUMENTS), max_size=6),
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    ),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


def run(body: bytes, signal: Any, *, reference: bool) -> bytes:
    chain = Chain([Step("redact", part) for part in PARTS], Counters(), "test")
    plan = Plan(PARTS, reference=reference)
    chain._plan = plan
    return chain.run(OtlpRequest.decode(body, signal), plan).encode()


def assert_same(message: Any, signal: Any) -> None:
    body = message.SerializeToString()
    fast = REQUESTS[signal].FromString(run(body, signal, reference=False))
    assert fast == REQUESTS[signal].FromString(run(body, signal, reference=True))


@st.composite
def planted(draw: st.DrawFn, signal: str) -> Any:
    """A request of a signal with values that may be sensitive wherever it has texts."""
    message = draw(requests(signal))
    _plant(draw, message)
    return message


def _plant(draw: st.DrawFn, message: Any) -> None:
    for field, value in message.ListFields():
        type_ = field.message_type
        if type_ is None:
            if field.type == field.TYPE_STRING and not field.is_repeated and draw(st.booleans()):
                setattr(message, field.name, draw(WORDS))
        elif type_.name == "KeyValue" and field.is_repeated:
            del value[:]
            set_attributes(value, draw(ATTRIBUTES))
        elif type_.name == "AnyValue":
            value.Clear()
            set_value(value, draw(VALUES))
        else:
            for each in value if field.is_repeated else [value]:
                _plant(draw, each)


@pytest.mark.parametrize("signal", list(REQUESTS))
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_is_what_judging_every_document_gives(signal: str, data: st.DataObject) -> None:
    assert_same(data.draw(planted(signal)), signal)


@pytest.mark.parametrize("command", COMMANDS)
def test_passwords_among_arguments_are_seen(command: list[str]) -> None:
    for arguments in (command, [repr(each) for each in command]):
        request = log_request({"command": arguments}, command=arguments)
        assert_same(request, "logs")
        left = run(request.SerializeToString(), "logs", reference=False)
        assert b"hunter2secret" not in left
        assert command[0].encode() in left


def test_a_command_is_read_anew_when_a_tool_in_it_was_masked() -> None:
    """Behind `'[token]'`, which was a tool, the last one is the password of the first."""
    command = ["mysql", "-phunter2secret", "'curl'", "-p", "mysql"]
    assert_same(log_request({"command": command}, command=command), "logs")


def test_every_example_of_the_catalogue_is_seen() -> None:
    texts = [example(each.id, n)[0] for each in load_catalogue() for n in each.catch]
    assert_same(_many({}, *({"x": text, "number": 7} for text in texts)), "logs")


def test_every_example_is_seen_in_a_long_text() -> None:
    texts = [example(each.id, n)[0] for each in load_catalogue() for n in each.catch]
    long = [f"it was {text} and {'so on ' * 25}" for text in texts]
    assert_same(_many({}, *({"x": text, "y": "z" * 300} for text in long)), "logs")


@pytest.mark.parametrize("key", ["phone", "phone_number_home", "tel" + " x" * 98, "mobile"])
@pytest.mark.parametrize("value", ["020 7946 0958", "z " * 200 + "020 7946 0958"])
def test_words_in_a_key_are_seen_however_far_its_value_is(key: str, value: str) -> None:
    after = {"z": "so on " * 60}
    assert_same(_many({}, {key: value, **after}), "logs")
    assert_same(_many({}, {"a": {"name": key, "value": value}, **after}), "logs")
    assert_same(_many({}, {"a": [key, value], **after}), "logs")


def test_telling_keys_are_seen() -> None:
    assert_same(_pairs(), "logs")


def test_telling_keys_are_seen_behind_their_values() -> None:
    message = _pairs()
    body = message.SerializeToString()
    for record in message.resource_logs[0].scope_logs[0].log_records:
        for pair in record.attributes:
            key, value = KeyValue(key=pair.key), KeyValue(value=pair.value)
            turned = value.SerializeToString() + key.SerializeToString()
            body = body.replace(pair.SerializeToString(), turned)
    assert body != message.SerializeToString()
    fast = REQUESTS["logs"].FromString(run(body, "logs", reference=False))
    assert fast == REQUESTS["logs"].FromString(run(body, "logs", reference=True))


def test_a_key_that_ends_a_record_is_seen_behind_its_value() -> None:
    for key in ("client.address", "user.name", "ip"):
        message = _many({}, {key: "bob 203.0.113.7"}, {"a": "b"})
        pair = message.resource_logs[0].scope_logs[0].log_records[1].attributes[0]
        turned = (
            KeyValue(value=pair.value).SerializeToString() + KeyValue(key=key).SerializeToString()
        )
        body = message.SerializeToString().replace(pair.SerializeToString(), turned)
        fast = REQUESTS["logs"].FromString(run(body, "logs", reference=False))
        assert fast == REQUESTS["logs"].FromString(run(body, "logs", reference=True))


# A name that ends with `secret` until its own secret is taken out.
_NAME = '{"password": "hunter2secret"}'


@pytest.mark.parametrize(
    "value",
    [
        [_NAME, 1e300],
        [[_NAME, 1e300], ["b", 1e300]],
        {"name": _NAME, "value": 1e300},
        {"x": [{"name": _NAME, "value": [1e300, {"y": 2e300}]}]},
        [_NAME, [1e300, [2e300]]],
    ],
)
def test_what_a_changed_name_stands_for_is_looked_at_again(value: Any) -> None:
    assert_same(log_request(**{"net.peer.ip": value}), "logs")


@pytest.mark.parametrize("value", ["127.0.0.1", "::1", "127.0.0.1, 203.0.113.7", "127.0.0.2", ""])
@pytest.mark.parametrize("key", ["client.address", "network.peer.address", "x.client.address"])
def test_addresses_of_nobody_are_left_out_and_no_others(key: str, value: str) -> None:
    assert_same(_many({}, {"a": "b", key: value}, {key: value, "z": 1}), "logs")


@pytest.mark.parametrize("first", ["7", "27", "127", "10", "227", "1"])
def test_addresses_are_seen_behind_a_length_that_looks_like_a_digit(first: str) -> None:
    for length in range(48, 58):
        text = f"{first}.113.7.9 ".ljust(length, "x")
        assert_same(_many({}, {"a": text}), "logs")


NUMBERS = [
    "order 123456789 of somebody", "123456789", "4111111111111111", "-12345678.5", "it's 123456789",
    "{'phone': 4917610000003}", '{"card": 4111111111111111}', "['ip', 123456789]",
    "a=1&n=123456789", quote('{"phone": 4917610000003}'), "&quot;phone&quot;: 4917610000003",
    "\\x22pin\\x22: 123456789", base64.b64encode(b'{"password": 123456789012}').decode(),
    "123456789 bob@mail.example.org", "'" + "so on " * 400 + "{pin: 123456789}",
    "insert into t (pin) values (123456789)",
]  # fmt: skip


def test_numbers_tell_what_they_do_where_every_document_is_judged() -> None:
    values: list[Any] = [*NUMBERS, *map(str.encode, NUMBERS), NUMBERS, ["phone", *NUMBERS]]
    records = [{"a": "b", key: value, "c": "'"} for key in KEYS[:14] for value in values]
    assert_same(_many({}, *records, *({"x": {key: NUMBERS}} for key in KEYS)), "logs")
    bodies = log_request()
    for text in NUMBERS:
        bodies.resource_logs[0].scope_logs[0].log_records.add().body.string_value = text
    assert_same(bodies, "logs")


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("order 7234567801 of somebody", False),
        ("it's 7234567801", True),
        ('say "7234567801', True),
        ("7234567801 bob@mail.example.org", True),
        ("bob@mail.example.org 7234567801", True),
        ("7234567801" + " so on" * 400, False),
    ],
)
def test_parts_with_numbers_are_looked_at_where_there_is_more(text: str, is_asked: bool) -> None:
    message = _many({}, {"a": "b", "n": text}, {"c": text})
    request = OtlpRequest.decode(message.SerializeToString(), "logs")
    assert request.buffer is not None
    places = Plan(PARTS).suspicious(request.buffer)
    assert places is not None
    asked = []

    def is_clean(_type: str, part: bytes, _load: object) -> bool:
        asked.append(text.encode() in part)
        return True

    assert request.sift(*places, is_clean) == []
    assert asked == [True, True] * is_asked


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("x", "4111111111111111"),
        ("x", "4111 1111 1111 1111"),
        ("x", "622848 0731159047265"),
        ("x", "6228480731159047265"),
        ("x", "DE89370400440532013000"),
        ("x", "GB82 WEST 1234 5698 7654 32"),
        ("x", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("okta", "00QZx7mPw2LkV9sTr4bN8cYd3fGh5jKmWq1e6Rt-u9"),
        ("jenkins", "11" + "0123456789abcdef" * 2),
    ],
)
def test_runs_are_seen_behind_lengths_that_look_like_a_part_of_them(key: str, value: str) -> None:
    texts = [f"{value}{' so on' * 30}"[:size] for size in (47, 48, 50, 57, 65, 90, 97, 122, 131)]
    texts.append(f"{value}{' so on' * 1041}")
    message = _many({}, *({key: text} for text in texts))
    assert_same(message, "logs")
    assert value.encode() not in run(message.SerializeToString(), "logs", reference=False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28T17:41:12.345Z order was paid",
        "2026-11-28 17:41:12,345 INFO an order was paid",
        "order 8f14e45f-ceea-467a-9575-6e1b2bc1d3d8 was paid",
        "order fe12cab7-1c34-4e34-8a23-de89aabbcc00 was paid",
        "commit de12ad3f9b2ea8c0aabb34ee77cc5521dd09fe61 was built",
        "GET /orders/1234567 HTTP/1.1 200 51234",
        "instance of 12345678",
    ],
)
def test_what_stands_in_most_logs_is_no_reason_to_look_at_them(text: str) -> None:
    code = {"code.file.path": "/app/shop.py", "code.function.name": "pay", "code.line.number": 7}
    message = _many({}, *({**code, "n": text} for _ in range(3)))
    request = OtlpRequest.decode(message.SerializeToString(), "logs")
    assert request.buffer is not None
    places = Plan(PARTS).suspicious(request.buffer)
    assert places is not None

    def is_clean(_type: str, part: bytes, _load: object) -> bool:
        pytest.fail(f"{part!r} was looked at")

    assert request.sift(*places, is_clean) == []


def test_numbers_alone_are_no_reason_to_make_a_document() -> None:
    message = _many({}, *({"n": f"order {n} of somebody"} for n in range(7234567801, 7234567851)))
    chain = Chain([Step("redact", part) for part in PARTS], Counters(), "test")
    result = chain.run(OtlpRequest.decode(message.SerializeToString(), "logs"))
    assert result.encode() == message.SerializeToString()
    assert not result.made


def _pairs() -> Any:
    values: list[Any] = [*TEXTS, *INTS, True, 1.5, b"hunter2secret", ["hunter2secret"]]
    return _many({}, *({"a": "b", key: value} for key in KEYS for value in values))


def _many(resource: dict[str, Any], *records: dict[str, Any]) -> Any:
    message = log_request()
    around = message.resource_logs[0]
    set_attributes(around.resource.attributes, resource)
    for attributes in records:
        record = around.scope_logs[0].log_records.add()
        set_attributes(record.attributes, attributes)
    return message


@pytest.mark.parametrize(
    "copy",
    ["hunter2secret", "with hunter2secret in it", quote("a hunter2secret!"), b"hunter2secret"],
)
def test_a_value_of_a_resource_is_searched_for_in_all_its_records(copy: Any) -> None:
    message = _many({"password": "hunter2secret"}, {"a": "b"}, {"note": copy})
    assert_same(message, "logs")
    assert b"hunter2secret" not in run(message.SerializeToString(), "logs", reference=False)


def test_a_number_of_a_resource_is_searched_for_in_all_its_records() -> None:
    assert_same(_many({"password": "12345678"}, {"a": 12345678}, {"b": "12345678"}), "logs")


def test_values_that_are_no_utf_8_hold_copies() -> None:
    message = _many({"password": "\xe9t\xe9hunter2"}, {"a": b"\xe9t\xe9hunter2"})
    assert_same(message, "logs")


def test_what_holds_nothing_goes_out_as_it_came_in_and_no_document_is_made() -> None:
    body = _many({"service.name": "x"}, *({"n": n} for n in range(50))).SerializeToString()
    chain = Chain([Step("redact", part) for part in PARTS], Counters(), "test")
    result = chain.run(OtlpRequest.decode(body, "logs"))
    assert result.encode() == body
    assert not result.made


def test_only_what_holds_something_is_made() -> None:
    records: list[dict[str, Any]] = [{"n": n} for n in range(50)]
    records[20]["password"] = "hunter2secret"
    body = _many({"service.name": "x"}, *records).SerializeToString()
    chain = Chain([Step("redact", part) for part in PARTS], Counters(), "test")
    result = chain.run(OtlpRequest.decode(body, "logs"))
    made = [each for each in result.made if each.type == "log_record"]
    assert len(made) < 4
    assert b"hunter2secret" not in result.encode()


def test_a_broken_engine_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[int]:
        raise EngineError("broken")

    monkeypatch.setattr(Engine, "suspicious", broken)
    counters = Counters()
    chain = Chain([Step("redact", part) for part in PARTS], counters, "test")
    result = chain.run(OtlpRequest.decode(log_request("hello").SerializeToString(), "logs"))
    assert result.count_alive == 0
    assert not OtlpRequest.decode(result.encode(), "logs").documents


def test_changed_documents_alone_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    detect = plans.Plan.detect

    def counted(self: Plan, subjects: Any) -> Any:
        seen.append(len(subjects))
        return detect(self, subjects)

    monkeypatch.setattr(plans.Plan, "detect", counted)
    records: list[dict[str, Any]] = [{"password": f"hunter{n}secret"} for n in range(9)]
    body = _many({"a": "b"}, *records, *({"note": f"x{n}@mail.example"} for n in range(1)))
    chain = Chain([Step("redact", part) for part in PARTS], Counters(), "test")
    chain.run(OtlpRequest.decode(body.SerializeToString(), "logs"))
    assert seen[1] == 10


def _all_fields(type_: Any, seen: set[str]) -> list[Any]:
    if type_.full_name in seen:
        return []
    seen.add(type_.full_name)
    inner = [_all_fields(field.message_type, seen) for field in type_.fields if field.message_type]
    return [*type_.fields, *(field for fields in inner for field in fields)]


@pytest.mark.parametrize("signal", list(REQUESTS))
def test_the_tags_that_triggers_expect_are_those_of_the_protocol(signal: str) -> None:
    for field in _all_fields(REQUESTS[signal].DESCRIPTOR, set()):
        if field.type == field.TYPE_STRING or field.name == "bytes_value":
            assert field.number << 3 | 2 in TAGS
        if field.number < 16:
            for wire_type in (0, 1, 2, 5):
                tag = field.number << 3 | wire_type
                assert tag in FOLLOWERS or not _is_written(field, wire_type)


def _is_written(field: Any, wire_type: int) -> bool:
    length = {field.TYPE_STRING, field.TYPE_BYTES, field.TYPE_MESSAGE}
    fixed = {field.TYPE_FIXED64, field.TYPE_SFIXED64, field.TYPE_DOUBLE}
    wanted = 2 if field.type in length or field.is_repeated else 1 if field.type in fixed else 0
    return wire_type == (5 if field.type == field.TYPE_FIXED32 else wanted)
