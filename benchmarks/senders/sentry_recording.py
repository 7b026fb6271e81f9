"""sentry-sdk set up to write each event, as the bytes that it would send, into a folder."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from benchmarks.senders.visits import Visit


class _Recorder(Transport):
    """Writes events instead of sending them."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self._folder, self._name = folder, name
        self._count = 0

    def capture_envelope(self, envelope: Envelope) -> None:
        for item in envelope.items:
            if item.type == "event":
                path = self._folder / f"{self._name}-{self._count:03d}.json"
                path.write_bytes(item.get_bytes())
                self._count += 1


def start(name: str, **options: Any) -> None:
    """Initialise; the folder is the program's argument."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("shop").setLevel(logging.DEBUG)
    sentry_sdk.init(
        dsn="https://public@sentry.example/1",
        transport=_Recorder(Path(sys.argv[1]), name),
        send_default_pii=True,
        max_request_body_size="always",
        release="shop@4.2.0",
        environment="production",
        **options,
    )


def describe(visit: Visit) -> None:
    """What an application tells the SDK about the visit."""
    sentry_sdk.set_user(visit.customer)
    sentry_sdk.set_tag("region", "eu-west-1")
    sentry_sdk.set_context("tenant", {"plan": "gold", "shard": visit.number % 8})
    sentry_sdk.add_breadcrumb(category="auth", message="session restored", level="info")
