"""errlock's own telemetry, pushed over OTLP to a collector that is errlock too."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live_ports import listening_port
from metered_sink import metered_sink
from waiting import until

from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.config import loads

SECRET = "hunter22correct"


def receiving(port: int, out: Path) -> Collector:
    """A collector that writes what telemetry it gets, as it is."""
    return Collector(
        loads(
            f"""
            receivers: {{ otlp: {{ protocols: {{ grpc: {{ endpoint: "localhost:{port}" }} }} }} }}
            exporters: {{ file: {{ path: "{out}" }} }}
            service:
              storage: memory
              telemetry: {{ metrics: {{ level: none }} }}
              health: {{ endpoint: "" }}
              pipelines: {{ all: {{ receivers: [otlp], processors: [], exporters: [file] }} }}
            """,
            {},
        )
    )


def observed(sentry: int, otlp: int, dead: int) -> Collector:
    """A collector that pushes its telemetry, with a destination that is dead."""
    metrics = listening_port()
    return Collector(
        loads(
            f"""
            receivers: {{ sentry: {{ endpoint: "localhost:{sentry}" }} }}
            exporters: {{ debug: , sentry: {{ dsn: "http://key@localhost:{dead}/1" }} }}
            service:
              storage: memory
              shutdown_timeout: 1s
              telemetry:
                metrics: {{ endpoint: "localhost:{metrics}", otlp_endpoint: "localhost:{otlp}" }}
                traces: {{ otlp_endpoint: "localhost:{otlp}" }}
              health: {{ endpoint: "" }}
              pipelines:
                all: {{ receivers: [sentry], processors: [redact], exporters: [debug, sentry] }}
            """,
            {},
        )
    )


async def pushed(tmp_path: Path) -> str:
    """What a collector pushed that took one event with a secret in it."""
    out, sentry, otlp = tmp_path / "out.jsonl", listening_port(), listening_port()
    backend = receiving(otlp, out)
    await backend.start()
    collector = observed(sentry, otlp, listening_port())
    await collector.start()
    body = b'{}\n{"type":"event"}\n' + json.dumps({"message": f"password={SECRET}"}).encode()
    async with aiohttp.ClientSession() as session:
        url = f"http://localhost:{sentry}/api/1/envelope/?sentry_key=abc"
        async with session.post(url, data=body) as answer:
            assert answer.status == 200
    # Both push for the last time when they stop, from threads of their own.
    await collector.stop()
    await backend.stop()
    return await asyncio.to_thread(out.read_text)


async def test_spans_and_metrics_are_pushed_and_carry_no_value(tmp_path: Path) -> None:
    text = await pushed(tmp_path)
    assert SECRET not in text
    assert SECRET.encode().hex() not in text
    spans, metrics = read(text)
    assert {span["name"] for span in spans} == {"errlock.accept", "errlock.export"}
    failed = [span for span in spans if span.get("status", {}).get("code") == 2]
    assert failed
    assert {span["status"]["message"] for span in failed} == {"connection"}
    assert "otelcol_receiver_accepted_log_records" in metrics


async def test_nothing_is_pushed_to_where_somebody_is_distrusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    with metered_sink() as sink:  # at the host of the telemetry, which speaks no gRPC
        collector = observed(listening_port(), sink.port, listening_port())
        await collector.start()
        await until(lambda: bool(sink.received))
        await collector.trust.tighten(["sentry"], "distrusted", "alice", "them, too")
        said = time.monotonic()
        await asyncio.sleep(1)
        assert sink.bytes_after(said + 0.3) == 0
        received = len(sink.received)
        await collector.trust.loosen(["sentry"], "trusted", "alice", "a rumour")
        await until(lambda: len(sink.received) > received)
        await collector.trust.tighten(["localhost"], "distrusted", "alice", "an operator")
        await asyncio.sleep(0.3)
        received = len(sink.received)
        await collector.stop()
        assert len(sink.received) == received


async def test_the_proxy_of_the_environment_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://localhost:{listening_port()}")
    spans, metrics = read(await pushed(tmp_path))
    assert spans
    assert metrics


def read(text: str) -> tuple[list[Any], set[str]]:
    """The spans, and the names of the metrics, in what was written."""
    spans: list[Any] = []
    names: set[str] = set()
    for line in map(json.loads, text.splitlines()):
        for resource in line.get("resourceSpans", []):
            spans += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
        for resource in line.get("resourceMetrics", []):
            names |= {m["name"] for scope in resource["scopeMetrics"] for m in scope["metrics"]}
    return spans, names
