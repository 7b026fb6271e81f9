"""What Sentry's documents disclose of code is what stands in the bytes that go out."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from code_event import EVENT, MENTIONED, deliver, mentioned, rows, sent
from waiting import wait_for

from errlock.ledger.account import account as account_module
from errlock.ledger.account import waiting
from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Counts, Delivered
from errlock.ledger.account.store import AccountStore
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.sections import unpack
from errlock.ledger.exposed import Exposed, Learner
from errlock.ledger.options import AccountOptions
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_documents import Content
from errlock.policy.parts import RedactPart


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


def test_a_piece_is_read_once_for_many_events() -> None:
    reader = CodeReader()
    first = reader.pieces(sent({**EVENT, "event_id": "a" * 32}))
    again = reader.pieces(sent({**EVENT, "event_id": "b" * 32}))
    assert first == again
    # By the program, by all stack traces, and by each call.
    assert len(reader._sentry._remembered._known) == 6
    assert len(first) == 10


def test_what_was_delivered_is_booked(tmp_path: Path) -> None:
    now = [1_790_000_000.0]
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *_: None, lambda: now[0],
        learner=Learner(CodeReader()),
    )  # fmt: skip
    for moment in (0, 86400, 3 * 86400):
        now[0] = 1_790_000_000.0 + moment
        deliver(account, sent(EVENT))
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


async def test_much_that_waits_is_read_before_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_module, "_EVERY", 3600.0)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *_: None, learner=Learner(CodeReader())
    )
    account.write()
    payload = sent({**EVENT, "extra": {"notes": "nothing to see here. " * 50_000}})
    running = asyncio.create_task(account.run())
    await asyncio.sleep(0)
    for _ in range(5):
        deliver(account, payload)
    await asyncio.to_thread(wait_for, lambda: account._waiting.is_counted, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    account.close()
    assert {each.documents for each in rows(tmp_path / "ledger.db")} == {5}


def test_those_who_make_too_much_help_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_TOO_MUCH", 100_000)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *_: None, learner=Learner(CodeReader())
    )
    payload = sent({**EVENT, "extra": {"notes": "nothing to see here. " * 1000}})
    for _ in range(18):
        deliver(account, payload)
        account.keep_up()
        assert account._waiting._bytes <= 100_000
    assert not account._waiting.is_counted
    account.close()
    assert {each.documents for each in rows(tmp_path / "ledger.db")} == {18}


def test_what_there_is_no_time_to_read_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_MOST", 100_000)
    told: list[tuple[str, Any]] = []
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *entry: told.append(entry),
        learner=Learner(CodeReader()),
    )  # fmt: skip
    payload = sent({**EVENT, "extra": {"notes": "nothing to see here. " * 1000}})
    for _ in range(20):
        deliver(account, payload)
    account.close()
    (read,) = {each.documents for each in rows(tmp_path / "ledger.db")}
    (gap,) = [body for kind, body in told if kind == "gap"]
    assert 2 < read == 20 - gap["documents"]
    assert gap["why"] == ["there was no time to read what they disclose"]


def test_what_was_sent_is_written_before_anybody_knows_whether_it_arrived(tmp_path: Path) -> None:
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *_: None, learner=Learner(CodeReader())
    )
    payload = sent(EVENT)
    account.expose(Exposed("sentry", payload, payload.types))
    account.write()
    assert {each.documents for each in rows(tmp_path / "ledger.db")} == {1}
    account.book(Delivered("sentry", "errors:1", payload.manifest, payload.types))
    account.close()
    assert {each.documents for each in rows(tmp_path / "ledger.db")} == {1}


def test_what_cannot_be_booked_is_a_gap_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("hunter2correct")

    told: list[tuple[str, Any]] = []
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *entry: told.append(entry),
        learner=Learner(CodeReader()),
    )  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(Counts, "add", broken)
        deliver(account, sent(EVENT))
        account.write()
    deliver(account, sent(EVENT))
    account.close()
    (gap,) = [body for kind, body in told if kind == "gap"]
    assert (gap["documents"], gap["why"]) == (1, ["they could not be booked"])
    assert {each.documents for each in rows(tmp_path / "ledger.db")} == {2}
    assert "hunter2" not in caplog.text + repr(told)


def test_what_cannot_be_read_is_a_gap_and_tells_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("hunter2correct")

    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(CodeReader, "pieces", broken)
    account = Account(
        tmp_path / "ledger.db", AccountOptions(), lambda *entry: told.append(entry),
        learner=Learner(CodeReader()),
    )  # fmt: skip
    deliver(account, sent(EVENT))
    account.close()
    (gap,) = [body for kind, body in told if kind == "gap"]
    assert (gap["documents"], gap["why"]) == (1, ["what they disclose could not be read"])
    assert "hunter2" not in caplog.text + repr(told)


def test_without_a_reader_nothing_is_booked(tmp_path: Path) -> None:
    account = Account(tmp_path / "ledger.db", AccountOptions(), lambda *_: None)
    deliver(account, sent(EVENT))
    account.close()
    assert rows(tmp_path / "ledger.db") == []


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
    logs = [Content.of(log, "object") for _ in range(2)]
    envelope.add_container("log", logs, "application/vnd.sentry.items.log+json")
    envelope.add("span", span)
    counts = Counter(
        (type_, each.kind, each.name, each.detail, documents)
        for (type_, piece), documents in CodeReader().pieces(envelope).items()
        for each in unpack(piece)
    )
    assert sorted(counts) == [
        ("log", "host", "shop-eu2", "peer", 2),
        ("log", "sql", "DELETE FROM t", "", 2),
        ("span", "host", "db.example.com", "database", 1),
        ("span", "sql", "SELECT ?", "postgresql", 1),
    ]


def test_what_waits_is_bounded_also_where_nobody_adds_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_ALL", 100_000)
    account = Account(tmp_path / "ledger.db", AccountOptions(), lambda *_: None)
    payload = sent(EVENT)
    for _ in range(1000):
        deliver(account, payload)
        assert account._waiting._bytes <= 102_000
    account.close()
    store = AccountStore.to_read(tmp_path / "ledger.db")
    assert {row.figures.documents for row in store.rows(0, 2**40)} == {1000}
    store.close()
