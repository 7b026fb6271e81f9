"""Planted values in every encoding and every place never come out; and the other promises."""

from __future__ import annotations

import base64
import copy
import html
import json
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readable import is_readable
from scrubbing import rendered

from errlock.policy.generalisation import Generaliser
from errlock.policy.keyring.pseudonyms import SingleKey, new_key
from errlock.policy.parts import GeneralizePart, HashPart, Part, RedactPart

PASSWORD = st.builds(
    lambda a, b, c: f"{a}{b}{c}",
    st.text(string.ascii_letters, min_size=4, max_size=8),
    st.text(string.digits, min_size=3, max_size=4),
    st.sampled_from(["", "!", "#x", "@q", "-Z", "$1"]),
).filter(lambda text: len(set(text)) > 4)
TOKEN = st.text(string.ascii_letters + string.digits, min_size=24, max_size=40).filter(
    lambda text: (
        any(c.isdigit() for c in text)
        and any(c.isupper() for c in text)
        and any(c.islower() for c in text)
        and len(set(text)) > 8
    )
)
EMAIL = st.builds(
    lambda name, domain: f"{name}@{domain}",
    st.text(string.ascii_lowercase, min_size=5, max_size=10),
    st.sampled_from(["example.com", "mail.example.org", "acme.co.uk"]),
)
GITHUB = st.text(string.ascii_letters + string.digits, min_size=36, max_size=36).map("ghp_".__add__)

PLANTED = st.one_of(
    st.tuples(st.sampled_from(["password", "db_password", "userPassword", "passwd"]), PASSWORD),
    st.tuples(st.sampled_from(["api_key", "access_token", "clientSecret", "X-Api-Key"]), TOKEN),
    st.tuples(st.sampled_from(["email", "contact", "to", "note"]), EMAIL),
    st.tuples(st.sampled_from(["email", "note", "header", "value"]), GITHUB),
)


def u_escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def multipart(key: str, value: str) -> str:
    head = f'Content-Disposition: form-data; name="{key}"'
    return f"--bound\r\n{head}\r\n\r\n{value}\r\n--bound--\r\n"


ENCODINGS: dict[str, Callable[[str, str], str]] = {
    "json": lambda k, v: json.dumps({"id": 7, k: v}),
    "json in text": lambda k, v: f"sent {json.dumps({k: v, 'n': 1})} to the queue",
    "json in json": lambda k, v: json.dumps({"body": json.dumps({k: v})}),
    "json three deep": lambda k, v: json.dumps([json.dumps({"b": json.dumps({k: v})})]),
    "json escaped": lambda k, v: '{"' + k + '": "' + u_escaped(v) + '"}',
    "json key escaped": lambda k, v: '{"' + u_escaped(k) + '": "' + v + '"}',
    "json cut off": lambda k, v: json.dumps({"id": 7, k: v})[:-2],
    "repr": lambda k, v: repr({"id": 7, k: v}),
    "repr of bytes": lambda k, v: repr({k.encode(): v.encode()}),
    "repr of an object": lambda k, v: f"User(id=7, {k.replace('-', '_')}={v!r})",
    "form": lambda k, v: urlencode({"id": "7", k: v, "next": "/home"}),
    "form twice": lambda k, v: quote(urlencode({"id": "7", k: v})),
    "url": lambda k, v: f"GET https://api.example.com/v1/x?{urlencode({'id': 7, k: v})}",
    "base64 json": lambda k, v: base64.b64encode(json.dumps({k: v}).encode()).decode(),
    "html": lambda k, v: html.escape(json.dumps({k: v})),
    "xml": lambda k, v: f"<r><{k}>{html.escape(v)}</{k}></r>",
    "xml attribute": lambda k, v: f'<user id="7" {k}="{html.escape(v)}"/>',
    "yaml": lambda k, v: f"id: 7\n{k}: '{v}'\nlist:\n  - 1\n",
    "env": lambda k, v: f"HOME=/root\n{k.upper().replace('-', '_')}={v}\nLANG=C\n",
    "multipart": multipart,
    "sql": lambda k, v: f"INSERT INTO t (id, {k.replace('-', '_')}) VALUES (7, '{v}')",
    "pairs": lambda k, v: json.dumps([["id", 7], [k, v]]),
    "name and value": lambda k, v: json.dumps([{"name": k, "value": v}]),
}

SLOTS: dict[str, Callable[[Any], tuple[str, Any]]] = {
    "message": lambda v: ("event", {"message": v}),
    "logentry": lambda v: ("event", {"logentry": {"formatted": v, "params": [v]}}),
    "exception": lambda v: ("event", {"exception": {"values": [{"type": "E", "value": v}]}}),
    "extra": lambda v: ("event", {"extra": {"data": {"list": [1, v]}}}),
    "vars": lambda v: ("event", {"stacktrace": {"frames": [{"vars": {"x": v}}]}}),
    "breadcrumb": lambda v: ("event", {"breadcrumbs": {"values": [{"message": v}]}}),
    "tag": lambda v: ("event", {"tags": [["x", v]]}),
    "body": lambda v: ("event", {"request": {"data": v}}),
    "context": lambda v: ("event", {"contexts": {"state": {"v": v}}}),
    "unknown field": lambda v: ("event", {"something": {"else": v}}),
    "transaction": lambda v: ("transaction", {"spans": [{"description": v}]}),
    "sentry log": lambda v: ("log", {"body": v, "attributes": {"x": {"value": v}}}),
    "otlp log": lambda v: ("log_record", {"body": {"a": [v]}, "attributes": {"x": v}}),
    "otlp span": lambda v: ("otlp_span", {"events": [{"attributes": {"x": v}}]}),
    "resource": lambda v: ("resource", {"attributes": {"x": v}}),
    "attachment": lambda v: ("attachment", v),
    "feedback": lambda v: ("feedback", {"contexts": {"feedback": {"message": v}}}),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PLANTED, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(SLOTS)))
def test_a_planted_value_never_comes_out(
    planted: tuple[str, str], encoding: str, slot: str
) -> None:
    key, value = planted
    type_, tree = SLOTS[slot](ENCODINGS[encoding](key, value))
    assert is_readable(value, tree)
    assert not is_readable(value, rendered(tree, type_=type_).tree)


@settings(max_examples=50, deadline=None)
@given(PLANTED, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(SLOTS)))
def test_a_copy_in_any_encoding_is_removed_too(
    planted: tuple[str, str], encoding: str, slot: str
) -> None:
    _, value = planted
    type_, tree = SLOTS[slot](f"seen {ENCODINGS[encoding]('x', value)}")
    place = tree if isinstance(tree, dict) else None
    if place is None or type_ not in ("event", "transaction"):
        return
    place["extra2"] = {"password" if "@" not in value else "email": value}
    assert not is_readable(value, rendered(tree, type_=type_).tree)


KEY = new_key()
CHAINS: dict[str, list[Part]] = {
    "redact": [RedactPart()],
    "strict": [RedactPart(profile="strict")],
    "mask": [RedactPart(classes=(("pii", "mask"), ("secret", "mask")))],
    "remove": [RedactPart(classes=(("*", "remove"),))],
    "hash": [HashPart(classes=("pii",), keyring=SingleKey(KEY)), RedactPart()],
    "generalize": [
        GeneralizePart(
            Generaliser(
                timestamps=True, paths=True, routes=True, sql=True, user_agents=True, ids=True
            )
        ),
        RedactPart(),
    ],
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "[email]", "[email:e1:0x9f3b6c02d41a]", "password=[secret: x1y2z3]", "203.0.113.7/24",
            "jane@example.com", "2024-01-02T03:04:05Z", "/home/jane/x", "GET /users/4711",
            "SELECT * FROM t WHERE a = 'x' AND b = 12", "Bearer abcdefghijklmnop1234567",
            "http://user:p4ssw0rd@example.com/x?token=abcdef123456", "4111 1111 1111 1111",
        ]
    ),
    lambda children: st.lists(children, max_size=4)
    | st.dictionaries(
        st.text(max_size=8)
        | st.sampled_from(["password", "user", "email", "ip_address", "name", "value", "tags"]),
        children,
        max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip
DOCUMENT = st.dictionaries(
    st.sampled_from(["user", "extra", "message", "request", "exception", "tags", "_meta", "level"]),
    JSON,
    max_size=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENT, st.sampled_from(sorted(CHAINS)))
def test_a_second_run_changes_nothing(tree: dict[str, Any], chain: str) -> None:
    once = rendered(tree, parts=CHAINS[chain]).tree
    assert rendered(once, parts=CHAINS[chain]).tree == once


@settings(max_examples=60, deadline=None)
@given(PLANTED, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(CHAINS)))
def test_a_second_run_changes_nothing_of_encoded_values(
    planted: tuple[str, str], encoding: str, chain: str
) -> None:
    tree = {"message": ENCODINGS[encoding](*planted), "extra": {planted[0]: planted[1]}}
    once = rendered(tree, parts=CHAINS[chain]).tree
    assert rendered(once, parts=CHAINS[chain]).tree == once


@settings(max_examples=60, deadline=None)
@given(DOCUMENT, st.sampled_from(sorted(CHAINS)))
def test_the_input_is_never_changed(tree: dict[str, Any], chain: str) -> None:
    before = copy.deepcopy(tree)
    new = rendered(tree, parts=CHAINS[chain]).tree
    assert tree == before
    if new == tree:
        assert new is tree


@settings(max_examples=60, deadline=None)
@given(PLANTED, st.sampled_from(["json", "json in json", "json three deep", "json escaped"]))
def test_json_in_a_string_stays_json(planted: tuple[str, str], encoding: str) -> None:
    text = ENCODINGS[encoding](*planted)
    new = rendered({"extra": {"x": text}}).tree
    assert isinstance(new, dict)
    json.loads(new["extra"]["x"])  # type: ignore[index,call-overload,arg-type]  # as built above
