"""What is more than a gRPC server takes in one request arrives there all the same."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from live_errlock import collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port

from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.envelope_documents import Content
from errlock.pipeline.payloads.otlp import OtlpRequest

SAID = "nothing to hide here " * 10_000
LOGS = "application/vnd.sentry.items.log+json"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def post(url: str, body: bytes, headers: dict[str, str]) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60):
        pass


def test_all_of_a_large_request_reaches_a_grpc_server(tmp_path: Path) -> None:
    sentry, grpc, http = listening_port(), listening_port(), listening_port()
    # A receiver of ours takes what gRPC takes by default.
    behind = collector(otlp_at(grpc, listening_port()), {"debug": {}})
    otlp: dict[str, Any] = {"otlp": {"endpoint": f"127.0.0.1:{grpc}", "tls": {"insecure": True}}}
    config = collector({**sentry_at(sentry), **otlp_at(listening_port(), http)}, otlp)
    (tmp_path / "behind").mkdir()
    with (
        running_errlock(behind, tmp_path / "behind") as end,
        running_errlock(config, tmp_path) as it,
    ):
        records: list[Any] = [{"body": f"{number} {SAID}"} for number in range(30)]
        whole = OtlpRequest.from_trees("logs", {}, {}, records, project="", received=0.0)
        post(f"http://127.0.0.1:{http}/v1/logs", whole.encode(), PROTOBUF)
        envelope = Envelope("1", 0.0, {})
        told: list[Any] = [{"body": f"{number} {SAID}", "timestamp": 1.0} for number in range(30)]
        envelope.add_container("log", [Content.of(each, "object") for each in told], LOGS)
        url = f"http://127.0.0.1:{sentry}/api/1/envelope/?sentry_key=key"
        post(url, envelope.encode(), {})
        it.wait_for_metric("errlock_exporter_sent_total", 60, exporter="otlp")
        assert end.metric("errlock_receiver_accepted_total", receiver="otlp") == 60
        assert it.metric("errlock_exporter_dropped_total", exporter="otlp") == 0
        it.stop()
        end.stop()
