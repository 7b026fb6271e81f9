"""What Sentry's documents disclose of code is what stands in the bytes that go out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from errlock.ledger.account import Account, Delivered
from errlock.ledger.account_store import AccountStore
from errlock.ledger.code.disclosed import Disclosed, disclosed
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.sections import unpack
from errlock.ledger.manifest import read_manifest, write_manifest
from errlock.ledger.options import AccountOptions
from errlock.pipeline.chain import Chain, Step
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy.parts import RedactPart

EVENT: dict[str, Any] = {
    "server_name": "shop-eu2.internal",
    "release": "shop@7.15.3",
    "transaction": "/orders/{id}",
    "modules": {"requests": "2.31.0", "django": "4.2.1"},
    "sdk": {"name": "sentry.python", "version": "2.1.0",
            "packages": [{"name": "pypi:sentry-sdk", "version": "2.1.0"}]},
    "contexts": {"runtime": {"name": "CPython", "version": "3.11.2"},
                 "os": {"name": "Linux", "kernel_version": "6.1.0-13"}},
    "request": {"url": "http://cart.default.svc.cluster.local/orders/7", "method": "GET"},
    "exception": {"values": [{
        "type": "OperationalError", "module": "sqlalchemy.exc", "value": "no such table",
        "stacktrace": {"frames": [
            {"filename": "shop/views.py", "module": "shop.views", "in_app": True, "lineno": 40,
             "pre_context": ["a", "b"], "context_line": "c", "post_context": ["d"]},
            {"filename": "sqlalchemy/engine.py", "in_app": False, "lineno": 7,
             "context_line": "raise"},
        ]},
    }]},
    "breadcrumbs": {"values": [
        {"category": "query", "message": "SELECT id FROM orders WHERE mail = 'ann'"},
        {"category": "httplib", "data": {"url": "http://redis-cache:8080/x"}},
        {"category": "httplib", "data": {"url": "https://api.example.com/x"}},
    ]},
}  # fmt: skip

MENTIONED = [
    ("exception", "sqlalchemy.exc.OperationalError", "shop.views", ()),
    ("file", "shop/views.py", "own", (38, 42)),
    ("file", "sqlalchemy/engine.py", "library", (7, 8)),
    ("host", "cart.default.svc.cluster.local", "url", ()),
    ("host", "redis-cache", "url", ()),
    ("host", "shop-eu2.internal", "server", ()),
    ("package", "django", "4.2.1", ()),
    ("package", "pypi:sentry-sdk", "2.1.0", ()),
    ("package", "requests", "2.31.0", ()),
    ("package", "sentry.python", "2.1.0", ()),
    ("platform", "CPython", "3.11.2", ()),
    ("platform", "Linux", "", ()),
    ("platform", "kernel", "6.1.0-13", ()),
    ("release", "shop", "7.15.3", ()),
    ("route", "/orders/{id}", "GET", ()),
    ("sql", "SELECT id FROM orders WHERE mail = ?", "", ()),
]


def sent(event: dict[str, Any], part: RedactPart | None = None) -> Envelope:
    chain = Chain([Step("redact", part or RedactPart())], Counters(), "errors")
    payload = chain.run(Envelope.from_event(json.dumps(event).encode(), "7"))
    assert isinstance(payload, Envelope)
    return payload


def mentioned(payload: Envelope, reader: CodeReader | None = None) -> list[tuple[Any, ...]]:
    sections = (reader or CodeReader()).sections(payload)
    found = [each for section in sections for each in unpack(bytes(section.mentions))]
    return sorted((each.kind, each.name, each.detail, each.lines) for each in found)


def test_an_event_names_what_stands_in_it() -> None:
    assert mentioned(sent(EVENT)) == MENTIONED


def test_an_event_that_was_changed_names_the_same() -> None:
    assert mentioned(sent({**EVENT, "extra": {"password": "hunter2correct"}})) == MENTIONED


def test_what_the_policy_takes_out_is_not_disclosed() -> None:
    found = mentioned(sent(EVENT, RedactPart(profile="strict")))
    assert [each for each in found if each[0] in ("host", "file") and each[3]] == []
    assert ("package", "requests", "", ()) in found


def test_one_field_of_another_type_hides_nothing_else() -> None:
    event = json.loads(json.dumps(EVENT))
    event["exception"]["values"][0]["stacktrace"]["frames"].insert(0, {"lineno": "x" * 9})
    event["exception"]["values"].insert(0, None)
    event["breadcrumbs"]["values"] += [{"message": 7}, None, "text"]
    event["contexts"]["trace"] = [1]
    assert mentioned(sent(event)) == MENTIONED


@pytest.mark.parametrize("junk", [None, 7, "text", [], {}, [[]], [None], {"values": 1}, True])
def test_whatever_stands_anywhere_is_read(junk: Any) -> None:
    for name in EVENT:
        kinds = {each[0] for each in mentioned(sent({**EVENT, name: junk}))}
        assert len(kinds) >= 6, name


def test_a_section_is_read_once_for_many_events() -> None:
    reader = CodeReader()
    first = reader.sections(sent({**EVENT, "event_id": "a" * 32}))
    again = reader.sections(sent({**EVENT, "event_id": "b" * 32}))
    assert [bytes(s.mentions) for s in first] == [bytes(s.mentions) for s in again]
    assert len(reader._sentry._remembered._known) == 3


def rows(path: Path, since: float = 0, until: float = 2**40) -> list[Disclosed]:
    store = AccountStore.to_read(path)
    found = list(disclosed(store, "sentry", since, until))
    store.close()
    return found


def test_what_was_delivered_is_booked(tmp_path: Path) -> None:
    now = [1_790_000_000.0]
    account = Account(tmp_path / "ledger.db", AccountOptions(), lambda *_: None, lambda: now[0])
    for moment in (0, 86400, 3 * 86400):
        now[0] = 1_790_000_000.0 + moment
        payload = sent(EVENT)
        manifest = write_manifest(payload, None, CodeReader())
        account.book(Delivered("sentry", "errors:1", manifest, payload.types))
        account.write()
    account.close()
    found = rows(tmp_path / "ledger.db")
    assert [(each.kind, each.name, each.detail, each.lines) for each in found] == MENTIONED
    assert {(each.documents, each.first, each.last) for each in found} == {
        (3, 1_790_000_000.0, 1_790_000_000.0 + 3 * 86400)
    }
    assert {(each.service, each.environment) for each in found} == {("7", "unknown")}
    later = rows(tmp_path / "ledger.db", since=1_790_000_000 + 2 * 86400)
    assert {each.documents for each in later} == {1}
    assert [each.line_count for each in found if each.kind == "file"] == [4, 1]


def test_what_a_manifest_of_depth_counts_has(tmp_path: Path) -> None:
    assert read_manifest(write_manifest(sent(EVENT))).code == []


def test_logs_and_spans_name_what_stands_in_them() -> None:
    envelope = Envelope("7", 1.0, {})
    attributes = {
        "db.query.text": {"value": "DELETE FROM t", "type": "string"},
        "server.address": {"value": "shop-eu2"},
        "x": [1],
    }
    log: Any = {"body": "x", "attributes": attributes}
    data = {"db.system": "postgresql", "server.address": "db.example.com"}
    span: Any = {"op": "db", "description": "SELECT 1", "data": data}
    envelope.add_container("log", [log, log], "application/vnd.sentry.items.log+json")
    envelope.add("span", span)
    counts = Counter(
        (section.type, each.kind, each.name, each.detail, section.documents)
        for section in CodeReader().sections(envelope)
        for each in unpack(bytes(section.mentions))
    )
    assert sorted(counts) == [
        ("log", "host", "shop-eu2", "peer", 2),
        ("log", "sql", "DELETE FROM t", "", 2),
        ("span", "host", "db.example.com", "database", 1),
        ("span", "sql", "SELECT ?", "postgresql", 1),
    ]
