"""What a replay sends in the other protocol is in the account as what the source had of it."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from live_errlock import CONFIG, ERRLOCK, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port

from errlock.ledger.account.store import AccountStore
from errlock.policy.keyring.pseudonyms import new_key

EVENT = {"message": "jane@example.com said password=hunter22correct", "user": {"id": "4711"}}


def send(port: int) -> None:
    body = b'{}\n{"type":"event"}\n' + json.dumps(EVENT).encode() + b"\n"
    url = f"http://127.0.0.1:{port}/api/7/envelope/?sentry_key=abc"
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60):
        pass


def test_a_replay_in_the_other_protocol_forgets_nothing_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "ledger.key").write_text(new_key())
    (tmp_path / "hash.key").write_text(new_key())
    port, grpc = listening_port(), listening_port()
    config = collector(
        sentry_at(port),
        {
            "file": {"path": "out.jsonl"},
            "otlp": {
                "endpoint": f"127.0.0.1:{grpc}", "tls": {"insecure": True}, "standby_for": "file",
            },
        },
    )  # fmt: skip
    hash_: dict[str, Any] = {"classes": ["pii.email"], "key": f"${{file:{tmp_path / 'hash.key'}}}"}
    config["processors"] = {"hash": hash_, **config["processors"]}
    pipeline = config["service"]["pipelines"]["errors"]
    pipeline["processors"] = ["hash", "redact"]
    pipeline["exporters"] = ["file"]
    key = f"${{file:{tmp_path / 'ledger.key'}}}"
    config["service"] |= {"storage": "store", "ledger": {"key": key}}
    behind = collector(otlp_at(grpc, listening_port()), {"debug": {}})
    with running_errlock(behind, tmp_path / "b"), running_errlock(config, tmp_path / "a") as it:
        subprocess.run([ERRLOCK, "hold", "file", "-c", CONFIG], cwd=tmp_path / "a", check=True)
        send(port)
        send(port)
        for verb in (["replay", "file", "otlp"], ["resume", "file"]):
            subprocess.run([ERRLOCK, *verb, "-c", CONFIG], cwd=tmp_path / "a", check=True)
        for exporter in ("file", "otlp"):
            it.wait_for_metric("errlock_exporter_sent_total", 2, exporter=exporter)
        it.stop()
    store = AccountStore.to_read(tmp_path / "a" / "store" / "ledger.db")
    found: dict[str, dict[tuple[str, str], tuple[int, int]]] = {"file": {}, "otlp": {}}
    for row in store.rows(0, 2**40):
        if row.series.outcome == "delivered":
            counted = (row.figures.documents, row.figures.occurrences)
            found[row.series.destination][row.series.class_, row.series.form] = counted
    store.close()
    assert found["file"]["pii.email", "pseudonym:e0"] == (2, 2)
    assert found["file"]["secret.password", "removed"] == (2, 2)
    assert found["otlp"] == found["file"]
