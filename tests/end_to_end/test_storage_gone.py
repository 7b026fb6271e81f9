"""The storage of a collector that runs is deleted, or cannot be written for a while."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from commanded import commanded
from live_errlock import CONFIG, ERRLOCK, Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.account.store import AccountStore
from errlock.ledger.journal.journal import read

_EVENT = b'{}\n{"type":"event"}\n{"message":"hello"}'


def health(errlock: Errlock, path: str = "/") -> tuple[int, Mapping[str, Any]]:
    try:
        url = f"http://127.0.0.1:{errlock.operators[0]}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def warning_of(folder: Path) -> str:
    """What `errlock status` says first, when it warns."""
    told = subprocess.run(
        [ERRLOCK, "status", "-c", CONFIG],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 1, told.stderr
    return told.stdout.partition("\n")[0]


def send(port: int) -> int:
    url = f"http://127.0.0.1:{port}/api/1/envelope/?sentry_key=any"
    try:
        with urllib.request.urlopen(url, _EVENT, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_nothing_is_acknowledged_that_the_next_start_would_not_find(tmp_path: Path) -> None:
    port = listening_port()
    dead = f"http://key@127.0.0.1:{listening_port()}/1"
    config = collector(sentry_at(port), {"sentry": {"dsn": dead}})
    config["service"]["storage"] = "data"
    with running_errlock(config, tmp_path) as errlock:
        assert send(port) == 200
        shutil.rmtree(tmp_path / "data")
        assert send(port) == 503
        errlock.wait_for_log(lambda log: "the queues were deleted or replaced" in log)
        status, told = health(errlock)
        assert (status, told["status"]) == (503, "storage_gone")
        assert errlock.metric("errlock_receiver_requests_refused_total", reason="storage_io") >= 1
    with running_errlock(config, tmp_path) as errlock:
        assert send(port) == 200
        assert health(errlock)[0] == 200
    assert "1 documents wait for sentry until the next start" in errlock.log


def test_what_cannot_be_written_is_no_reason_to_restart_but_to_send_elsewhere(
    tmp_path: Path,
) -> None:
    port = listening_port()
    config = collector(sentry_at(port), {"debug": {}})
    config["service"]["storage"] = "data"
    with running_errlock(config, tmp_path) as errlock:
        assert send(port) == 200
        assert health(errlock, "/ready")[0] == 200
        # As a disk that became read-only: no byte can be written any more.
        before = resource.prlimit(errlock.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(errlock.pid, resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            assert send(port) == 503
            status, told = health(errlock)
            assert (status, told["status"]) == (200, "storage_io")
            assert health(errlock, "/ready")[0] == 503
            told_people = "nothing is taken: service.storage cannot be written"
            assert warning_of(tmp_path) == told_people
        finally:
            resource.prlimit(errlock.pid, resource.RLIMIT_FSIZE, before)
        # Nobody sends meanwhile: that would not come to a pod that is not ready.
        wait_for(lambda: health(errlock, "/ready")[0] == 200, 60)
        assert health(errlock)[1]["status"] == "running"
        assert send(port) == 200


def test_a_start_names_the_folder_that_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    command = [str(ERRLOCK), "run", "--set", "service.storage=taken/data"]
    told = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert told.stderr == "errlock: service.storage: taken/data: Not a directory\n"


def verified(folder: Path) -> str:
    told = subprocess.run(
        [ERRLOCK, "exposure", "verify", "-c", CONFIG],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def status(folder: Path) -> str:
    told = commanded("status", "-c", CONFIG, folder=folder)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def booked(folder: Path) -> int:
    """Documents that were delivered, as the account has them by now."""
    try:
        with closing(AccountStore.to_read(folder / "data" / "ledger.db")) as store:
            rows = store.rows(0, 2**40)
    except sqlite3.Error:  # just opened again
        return 0
    return sum(row.figures.documents for row in rows if not row.series.class_)


def test_what_was_sent_is_known_after_its_record_was_deleted_and_a_crash(tmp_path: Path) -> None:
    port = listening_port()
    config = collector(sentry_at(port), {"debug": {}})
    config["service"]["storage"] = "data"
    data = tmp_path / "data"
    with running_errlock(config, tmp_path) as errlock:
        assert send(port) == 200
        wait_for(lambda: booked(tmp_path) == 1, 60)
        (data / "ledger.db-wal").unlink()
        (data / "journal").unlink()
        assert send(port) == 200
        wait_for(lambda: booked(tmp_path) == 2 and (data / "journal").exists(), 60)
        verified(tmp_path)
        wait_for(lambda: "gaps that it has since then: " in status(tmp_path), 60)
        errlock.kill()
        assert errlock.ended(60) == -signal.SIGKILL
    with running_errlock(config, tmp_path):
        assert send(port) == 200
        wait_for(lambda: booked(tmp_path) == 3, 60)
    verified(tmp_path)
    gaps = [str(entry.body["what"]) for entry in read(data / "journal") if entry.kind == "gap"]
    assert "the file of the journal was deleted or replaced, and written again" in gaps
    assert "the account may lack what was delivered last" in gaps
