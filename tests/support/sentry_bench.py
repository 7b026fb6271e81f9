"""A Sentry receiver that listens, what it puts into its sink, and what it counts."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp

from errlock.pipeline.component import Receipt, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import DropReason
from errlock.pipeline.payloads.document import DocumentType, Payload
from errlock.pipeline.payloads.envelope import Envelope
from errlock.receivers.sentry import SentryReceiver, SentryReceiverConfig

KEY = "k" * 32


class Arrivals:
    """A sink that takes everything, looks at every tree as a policy does, or answers as told."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.others: list[Payload] = []
        self.refusals: list[Exception] = []  # for the next payloads, one each
        self.refused: dict[tuple[DocumentType, DropReason], int] = {}

    async def accept(self, payload: Payload) -> Receipt:
        if self.refusals:
            raise self.refusals.pop(0)
        payload.encode()
        if isinstance(payload, Envelope):
            self.envelopes.append(payload)
        else:
            self.others.append(payload)
        return Receipt(len(payload.documents) - sum(self.refused.values()), self.refused)

    @property
    def only(self) -> Envelope:
        (envelope,) = self.envelopes
        return envelope


class Bench:
    def __init__(self, receiver: SentryReceiver, counters: Counters) -> None:
        self.sink = Arrivals()
        self.receiver = receiver
        self.counters = counters
        self.url = ""
        self.session: aiohttp.ClientSession

    def dsn(self, project: str = "7") -> str:
        return f"http://{KEY}@{self.url.removeprefix('http://')}/{project}"

    async def post(
        self, path: str, data: bytes = b"", method: str = "POST", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, decoded body, headers with names in lower case."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, self.url + path, data=BytesIO(data), headers=named
        ) as response:
            text = await response.text()
            body = json.loads(text) if response.content_type == "application/json" else text
            found = {name.lower(): value for name, value in response.headers.items()}
            return response.status, body, found

    def count(self, name: str) -> dict[tuple[str, ...], int]:
        """A counter's series by the values of their labels, less receiver and transport."""
        return {
            tuple(value for label, value in labels if label not in ("receiver", "transport")): n
            for series, labels, n in self.counters
            if series == name
        }


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Bench]:
    counters = Counters()
    config = SentryReceiverConfig(**{"endpoint": "127.0.0.1:0", **options})
    assert list(config.problems()) == []
    settings = Settings(id="sentry", counters=counters, log=logging.getLogger("test"))
    bench = Bench(config.build(settings), counters)
    await bench.receiver.start(bench.sink)
    bench.url = f"http://127.0.0.1:{bench.receiver.port}"
    try:
        async with aiohttp.ClientSession() as bench.session:
            yield bench
    finally:
        await bench.receiver.stop()
