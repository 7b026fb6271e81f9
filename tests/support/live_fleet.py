"""Collectors in this process that publish and follow control documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from live_control import AUDIENCE, ONLINE, RELEASE
from live_ports import listening_port

from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.config import loads
from errlock.pipeline.fleet.publishing import ControlDocument


@asynccontextmanager
async def collector(folder: Path, **service: Any) -> AsyncIterator[Collector]:
    """One that runs, with two destinations that nobody answers for, and a standby."""
    text = json.dumps({
        "receivers": {"sentry": {"endpoint": f"localhost:{listening_port()}"}},
        "processors": {"redact": {}},
        "exporters": {
            "sentry": {"dsn": "http://key@127.0.0.1:9/1", "operator": "example.com"},
            "sentry/standby": {"dsn": "http://key@127.0.0.1:9/2", "standby_for": "sentry"},
            "otlp": {"endpoint": "127.0.0.1:9", "tls": {"insecure": True}},
        },
        "service": {
            "storage": str(folder),
            "shutdown_timeout": "1s",
            "telemetry": {"metrics": {"level": "none"}},
            "health": {"endpoint": ""},
            "control": {"endpoint": ""},
            "pipelines": {
                "errors": {
                    "receivers": ["sentry"],
                    "processors": ["redact"],
                    "exporters": ["sentry", "sentry/standby", "otlp"],
                }
            },
            **service,
        },
        "incident": {
            "plans": {
                "breach": {"distrust": ["sentry"], "tighten": "strict"},
                "rumour": {"hold": ["otlp"]},
            }
        },
    })  # fmt: skip
    running = Collector(loads(text, {}))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def publishing(
    folder: Path, control: str = "", *, follow: dict[str, Any] | None = None, **publish: Any
) -> AsyncIterator[tuple[Collector, ControlDocument, str]]:
    """A collector that publishes, what it publishes, and where; `control`: its control API."""
    options = {
        "signing_key": ONLINE.reveal(),
        "audience": AUDIENCE,
        "release_keys": [str(RELEASE.public)],
        "endpoint": f"localhost:{listening_port()}",
        **publish,
    }
    service: dict[str, Any] = {"publish": options, "control": {"endpoint": control}}
    if follow is not None:
        service["follow"] = follow
    async with collector(folder, **service) as one:
        assert one.fleet.document is not None
        yield one, one.fleet.document, f"http://{options['endpoint']}/control"
