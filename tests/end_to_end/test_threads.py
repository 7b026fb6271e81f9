"""A collector that runs needs no thread that it has not got: it may be allowed no more."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sentry_sdk
from counting_backend import counting_backend
from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port

from errlock.pipeline.cli import main

_SENDERS = 16


def _send(port: int) -> None:
    with sentry_sdk.Client(f"http://any@127.0.0.1:{port}/1", default_integrations=False) as client:
        for number in range(10):
            client.capture_event({"message": f"order {number} failed" + 2000 * " of many"})
        client.flush(60)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_work_starts_no_threads(tmp_path: Path) -> None:
    port = listening_port()
    with counting_backend({}) as backend:
        sentry = {"dsn": f"http://key@127.0.0.1:{backend.server_port}/1"}
        config = collector(sentry_at(port), {"sentry": sentry})
        config["service"]["storage"] = str(tmp_path / "data")
        with running_errlock(config, tmp_path) as errlock:
            tasks = Path(f"/proc/{errlock.pid}/task")
            before = {each.name for each in tasks.iterdir()}
            with ThreadPoolExecutor(_SENDERS) as senders:
                list(senders.map(_send, [port] * _SENDERS))
            errlock.wait_for_metric("errlock_exporter_sent_total", _SENDERS * 10.0)
            where = ["-c", str(tmp_path / CONFIG), "--why", "to see who writes it down"]
            assert main(["hold", "sentry", *where]) == 0
            assert {each.name for each in tasks.iterdir()} <= before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is of something else")
@pytest.mark.parametrize("kibibytes", [300_000, 600_000])
def test_a_start_without_enough_memory_says_so_in_a_line(tmp_path: Path, kibibytes: int) -> None:
    config = collector({"sentry": {"endpoint": "127.0.0.1:0"}}, {"debug": {}})
    config["service"]["storage"] = "data"
    (tmp_path / CONFIG).write_text(json.dumps(config))
    command = f"ulimit -v {kibibytes} && exec {ERRLOCK} run -c {CONFIG}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert any(f" {each}" in done.stderr for each in ("memory", "threads", "queues"))
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
