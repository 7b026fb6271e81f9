"""The account of a real collector says what its destinations got, whatever it got through."""

from __future__ import annotations

import json
import random
import signal
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from distinct_values import distinct
from http_sink import http_sink
from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.account.store import AccountStore, Row
from errlock.ledger.checking import needles_whole
from errlock.ledger.journal.journal import read
from errlock.policy.keyring.pseudonyms import new_key


def config(folder: Path, port: int) -> dict[str, Any]:
    """Everything goes to `file/a`, and, hashed, to `file/b`."""
    (folder / "ledger.key").write_text(new_key())
    exporters = {
        "file/a": {"path": str(folder / "a.jsonl")},
        "file/b": {"path": str(folder / "b.jsonl"), "processors": ["redact/strict"]},
    }
    written = collector(sentry_at(port), exporters)
    written["processors"] = {
        "redact": {"classes": {"pii.email": "keep"}},
        "redact/strict": {"classes": {"pii.email": "replace", "pii.user_id": "replace"}},
    }
    written["service"] |= {
        "storage": str(folder / "store"),
        "ledger": {"key": f"${{file:{folder / 'ledger.key'}}}"},
    }
    return written


def send(port: int, event: dict[str, Any], environment: str) -> None:
    headers = json.dumps({"trace": {"environment": environment}}).encode()
    body = headers + b'\n{"type":"event"}\n' + json.dumps(event).encode() + b"\n"
    url = f"http://127.0.0.1:{port}/api/7/envelope/?sentry_key=abc"
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=90):
        pass


def account(folder: Path) -> list[Row]:
    store = AccountStore.to_read(folder / "store" / "ledger.db")
    rows = store.rows(0, 2**40)
    store.close()
    return rows


def test_the_account_equals_what_was_sent(tmp_path: Path) -> None:
    port, dice = listening_port(), random.Random(5)
    documents: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str, str]] = Counter()
    people: set[int] = set()
    with running_errlock(config(tmp_path, port), tmp_path / "run") as errlock:
        for number in range(80):
            environment = dice.choice(["prod", "staging"])
            mails = [f"user{dice.randrange(60)}@example.com" for _ in range(dice.randrange(3))]
            event: dict[str, Any] = {
                "event_id": f"{number:032x}",
                "message": " and ".join(mails) or "x",
            }
            if dice.random() < 0.3:
                event["extra"] = {"password": f"hunter{number}correct"}
                found["secret.password", "removed", "removed"] += 1
            if dice.random() < 0.5:
                person = dice.randrange(30)
                people.add(person)
                event["user"] = {"id": f"id-{person}"}
                found["pii.user_id", "clear", "removed"] += 1
            found["pii.email", "clear", "removed"] += len(mails)
            documents["7", environment] += 1
            send(port, event, environment)
        for name in ("file/a", "file/b"):
            errlock.wait_for_metric("errlock_exporter_sent_total", 80, exporter=name)
    rows = account(tmp_path)
    for destination, form in (("file/a", 1), ("file/b", 2)):
        mine = [row for row in rows if row.series.destination == destination]
        booked: Counter[tuple[str, str]] = Counter()
        findings: Counter[tuple[str, str]] = Counter()
        for row in mine:
            if row.series.class_:
                findings[row.series.class_, row.series.form] += row.figures.occurrences
            else:
                booked[row.series.service, row.series.environment] += row.figures.documents
        assert booked == documents
        expected: Counter[tuple[str, str]] = Counter()
        for key, amount in found.items():
            expected[key[0], key[form]] += amount
        assert findings == expected
        ids = [row.figures for row in mine if row.series.class_ == "pii.user_id"]
        _, low, high = distinct(ids)
        assert low <= len(people) <= high
        assert {row.series.type for row in mine} == {"event"}
    minutes = [
        entry.body for entry in read(tmp_path / "store" / "journal") if entry.kind == "minute"
    ]
    assert sum(minute["destinations"]["file/a"]["documents"] for minute in minutes) == 80
    stored = b"".join(p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())
    assert [v for v in (b"@example.com", b"hunter", b"id-1") if v in stored] == []


def test_after_kill_9_what_may_be_missing_is_told(tmp_path: Path) -> None:
    port = listening_port()
    written = config(tmp_path, port)
    with running_errlock(written, tmp_path / "run") as errlock:
        send(port, {"message": "before"}, "prod")
        errlock.wait_for_metric("errlock_exporter_sent_total", 1, exporter="file/a")
        errlock.send(signal.SIGKILL)
        errlock.ended(10)
    with running_errlock(written, tmp_path / "run") as errlock:
        send(port, {"message": "after"}, "prod")
        wait_for(lambda: b"after" in (tmp_path / "a.jsonl").read_bytes(), 60)
    gaps = [entry.body for entry in read(tmp_path / "store" / "journal") if entry.kind == "gap"]
    assert {gap["what"] for gap in gaps} == {
        "the account may lack what was delivered last",
        "needles of what was delivered last may be missing",
    }
    key = (tmp_path / "ledger.key").read_text()
    assert needles_whole(tmp_path / "store" / "needles.db", [key]) == ([], True)
    booked = [
        row.figures.documents for row in account(tmp_path) if row.series.destination == "file/a"
    ]
    # What was delivered just before the kill may lack in the account, and may be delivered again.
    delivered = len((tmp_path / "a.jsonl").read_bytes().splitlines())
    assert delivered - 1 <= sum(booked) <= delivered <= 3


def test_what_waited_through_kill_9_is_booked_when_it_is_delivered(tmp_path: Path) -> None:
    port, backend = listening_port(), listening_port()
    written = config(tmp_path, port)
    written["exporters"]["sentry"] = {
        "dsn": f"http://key@127.0.0.1:{backend}/1",
        "retry_on_failure": {"initial_interval": "200ms", "max_interval": "200ms"},
    }
    written["service"]["pipelines"]["errors"]["exporters"].append("sentry")
    with running_errlock(written, tmp_path / "run") as errlock:
        for number in range(5):
            send(port, {"message": f"mail user{number}@example.com"}, "prod")
        errlock.send(signal.SIGKILL)
        errlock.ended(10)
    assert [row for row in account(tmp_path) if row.series.destination == "sentry"] == []
    with http_sink(backend), running_errlock(written, tmp_path / "run") as errlock:
        errlock.wait_for_metric("errlock_exporter_sent_total", 5, exporter="sentry")
    mine = [row for row in account(tmp_path) if row.series.destination == "sentry"]
    mails = [row.figures for row in mine if row.series.class_ == "pii.email"]
    assert sum(row.figures.documents for row in mine if not row.series.class_) == 5
    assert sum(figures.occurrences for figures in mails) == 5
    assert distinct(mails).middle == 5
    assert {row.series.environment for row in mine} == {"prod"}
