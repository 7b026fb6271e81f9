"""What OTLP's requests disclose of code is what stands in the bytes that go out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from errlock.ledger.code import wire
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.sections import unpack
from errlock.ledger.code.wire import AttributeReader
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.document import Tree
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.payloads.otlp_signals import SHAPES
from errlock.policy.parts import RedactPart

PYTHON = """Traceback (most recent call last):
  File "/srv/app/shop/views.py", line 12, in pay
    charge(order)
  File "/srv/app/shop/charge.py", line 40, in charge
    raise DeclinedError(order)
shop.errors.DeclinedError: order %d was declined
"""
JAVA = """java.lang.IllegalStateException: order %d
\tat com.shop.Cart.pay(Cart.java:31)
Caused by: java.sql.SQLException: no row
\tat com.shop.Store.load(Store.java:77)
"""
RESOURCE: dict[str, Tree] = {
    "service.name": "shop", "service.version": "7.15.3", "host.name": "shop-eu2.internal",
    "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python",
    "telemetry.sdk.version": "1.27.0", "process.runtime.name": "cpython",
    "process.runtime.version": "3.11.2", "os.type": "linux", "os.version": "6.1.0-13",
}  # fmt: skip
SCOPE: dict[str, Tree] = {"name": "opentelemetry.instrumentation.asgi", "version": "0.48b0"}
SHARED = {
    ("host", "shop-eu2.internal", "server", ()),
    ("package", "opentelemetry", "1.27.0", ()),
    ("package", "opentelemetry.instrumentation.asgi", "0.48b0", ()),
    ("platform", "cpython", "3.11.2", ()),
    ("platform", "linux", "6.1.0-13", ()),
    ("release", "shop", "7.15.3", ()),
}


def request(signal: Literal["logs", "traces"], *records: Tree) -> OtlpRequest:
    made = OtlpRequest.from_trees(
        signal, {"attributes": RESOURCE}, SCOPE, records, project="shop", received=1.0
    )
    chain = Chain([Step("redact", RedactPart())], Counters(), "errors")
    passed = chain.run(OtlpRequest.decode(made.encode(), signal, "shop", 1.0))
    assert isinstance(passed, OtlpRequest)
    return passed


def mentioned(payload: OtlpRequest, reader: CodeReader | None = None) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for (_, piece), documents in (reader or CodeReader()).pieces(payload).items():
        for each in unpack(piece):
            found[each.kind, each.name, each.detail, each.lines] += documents
    return found


def span(**attributes: Tree) -> dict[str, Tree]:
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    return {"name": "x", "trace_id": "a" * 32, "span_id": "b" * 16, "attributes": named}


@pytest.mark.parametrize("dirty", [{}, {"x.password": "hunter2correct"}], ids=["clean", "changed"])
def test_spans_name_what_stands_in_them(dirty: dict[str, Tree]) -> None:
    server = span(http_route="/orders/{id}", server_address="shop.example.com")
    client = span(server_address="db01.internal", db_statement="SELECT a FROM t WHERE b = 'x'",
                  url_full="http://cart:8080/items?id=7")  # fmt: skip
    client["attributes"] = {**client["attributes"], **dirty}  # type: ignore[dict-item]
    assert mentioned(request("traces", server, client, server)) == {
        **dict.fromkeys(SHARED, 3),
        ("route", "/orders/{id}", "", ()): 2,
        ("host", "db01.internal", "peer", ()): 1,
        ("host", "cart", "url", ()): 1,
        ("sql", "SELECT a FROM t WHERE b = ?", "", ()): 1,
    }


@pytest.mark.parametrize("dirty", ["", " of ann@mail.example"], ids=["clean", "changed"])
def test_exceptions_name_their_files_and_lines(dirty: str) -> None:
    records: list[Tree] = [
        {"body": f"failed{dirty}",
         "attributes": {"exception.type": "DeclinedError", "exception.stacktrace": text % number}}
        for number, text in enumerate((PYTHON, PYTHON, JAVA))
    ]  # fmt: skip
    found = mentioned(request("logs", *records, {"body": "well", "attributes": {"exceptional": 1}}))
    assert {key: count for key, count in found.items() if key[0] in ("file", "exception")} == {
        ("exception", "shop.errors.DeclinedError", "/srv/app/shop/charge.py", ()): 2,
        ("exception", "java.lang.IllegalStateException", "com.shop.Cart", ()): 1,
        ("exception", "java.sql.SQLException", "com.shop.Store", ()): 1,
        ("file", "/srv/app/shop/charge.py", "own", (40, 41)): 2,
        ("file", "/srv/app/shop/views.py", "own", (12, 13)): 2,
        ("file", "Cart.java", "own", ()): 1,
        ("file", "Store.java", "own", ()): 1,
    }


def test_an_exception_of_a_span_event_is_one() -> None:
    event: Tree = {"name": "exception", "attributes": {"exception.type": "shop.errors.Gone"}}
    found = mentioned(request("traces", {**span(), "events": [event, event]}))
    assert found["exception", "shop.errors.Gone", "", ()] == 1


def test_a_trace_is_read_once_whatever_its_message_says() -> None:
    reader = CodeReader()
    for number in range(5):
        record: Tree = {"attributes": {"exception.stacktrace": PYTHON % number}}
        mentioned(request("logs", record), reader)
    assert len(reader._otlp._remembered._known) == 3  # with resource and scope


VALUES: dict[str, list[Tree]] = {
    "http.route": ["/a", "/b/{id}", "/" + "x" * 200, "/ä", "", 7],
    "server.address": ["db01.internal", "redis", "10.0.0.7", True],
    "db.statement": ["SELECT a\n\tFROM t WHERE b = 1", "SELECT " + "a, " * 99, "x\x01"],
    "url.full": ["http://cart/x?y", "https://example.com", "http://" + "h" * 300, "cart"],
    "code.filepath": ["/srv/a.py", "b.py", {"http.route": "/in/a/map"}],
    "exception.type": ["E"],
    "http.method": ["GET"],
    "other": [
        "\x0ahttp.route", "/x", 1.5, b"\x0a\x0ahttp.route\x12\x03\x0a\x01/", "", None, {"a": "b"},
        [{"http.route": "/in/a/list", "x": [{"url.full": "http://cart/y"}]}, 1],
    ],
    "o" * 130: ["long", {"db.statement": "SELECT 1", "exception.type": "E"}],
}  # fmt: skip


SOUGHT = set(VALUES) - {"http.method", "other", "o" * 130}


def sought_in(tree: Tree) -> Iterator[tuple[str, str]]:
    """By a plain walk: keys with the texts that tell something."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key == "exception.type":
            yield key, ""
        elif key == "url.full" and isinstance(value, str):
            if value.startswith("http"):
                yield key, "/".join(value.split("/")[:3])
        elif key in SOUGHT and isinstance(value, str) and value:
            yield key, value
        yield from sought_in(value)
    for each in tree if isinstance(tree, list) else ():
        yield from sought_in(each)


def test_attributes_in_the_bytes_are_those_of_the_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_REMEMBERED", 7)
    dice, reader = random.Random(1), AttributeReader()
    for size in (1, 5, 300, 300, 300):
        records: list[Tree] = []
        expected: Counter[tuple[str, str]] = Counter()
        for _ in range(size):
            attributes: Tree = {
                key: dice.choice(values) for key, values in VALUES.items() if dice.random() < 0.5
            }
            event: Tree = {"attributes": attributes}
            records.append({**span(), "attributes": attributes, "events": [event, event]})
            expected.update([*sought_in(attributes)] * 3)
        made = OtlpRequest.from_trees(
            "traces", {}, {}, records, project="shop", received=1.0
        ).encode()
        for _ in range(2):  # what is known, and what is not
            assert reader.attributes(made, SHAPES["traces"]) == expected


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


KEY, TEXT = field(1, b"http.route"), field(2, field(1, b"/a"))


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        (TEXT + KEY, [("http.route", "/a")]),
        (field(2, field(6, field(1, KEY + TEXT))) + field(1, b"x"), [("http.route", "/a")]),
        (field(1, b"x") + KEY + TEXT, [("http.route", "/a")]),
        (KEY + field(1, b"x") + TEXT, []),
        (KEY, []),
        (KEY + field(2, b""), []),
        (b"", []),
    ],
    ids=[
        "value first",
        "value first, nested",
        "last key",
        "not the last",
        "no value",
        "empty value",
        "empty",
    ],
)
def test_odd_attributes_are_read_as_protobuf_reads_them(
    pair: bytes, found: list[tuple[str, str]]
) -> None:
    body = field(1, field(2, field(2, field(9, pair))))
    assert AttributeReader().attributes(body, SHAPES["traces"]) == Counter(found)
