"""A collector obeys a word of distrust that only the trust file told it, and goes on obeying."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port
from slow_peer import SlowPeer
from waiting import wait_for

from errlock.delivery.trust.file import tighten_offline

TEXT = "the cart was empty when it was paid " * 25_000


def send(port: int, count: int) -> None:
    """Send large events, each acknowledged."""
    for _ in range(count):
        event = json.dumps({"message": "too large", "extra": {"text": TEXT}}).encode()
        body = b'{}\n{"type":"event","length":%d}\n%b\n' % (len(event), event)
        url = f"http://127.0.0.1:{port}/api/1/envelope/?sentry_key=key"
        with urllib.request.urlopen(url, body, timeout=30) as answer:
            assert answer.status == 200


def test_no_byte_reaches_a_distrusted_destination_from_then_on(tmp_path: Path) -> None:
    port = listening_port()
    with SlowPeer() as peer:
        dsn = f"http://key@127.0.0.1:{peer.port}/1"
        exporter = {
            "dsn": dsn,
            "operator": "acme",
            "compression": "none",
            "sending_queue": {"num_consumers": 1},
            "retry_on_failure": {"initial_interval": "100ms", "max_interval": "100ms"},
        }
        config = collector(sentry_at(port), {"sentry": exporter})
        config["service"]["storage"] = "data"
        config["service"]["shutdown_timeout"] = "1s"
        with running_errlock(config, tmp_path) as errlock:
            send(port, 3)
            peer.wait_for(100_000)
            tighten_offline(tmp_path / "data", ["acme"], "distrusted", "alice", "breached")
            wait_for(lambda: peer.is_cut_off)
            arrived = peer.arrived
            peer.read_on()
            assert (peer.received, peer.ended, peer.connections) == (arrived, "reset", 1)
            send(port, 1)
            labels = {"exporter": "sentry"}
            errlock.wait_for_metric("errlock_exporter_queue_documents", 4, **labels)
        with running_errlock(config, tmp_path) as errlock:
            send(port, 1)
            errlock.wait_for_metric("errlock_exporter_queue_documents", 5, **labels)
            time.sleep(1.0)
        assert (peer.received, peer.connections) == (arrived, 1)
