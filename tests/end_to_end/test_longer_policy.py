"""What waits is judged anew before it leaves, and may be more than a gRPC server takes by then."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from live_errlock import CONFIG, ERRLOCK, collector, otlp_at, running_errlock
from live_ports import listening_port

from errlock.pipeline.payloads.otlp import OtlpRequest

RECORDS = 1400
BODY = f"{'nothing to hide here ' * 90}{'K7 ' * 15}"  # in all 2.7 MiB
DESK = {"id": "desk", "class": f"custom.{'desk' * 20}", "pattern": r"K\d"}  # and 4.4 MiB then


def forwarding(grpc: int, http: int, storage: str) -> dict[str, Any]:
    """Log records go from OTLP over HTTP to OTLP over gRPC."""
    # On a busy machine an answer takes its time: logs are not sent twice.
    to: dict[str, Any] = {
        "endpoint": f"127.0.0.1:{grpc}", "tls": {"insecure": True}, "timeout": "60s",
    }  # fmt: skip
    config = collector(otlp_at(listening_port(), http), {"otlp": to})
    config["service"]["storage"] = storage
    return config


def longer(config: dict[str, Any]) -> dict[str, Any]:
    """The same with a policy of later, that makes texts longer."""
    return {**config, "processors": {"redact": {"detectors": [DESK]}}}


def send(http: int) -> None:
    records: list[Any] = [{"body": f"{number} {BODY}"} for number in range(RECORDS)]
    request = OtlpRequest.from_trees("logs", {}, {}, records, project="", received=0.0)
    headers = {"Content-Type": "application/x-protobuf"}
    url = f"http://127.0.0.1:{http}/v1/logs"
    with urllib.request.urlopen(urllib.request.Request(url, request.encode(), headers), timeout=60):
        pass


def waiting(folder: Path) -> int:
    """How many payloads wait on the disk."""
    with closing(sqlite3.connect(folder / "data" / "queue.db")) as queues:
        found: int = queues.execute("SELECT count(*) FROM deliveries").fetchone()[0]
        return found


@pytest.mark.parametrize("storage", ["data", "memory"])
def test_what_a_policy_of_later_makes_too_long_arrives_in_portions(
    storage: str, tmp_path: Path
) -> None:
    grpc, http = listening_port(), listening_port()
    config = forwarding(grpc, http, storage)
    with running_errlock(config, tmp_path) as it:
        send(http)
        it.write(longer(config))
        it.wait_for_log(lambda log: "reloaded" in log)
        # It takes what gRPC takes by default.
        behind = collector(otlp_at(grpc, listening_port()), {"debug": {}})
        with running_errlock(behind, tmp_path / "behind") as end:
            it.wait_for_metric("errlock_exporter_sent_total", RECORDS, exporter="otlp")
            assert end.metric("errlock_receiver_accepted_total", receiver="otlp") == RECORDS
            assert it.metric("errlock_exporter_dropped_total", exporter="otlp") == 0
            assert it.metric("errlock_exporter_offered_total", exporter="otlp") == RECORDS


def test_killed_when_it_was_cut_it_has_all_of_it_once(tmp_path: Path) -> None:
    grpc, http = listening_port(), listening_port()
    config = forwarding(grpc, http, "data")
    # An attempt may be under way when it is killed, to where nobody is yet.
    config["exporters"]["otlp"]["retry_on_failure"] = {"unclear": "retry"}
    with running_errlock(config, tmp_path) as it:
        send(http)
        it.stop()
    assert waiting(tmp_path) == 1
    with running_errlock(longer(config), tmp_path) as it:
        deadline = time.monotonic() + 120
        while waiting(tmp_path) == 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        it.kill()
        assert it.ended(60) == -signal.SIGKILL
    assert waiting(tmp_path) == 2
    behind = collector(otlp_at(grpc, listening_port()), {"debug": {}})
    with (
        running_errlock(behind, tmp_path / "behind") as end,
        running_errlock(longer(config), tmp_path) as it,
    ):
        it.wait_for_metric("errlock_exporter_sent_total", RECORDS, exporter="otlp")
        assert end.metric("errlock_receiver_accepted_total", receiver="otlp") == RECORDS
        assert it.metric("errlock_exporter_dropped_total", exporter="otlp") == 0
    assert waiting(tmp_path) == 0


def test_a_replay_to_a_destination_with_a_longer_policy_arrives_in_portions(tmp_path: Path) -> None:
    grpc, http = listening_port(), listening_port()
    config = forwarding(listening_port(), http, "data")
    config["processors"]["redact/desk"] = {"detectors": [DESK]}
    config["exporters"]["otlp/standby"] = {
        **forwarding(grpc, http, "data")["exporters"]["otlp"],
        "processors": ["redact/desk"],
        "standby_for": "otlp",
        "failover_after": "1h",
    }
    behind = collector(otlp_at(grpc, listening_port()), {"debug": {}})
    with running_errlock(config, tmp_path) as it, running_errlock(behind, tmp_path / "b") as end:
        send(http)
        # What is just being sent to the one cannot be moved to the other.
        for words in (["hold", "otlp"], ["replay", "otlp", "otlp/standby", "--move"]):
            command = [str(ERRLOCK), *words, "-c", CONFIG]
            subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
        it.wait_for_metric("errlock_exporter_sent_total", RECORDS, exporter="otlp/standby")
        assert end.metric("errlock_receiver_accepted_total", receiver="otlp") == RECORDS
        it.wait_for_metric("errlock_exporter_dropped_total", RECORDS, reason="moved")
        assert it.metric("errlock_exporter_dropped_total") == RECORDS
