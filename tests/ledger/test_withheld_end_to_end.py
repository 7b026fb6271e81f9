"""The account of a real collector agrees with its counters, its queues and its destinations."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from scripted_backend import Manner, ScriptedBackend, scripted_backend
from waiting import wait_for

from errlock.ledger.account.reading import of_outcomes, volume, withheld
from errlock.ledger.account.reconciling import reconcile
from errlock.ledger.account.store import AccountStore, Row
from errlock.ledger.code.disclosed import disclosed

PAYLOADS = 60
QUICKLY = {"initial_interval": "50ms", "max_interval": "100ms"}
BY_TYPE = Counter[tuple[str, str]]


@pytest.fixture
def backends() -> Iterator[dict[str, ScriptedBackend]]:
    """One that takes most things, one that says no, one that never answers."""
    manners: Mapping[str, Mapping[Manner, int]] = {
        "moody": {"answer": 5, "fail": 2, "reset after storing": 2, "reset": 1},
        "no": {"fail": 1},
        "silent": {"hang after storing": 1},
    }
    with (
        scripted_backend("moody") as moody,
        scripted_backend("no") as no,
        scripted_backend("silent") as silent,
    ):
        found = {"moody": moody, "no": no, "silent": silent}
        for name, backend in found.items():
            backend.manners = manners[name]
        yield found


def exporter(port: int, timeout: str = "60s", **retry: object) -> dict[str, Any]:
    return {
        "dsn": f"http://key@127.0.0.1:{port}/1",
        "retry_on_failure": {**QUICKLY, **retry},
        "timeout": timeout,
    }


def config(folder: Path, port: int, backends: Mapping[str, ScriptedBackend]) -> dict[str, Any]:
    """One destination a backend; one that is away, and whose documents expire; and a file."""
    away = exporter(listening_port()) | {"sending_queue": {"max_age": "1s"}}
    exporters: dict[str, Any] = {
        "sentry/moody": exporter(backends["moody"].port),
        "sentry/no": exporter(backends["no"].port, max_elapsed_time="1s"),
        # Only who never answers is given up: others take their time on a busy machine.
        "sentry/silent": exporter(backends["silent"].port, "1s", max_elapsed_time="1s"),
        "sentry/away": away,
        "file": {"path": str(folder / "out.jsonl"), "processors": ["filter/noise"]},
    }
    written = collector(sentry_at(port), exporters)
    written["processors"] |= {
        "sample": {"rate": 0.5},
        "filter": {"drop": [{"field": "$event.level", "equals": "debug"}]},
        "filter/noise": {"drop": [{"field": "$event.logger", "equals": "noise"}]},
    }
    pipeline = written["service"]["pipelines"]["errors"]
    pipeline["processors"] = ["filter", "redact", "sample"]
    written["service"]["storage"] = str(folder / "store")
    return written


def send(port: int, number: int) -> None:
    """An event, a session, something that nobody can judge; some events are broken."""
    event = {
        "event_id": f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
        "message": f"number {number} of ann@example.com",
        "level": "debug" if number % 5 == 0 else "error",
        "logger": "noise" if number % 3 == 0 else "shop",
        "modules": {f"lib-{'abcdefghij'[number % 10] * 3}": "1.0"},
    }
    items = [
        ("event", json.dumps(event) if number % 7 else '{"event_id": '),
        ("session", json.dumps({"sid": f"{number:032x}", "status": "ok", "errors": 1})),
        ("replay_video", "x" * 100),
    ]
    lines = [json.dumps({"trace": {"environment": "prod"}})]
    for type_, body in items:
        lines += [json.dumps({"type": type_, "length": len(body)}), body]
    url = f"http://127.0.0.1:{port}/api/7/envelope/?sentry_key=abc"
    data = "\n".join(lines).encode() + b"\n"
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=90):
        pass


def counted(errlock: Errlock, name: str, **labels: str) -> BY_TYPE:
    """A counter by type and reason."""
    found: BY_TYPE = Counter()
    for line in errlock.metrics().splitlines():
        if line.startswith(f"{name}{{"):
            series, value = line.rsplit(" ", 1)
            has = dict(re.findall(r'(\w+)="([^"]*)"', series))
            if labels.items() <= has.items():
                found[has["type"], has.get("reason", "")] += int(float(value))
    return found


def booked(rows: list[Row], destination: str) -> BY_TYPE:
    """Every document of the account, by type and reason."""
    found: BY_TYPE = Counter()
    for row in rows:
        if row.series.destination == destination and not row.series.class_:
            found[row.series.type, row.series.reason] += row.figures.documents
    return found


def test_the_account_agrees_with_counters_queues_and_destinations(
    tmp_path: Path, backends: dict[str, ScriptedBackend]
) -> None:
    port = listening_port()
    written = config(tmp_path, port, backends)
    names = list(written["exporters"])
    with running_errlock(written, tmp_path / "run") as errlock:
        for number in range(1, PAYLOADS + 1):
            send(port, number)
        waits = "errlock_exporter_queue_documents"
        wait_for(lambda: not sum(errlock.metric(waits, exporter=name) for name in names), 90)
        policy = counted(errlock, "errlock_processor_dropped_total", pipeline="errors")
        stricter = counted(errlock, "errlock_processor_dropped_total", pipeline="errors/file")
        dropped = {
            name: counted(errlock, "errlock_exporter_dropped_total", exporter=name)
            for name in names
        }
        sent = {
            name: counted(errlock, "errlock_exporter_sent_total", exporter=name) for name in names
        }
    for backend in backends.values():
        backend.wait_for_silence()
    store = AccountStore.to_read(tmp_path / "store" / "ledger.db")
    rows = store.rows(0, 2**40)
    agrees_on_code(store, rows)
    store.close()
    # Each branch counts what follows the scrub for itself: there are two, one with more behind.
    sampled = {key: amount // 2 for key, amount in policy.items() if key[1] == "sampled"}
    assert sampled
    assert all(amount % 2 == 0 for key, amount in policy.items() if key in sampled)
    chain = policy - Counter(sampled)
    assert {key[1] for key in chain} == {"filtered", "broken", "unsupported", "sampled"}
    for name in names:
        own = stricter if name == "file" else Counter()
        assert booked(rows, name) == chain + own + dropped[name] + sent[name], name
    agrees_with_queues(tmp_path / "store", rows)
    agrees_with_destinations(backends, rows)
    assert (
        reconcile(tmp_path / "store" / "journal", tmp_path / "store" / "ledger.db").findings == []
    )


def agrees_on_code(store: AccountStore, rows: list[Row]) -> None:
    """Each event that left, or may have, names one package; those that did not name none."""
    packages: Counter[str] = Counter()
    for each in disclosed(store.code, None, 0, 2**40):
        packages[each.destination] += each.documents
    left: Counter[str] = Counter()
    for row in rows:
        if (
            row.series.outcome != "withheld"
            and row.series.type == "event"
            and not row.series.class_
        ):
            left[row.series.destination] += row.figures.documents
    assert packages == left
    assert set(left) == {"sentry/moody", "sentry/no", "sentry/silent", "file"}


def agrees_with_queues(folder: Path, rows: list[Row]) -> None:
    """What came as far as a queue: `books` in queue.db."""
    with sqlite3.connect(f"file:{folder / 'queue.db'}?mode=ro", uri=True) as db:
        books = db.execute(
            "SELECT destination, type, reason, amount FROM books WHERE kind = 'dropped'"
        ).fetchall()
    db.close()
    assert books
    for destination, type_, reason, amount in books:
        found = booked(rows, destination)[type_, reason]
        # The policy drops what nobody can judge before a queue does.
        assert found >= amount if reason == "unsupported" else found == amount


def agrees_with_destinations(backends: Mapping[str, ScriptedBackend], rows: list[Row]) -> None:
    """What they stored lies between what is certain and what is possible."""
    for name, backend in backends.items():
        mine = [row for row in rows if row.series.destination == f"sentry/{name}"]
        total = volume(mine)
        stored = len(backend.distinct("/api/1", "event")) + len(
            backend.distinct("/api/1", "session")
        )
        certain = sum(row.figures.documents for row in of_outcomes(mine, "delivered")
                      if not row.series.class_)  # fmt: skip
        # What was refused once and then ended unclear counts as refused: it was seen for certain.
        assert certain <= stored <= total.documents + total.perhaps, name
        mails = [row for row in of_outcomes(mine, "delivered", "refused", "perhaps")
                 if row.series.class_ == "pii.email"]  # fmt: skip
        assert mails, name
        left = [row for row in mine if row.series.outcome != "withheld" and not row.series.class_]
        events = sum(row.figures.documents for row in left if row.series.type == "event")
        assert total.before_sampling == total.documents + total.perhaps + events
        if name == "moody":
            assert certain
            assert total.perhaps
        elif name == "no":
            assert (certain, total.perhaps, stored) == (0, 0, 0)
            assert total.refused
        else:
            assert (certain, total.refused) == (0, 0)
            assert stored == total.perhaps
    away = [row for row in rows if row.series.destination == "sentry/away"]
    assert volume(away).documents == volume(away).perhaps == 0
    assert withheld(away)["session", "expired"] == PAYLOADS
    assert {row.series.environment for row in rows if row.series.reason == "sampled"} == {"prod"}
