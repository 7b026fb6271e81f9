"""A collector that gets one configuration after the other under load."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic

_BROKEN_EVERY = 10


@dataclass(frozen=True, slots=True)
class Course:
    """What became of it."""

    reloads: int
    broken: int  # of them, refused as they should be
    acknowledged: set[str]
    refused: list[str]
    arrived: list[str]


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


def reload_under_load(folder: Path, reloads: int) -> Course:
    """Let clients send without a break, and reload so many times, each tenth time in vain."""
    port, out = listening_port(), folder / "out.jsonl"
    service = {"storage": str(folder / "data"), "watch_config": False}

    def numbered(number: int) -> dict[str, Any]:
        config = configuration(number, port, out)
        config["service"] |= service
        return config

    with running_errlock(numbered(0), folder / "run") as errlock:
        with Traffic(port) as traffic:
            for number in range(1, reloads + 1):
                sent = len(traffic.acknowledged)
                _reload(errlock, numbered(number), broken=number % _BROKEN_EVERY == 0)
                traffic.wait(lambda sent=sent: len(traffic.acknowledged) > sent + 8)  # type: ignore[misc]  # mypy knows no such lambda
        errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        errlock.stop()
    arrived = [json.loads(line)["headers"]["event_id"] for line in out.read_text().splitlines()]
    return Course(reloads, reloads // _BROKEN_EVERY, traffic.acknowledged, traffic.refused, arrived)


def _reload(errlock: Errlock, config: dict[str, Any], *, broken: bool) -> None:
    """Write it over the old one and say so; return when the collector has judged it."""
    if broken:
        config["exporters"]["nowhere"] = {}
        config["service"]["pipelines"]["errors"]["exporters"].append("nobody")
    word = "cannot be used" if broken else "reloaded:"
    seen = errlock.log.count(word)
    errlock.write(config)
    errlock.send(signal.SIGHUP)
    errlock.wait_for_log(lambda log: log.count(word) > seen)
