"""What the gate leaves to Python: the ends of names, plurals, and numbers in JSON."""

from __future__ import annotations

import json

import engine_twins as twins
import pytest

from errlock.policy.engine import gate, names
from errlock.policy.engine.databases import Database
from errlock.policy.views import base64_text


@pytest.mark.parametrize(
    "text",
    [
        "{deviceSerial: 356938035643809}",
        "{phone_number: 4155552671, mobileNumber: 4155552671}",
        "[1, 356938035643809, 'x']",
        "[356938035643809] it's",
        "{'deviceSerial': 356938035643809}",
        '{"taxCf": 123456789.0, "deviceSerial": 356938035643809}',
        ":356938035643809,",
        "'356938035643809",
        "imei [35693803564380.9, 356938035643809]",
        "at 40.7128,-74.0060 and 40.7128 , 74.0060",
        "shop@4.2.0 jane@example.com x@1.2.com a+b=c.d@1.2.3",
        "a+b=example.com@lists.example.org c+d=example.com@-a.org",
    ],
)
@pytest.mark.parametrize("key", ["note", "deviceSerial", "phone"])
def test_both_see_the_same_numbers_and_addresses(text: str, key: str) -> None:
    tree = {"extra": {key: text, "list": [text, "deviceSerial", text]}, "timestamp": 1715739849.25}
    assert twins.difference("default", "event", tree) is None
    assert twins.raw_difference("default", "event", json.dumps(tree).encode()) is None


@pytest.mark.parametrize(
    "behind", ["", "s", "S", "String", "string", "Size", "sx", "2", "env", "x"]
)
@pytest.mark.parametrize("name", ["token", "TOKEN", "accountnumber", "cvv2", "pkcs8", "dob", "ip"])
def test_both_see_the_same_behind_a_name(name: str, behind: str) -> None:
    for sign in ("=", ": ", " = '", '":"', ">", " Hun7er2\n"):
        text = f"my {name}{behind}{sign}Hun7er2x 1 <{name}{behind}>Hun7er2y"
        tree = {"extra": {"note": text, name + behind: "Hun7er2z"}}
        assert twins.difference("default", "event", tree) is None
        assert twins.raw_difference("default", "event", json.dumps(tree).encode()) is None


@pytest.mark.parametrize(
    ("text", "seen"), [("token", True), ("tokens", True), ("TOKENS", True), ("tokenx", False)]
)
def test_what_is_behind_a_name_belongs_to_it(text: str, seen: bool) -> None:
    at = len("token")
    assert bool(gate._finders_of_name(f"{text}=1\0\n".encode(), at) & names.PAIRS) is seen


def test_times_are_no_numbers_to_look_at() -> None:
    found = [each for each in gate.words("json") if each.id == gate.NUMBER_HELD]
    database = Database.compiled(found)
    plain = b'{"timestamp":1715739849.25,"code":1234567890,"id":"1234567890","x":["1"]}'
    assert database.hits(plain) == []
    for text in (
        "['a', 1234567890]",
        "[1234567890, 'a']",
        '{"a": 1234567890}',
        "[1234567890.5, '']",
    ):
        assert database.hits(json.dumps({"x": text}).encode()) != [], text


def test_encoded_texts_are_seen_wherever_they_stand() -> None:
    assert base64_text("cGFzc3dvcmQ9SHVuN2VyMg") == "password=Hun7er2"
    for before in ("", "\n", "/", "a b", "é", "\\"):
        tree = {"extra": {"note": f"{before}cGFzc3dvcmQ9SHVuN2VyMg=="}}
        assert twins.raw_difference("default", "event", json.dumps(tree).encode()) is None
