"""A collector that gets one configuration after the other under load: nobody is refused."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic

RELOADS = 20
BROKEN_EVERY = 10


def configuration(number: int, port: int, out: Path) -> dict[str, Any]:
    """One of many: receiver, policy, exporters and queue differ from one to the next."""
    receivers = sentry_at(port)
    receivers["sentry"]["max_envelope_size"] = f"{20 + number % 2}MiB"
    exporters: dict[str, Any] = {
        "file": {"path": str(out), "retry_on_failure": {"initial_interval": f"{1 + number % 3}s"}}
    }
    if number % 2:
        exporters["debug"] = {}
    config = collector(receivers, exporters)
    config["processors"]["redact"] = {"profile": ("balanced", "strict")[number % 2]}
    return config


def delivered(out: Path) -> list[str]:
    lines = out.read_text().splitlines() if out.exists() else []
    return [json.loads(line)["headers"]["event_id"] for line in lines]


def reload(errlock: Errlock, config: dict[str, Any], broken: bool) -> None:
    """Write it over the old one and say so; return when the collector has judged it."""
    seen = errlock.log.count("reloaded:"), errlock.log.count("cannot be used")
    if broken:
        config["exporters"]["nowhere"] = {}
        config["service"]["pipelines"]["errors"]["exporters"].append("nobody")
    errlock.write(config)
    errlock.send(signal.SIGHUP)
    errlock.wait_for_log(
        lambda log: (
            log.count("cannot be used") > seen[1] if broken else log.count("reloaded:") > seen[0]
        )
    )


def test_reloads_under_load_refuse_nobody_and_lose_nothing(tmp_path: Path) -> None:
    port, out = listening_port(), tmp_path / "out.jsonl"
    config = configuration(0, port, out)
    config["service"] |= {"storage": str(tmp_path / "data"), "watch_config": False}
    with running_errlock(config, tmp_path / "run") as errlock, Traffic(port) as traffic:
        for number in range(1, RELOADS + 1):
            sent = len(traffic.acknowledged)
            new = configuration(number, port, out)
            new["service"] |= {"storage": str(tmp_path / "data"), "watch_config": False}
            reload(errlock, new, broken=number % BROKEN_EVERY == 0)
            traffic.wait(lambda sent=sent: len(traffic.acknowledged) > sent + 8)  # type: ignore[misc]
        traffic.__exit__()
        assert traffic.refused == []
        errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        errlock.stop()
    arrived = delivered(out)
    assert set(arrived) == traffic.acknowledged
    assert len(arrived) == len(set(arrived)), "nobody was killed: nothing goes twice"


def test_a_changed_file_is_enough(tmp_path: Path) -> None:
    port, out = listening_port(), tmp_path / "out.jsonl"
    with running_errlock(configuration(0, port, out), tmp_path / "run") as errlock:
        new = configuration(1, port, out)
        errlock.write(new)
        errlock.wait_for_log(lambda log: "reloaded: exporters added: debug" in log)
