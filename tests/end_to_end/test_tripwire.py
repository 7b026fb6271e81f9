"""A decoy found in the wild names the backend that leaked, and when."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from live_errlock import ERRLOCK, Errlock, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from live_senders import send_with_opentelemetry, send_with_sentry_python
from waiting import wait_for

from errlock.ledger.account.store import AccountStore
from errlock.ledger.journal.journal import read
from errlock.policy.keyring.pseudonyms import new_key

TOKEN = re.compile(rb"errlock_deploy_[a-z2-7]{32}")


def config(folder: Path, receivers: dict[str, Any]) -> dict[str, Any]:
    exporters = {name: {"path": str(folder / f"{name[5:]}.jsonl")} for name in ("file/a", "file/b")}
    written = collector(receivers, exporters)
    written["processors"]["tripwire"] = {"key": new_key(), "share": 1.0}
    written["service"]["pipelines"]["errors"]["processors"].append("tripwire")
    written["service"]["storage"] = str(folder / "store")
    return written


def everything_sent(errlock: Errlock, exporter: str) -> bool:
    offered = errlock.metric("errlock_exporter_offered_total", exporter=exporter)
    return errlock.metric("errlock_exporter_sent_total", exporter=exporter) == offered > 0


def tokens(path: Path) -> set[bytes]:
    return set(TOKEN.findall(path.read_bytes())) if path.exists() else set()


def trace(folder: Path, text: bytes, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [ERRLOCK, "exposure", "trace", "--json", *arguments],
        input=text, capture_output=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.stderr == b""
    assert TOKEN.search(done.stdout) is None
    return done.returncode, json.loads(done.stdout)


def test_two_destinations_get_decoys_of_their_own_and_each_is_traced(tmp_path: Path) -> None:
    port, grpc = listening_port(), listening_port()
    receivers = sentry_at(port) | otlp_at(grpc, listening_port())
    written = config(tmp_path, receivers)
    with running_errlock(written, tmp_path / "run") as errlock:
        send_with_sentry_python(f"http://key@127.0.0.1:{port}/1")
        send_with_opentelemetry("grpc", f"http://127.0.0.1:{grpc}")
        for name in ("file/a", "file/b"):
            wait_for(partial(everything_sent, errlock, name), 60)
        # What came back in is told.
        before = errlock.metric("errlock_decoys_returned_total", exporter="file/a")
        leaked = next(iter(tokens(tmp_path / "a.jsonl")))
        send_message(port, f"refused: {leaked.decode()}")
        wait_for(
            lambda: errlock.metric("errlock_decoys_returned_total", exporter="file/a") > before, 60
        )
        assert "a decoy planted with file/a in " in errlock.log
    mine, other = tokens(tmp_path / "a.jsonl"), tokens(tmp_path / "b.jsonl")
    assert len(mine) == len(other) == 1
    assert mine != other
    assert before == 0
    config_file = str(tmp_path / "run" / "errlock.yaml")
    for found, name in ((mine, "file/a"), (other, "file/b")):
        text = b"posted by someone: KEY='" + min(found) + b"'\n"
        code, answer = trace(tmp_path, text, "-c", config_file)
        (origin,) = answer["origins"]
        assert (code, origin["destination"], origin["planted"] is not None) == (1, name, True)
        # The journal alone knows it, too.
        journal = str(tmp_path / "store" / "journal")
        assert trace(tmp_path, text, "--journal", journal)[1]["origins"] == [origin]
    assert trace(tmp_path, b"errlock_deploy_" + b"a" * 32, "-c", config_file)[0] == 0
    told = [each.body for each in read(tmp_path / "store" / "journal") if each.kind == "decoy"]
    assert sorted(each["destination"] for each in told) == ["file/a", "file/b"]
    assert not_stored(tmp_path / "store") == []
    only_what_came_back_is_counted(tmp_path / "store" / "ledger.db")


def send_message(port: int, text: str) -> None:
    body = b'{}\n{"type":"event"}\n' + json.dumps({"message": text}).encode() + b"\n"
    url = f"http://127.0.0.1:{port}/api/1/envelope/?sentry_key=key"
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=90):
        pass


def not_stored(folder: Path) -> list[Path]:
    """The files of the storage folder that hold a decoy."""
    return [p for p in folder.rglob("*") if p.is_file() and TOKEN.search(p.read_bytes())]


def only_what_came_back_is_counted(path: Path) -> None:
    """Only the one that came back in is in the account, and it did not leave."""
    store = AccountStore.to_read(path)
    rows = [r for r in store.rows(0, 2**40) if r.series.class_ == "secret.api_key.errlock"]
    store.close()
    assert {row.series.form for row in rows} == {"removed"}
    assert {row.series.destination for row in rows} == {"file/a", "file/b"}
    assert all(row.figures.occurrences == 1 for row in rows)


def test_more_than_trace_reads_is_no_answer(tmp_path: Path) -> None:
    """A decoy behind it would be taken for none."""
    done = subprocess.run(
        [ERRLOCK, "exposure", "trace"],
        input=(1 << 20) * b" " + b"errlock_deploy_" + b"a" * 32,
        capture_output=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"errlock exposure trace: expected at most 1048576 bytes on stdin\n"


def test_a_damaged_journal_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"damaged\n")
    done = subprocess.run(
        [ERRLOCK, "exposure", "trace", "--journal", "journal"],
        input=b"errlock_deploy_" + b"a" * 32, capture_output=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(b"the journal is damaged: ")
