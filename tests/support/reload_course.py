"""A collector that gets one configuration after the other under load."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_calls import Calls
from live_errlock import Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic

_BROKEN_EVERY = 10


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of what the clients of one protocol sent."""

    acknowledged: set[str]
    refused: list[str]
    arrived: list[str]

    @property
    def lost(self) -> set[str]:
        """What was acknowledged and did not arrive."""
        return self.acknowledged - set(self.arrived)

    @property
    def twice(self) -> int:
        """How many arrived that had arrived before."""
        return len(self.arrived) - len(set(self.arrived))


@dataclass(frozen=True, slots=True)
class Course:
    """What became of it."""

    reloads: int
    broken: int  # of them, refused as they should be
    http: Sent
    grpc: Sent


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the receivers listen, whatever else changes."""

    http: int
    grpc: int

    @classmethod
    def free(cls) -> Ports:
        """Two that nobody has."""
        return cls(listening_port(), listening_port())


def configuration(
    number: int, ports: Ports, out: Path, *, message_sizes: bool = False
) -> dict[str, Any]:
    """One of many: receivers, policy, exporters and queue differ from one to the next.

    With `message_sizes` that takes a new gRPC server each time.
    """
    receivers = sentry_at(ports.http)
    receivers["sentry"]["max_envelope_size"] = f"{20 + number % 2}MiB"
    grpc: dict[str, Any] = {"endpoint": f"127.0.0.1:{ports.grpc}"}
    if message_sizes:
        grpc["max_recv_msg_size_mib"] = 4 + number % 2
    receivers["otlp"] = {
        "protocols": {"grpc": grpc},
        "max_bytes_in_flight": f"{256 + number % 2}MiB",
    }
    exporters: dict[str, Any] = {
        "file": {"path": str(out), "retry_on_failure": {"initial_interval": f"{1 + number % 3}s"}}
    }
    if number % 2:
        exporters["debug"] = {}
    config = collector(receivers, exporters)
    config["processors"]["redact"] = {"profile": ("balanced", "strict")[number % 2]}
    return config


def reload_under_load(folder: Path, reloads: int, *, message_sizes: bool = False) -> Course:
    """Let clients send without a break, and reload so many times, each tenth time in vain."""
    ports, out = Ports.free(), folder / "out.jsonl"
    service = {"storage": str(folder / "data"), "watch_config": False}

    def numbered(number: int) -> dict[str, Any]:
        config = configuration(number, ports, out, message_sizes=message_sizes)
        config["service"] |= service
        return config

    with running_errlock(numbered(0), folder / "run") as errlock:
        with Traffic(ports.http) as traffic, Calls(ports.grpc) as calls:
            for number in range(1, reloads + 1):
                sent = len(traffic.acknowledged), len(calls.acknowledged)
                _reload(errlock, numbered(number), broken=number % _BROKEN_EVERY == 0)
                traffic.wait(lambda sent=sent: len(traffic.acknowledged) > sent[0] + 8)  # type: ignore[misc]  # mypy knows no such lambda
                calls.wait(lambda sent=sent: len(calls.acknowledged) > sent[1] + 8)  # type: ignore[misc]
        errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        errlock.stop()
    stored = out.read_text()
    lines = [json.loads(line) for line in stored.splitlines()]
    events = [line["headers"]["event_id"] for line in lines if "headers" in line]
    return Course(
        reloads,
        reloads // _BROKEN_EVERY,
        Sent(traffic.acknowledged, traffic.refused, events),
        Sent(calls.acknowledged, calls.refused, re.findall(r"record [0-9]+", stored)),
    )


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
