"""The control API answers while the collector has more to do than it can."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from live_errlock import collector, running_errlock, sentry_at
from live_operators import Controlled
from live_ports import listening_port
from live_traffic import Traffic
from metered_sink import MeteredSink

_OBEYED_WITHIN = 2.0  # seconds


def test_distrust_is_obeyed_at_once_by_a_busy_collector(tmp_path: Path) -> None:
    port, sink = listening_port(), MeteredSink("answers")
    exporters = {
        "sentry": {"dsn": f"http://key@127.0.0.1:{sink.port}/1", "compression": "none"},
        "file/standby": {"path": "standby.jsonl", "standby_for": "sentry"},
    }
    config = collector(sentry_at(port), exporters)
    config["service"]["storage"] = "data"
    config["service"]["pipelines"]["errors"]["exporters"] = ["sentry"]
    with running_errlock(config, tmp_path) as errlock:
        controlled = Controlled(errlock, tmp_path, port)
        with Traffic(port, threads=8) as traffic:
            sink.wait_for_bytes(more_than=50_000)
            before = time.monotonic()
            said = controlled.ask("/v1/distrust", {"names": ["sentry"], "why": "under load"})
            answered = time.monotonic() - before
            acknowledged = len(traffic.acknowledged)
            traffic.wait(lambda: len(traffic.acknowledged) > acknowledged + 50)
            time.sleep(max(0.0, before + _OBEYED_WITHIN + 1.0 - time.monotonic()))
        assert said.json["destinations"][0]["trust"]["state"] == "distrusted"
        assert answered < _OBEYED_WITHIN
        assert sink.bytes_after(before + _OBEYED_WITHIN) == 0
        assert traffic.refused == []

        labels = {"exporter": "file/standby"}
        errlock.wait_for_metric("errlock_exporter_queue_documents", 0, **labels)
        standby = (tmp_path / "standby.jsonl").read_text()
        there = set(re.findall(r"event ([0-9a-f]{32})", standby + sink.received.decode()))
        waiting = errlock.metric("errlock_exporter_queue_documents", exporter="sentry")
        assert len(traffic.acknowledged - there) <= waiting
        assert json.loads(standby.splitlines()[0])
