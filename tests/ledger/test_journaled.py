"""What nobody decided through the control API is in the journal too: failovers and tokens."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from http_sink import http_sink
from live_errlock import collector, running_errlock, sentry_at
from live_operators import running_controlled
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.journal.journal import read


def told(journal: Path, kind: str) -> list[Mapping[str, Any]]:
    return [entry.body for entry in read(journal) if entry.kind == kind]


def test_a_failover_and_its_end_are_told(tmp_path: Path) -> None:
    port, backend = listening_port(), listening_port()
    exporters: dict[str, Any] = {
        "sentry": {
            "dsn": f"http://key@127.0.0.1:{backend}/1",
            "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"},
        },
        "file": {
            "path": str(tmp_path / "out.jsonl"),
            "standby_for": "sentry",
            "failover_after": "1s",
        },
    }
    written = collector(sentry_at(port), exporters)
    written["service"]["pipelines"]["errors"]["exporters"] = ["sentry"]
    written["service"]["storage"] = str(tmp_path / "store")
    journal = tmp_path / "store" / "journal"

    def sent() -> list[Mapping[str, Any]]:
        url = f"http://127.0.0.1:{port}/api/7/envelope/?sentry_key=abc"
        with urllib.request.urlopen(url, b'{}\n{"type":"event"}\n{"message":"x"}\n', timeout=90):
            return told(journal, "route")

    with running_errlock(written, tmp_path / "run"):
        wait_for(lambda: len(sent()) == 1, 90)
        with http_sink(backend):
            wait_for(lambda: len(sent()) == 2, 90)
    assert told(journal, "route") == [
        {"failover": "sentry", "to": "file", "before": None, "by": "health"},
        {"failover": "sentry", "to": None, "before": "file", "by": "health"},
    ]


def test_tokens_that_come_and_go_are_told_once(tmp_path: Path) -> None:
    journal = tmp_path / "data" / "journal"

    def changes() -> list[tuple[list[str], list[str]]]:
        return [
            ([each["name"] for each in body["added"]], [each["name"] for each in body["removed"]])
            for body in told(journal, "token")
        ]

    with running_controlled(tmp_path) as controlled:
        wait_for(lambda: changes() == [(["local"], [])], 60)
        token = controlled.command("token", "add", "ann", "--role", "operate").stdout.strip()
        wait_for(lambda: changes()[1:] == [(["ann"], [])], 60)
    controlled.command("token", "remove", "ann")
    again = controlled.command("token", "add", "ann", "--role", "read").stdout.strip()
    with running_controlled(tmp_path):
        wait_for(lambda: changes()[2:] == [(["ann"], ["ann"])], 60)
    last = told(journal, "token")[-1]
    assert (last["added"], last["removed"]) == (
        [{"name": "ann", "role": "read"}],
        [{"name": "ann", "role": "operate"}],
    )
    text = journal.read_text()
    assert token not in text
    assert again not in text
    assert json.dumps(last["tokens"]).count("sha256") == 2
