"""Real applications with real SDKs, run as processes of their own, that leak every canary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from canaries import CANARIES, FRAGMENTS
from live_node import Node

_SENDERS = Path(__file__).parents[1] / "end_to_end/senders"
# Settings of the machine that would send an SDK somewhere else or make it do more.
_FOREIGN = ("SENTRY_", "OTEL_")


def send_with_sentry_python(dsn: str, *, embed: bool = False) -> None:
    """An error, a message, a transaction and logs, by sentry-sdk; `embed`: errlock is in it."""
    _run("sentry_python.py", SENTRY_DSN=dsn, **_embedding(embed))


def send_errors_of_20_kinds(dsn: str) -> None:
    """200 errors, ten of each kind, by sentry-sdk."""
    _run("grouping_python.py", SENTRY_DSN=dsn)


def send_with_opentelemetry(protocol: str, endpoint: str, *, embed: bool = False) -> None:
    """A span with an exception, that exception as a log record, and logs; `grpc` or `http`."""
    _run(
        "opentelemetry_python.py",
        protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        **_embedding(embed),
    )


def send_with_sentry_node(node: Node, dsn: str) -> None:
    """An error, a message, a transaction and logs, by @sentry/node."""
    node.run("sender.cjs", {"SENTRY_DSN": dsn, **_canaries()})


def send_with_opentelemetry_node(node: Node, protocol: str, endpoint: str) -> None:
    """A span with an exception, by @opentelemetry/sdk-node.

    `protocol` is `grpc`, `http/protobuf` or `http/json`.
    """
    node.run(
        "otel_sender.cjs",
        {
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_RESOURCE_ATTRIBUTES": "service.version=4.2.0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            **_canaries(),
        },
    )


def _canaries() -> dict[str, str]:
    return {"CANARIES": json.dumps(CANARIES), "FRAGMENTS": json.dumps(FRAGMENTS)}


def _embedding(embed: bool) -> dict[str, str]:
    return {"EMBED_ERRLOCK": "1"} if embed else {}


def _run(script: str, *arguments: str, **environment: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    done = subprocess.run(
        [sys.executable, _SENDERS / script, *arguments],
        env={**clean, "PYTHONPATH": str(Path(__file__).parent), **environment},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}:\n{done.stdout}\n{done.stderr}"
