"""An exporter whose destination does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeAlias

from errlock.pipeline.component import Delivered, Exporter
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.payloads.document import Payload, Protocol

Act: TypeAlias = "Exception | Delivered | Callable[[Payload], Delivered] | None"


class ScriptedExporter(Exporter):
    """Answers each attempt with the next act of its script, then with `rest`; None: takes all."""

    accepts: ClassVar[tuple[Protocol, ...]] = ("sentry",)

    def __init__(self, script: Iterable[Act] = (), *, rest: Act = None) -> None:
        self.script = list(script)
        self.rest = rest
        self.attempts: list[Payload] = []
        self.taken: list[Payload] = []
        self.open = asyncio.Event()  # attempts last until it is set
        self.open.set()
        self.cancelled = 0
        self.aborted = 0
        self.started = False
        self.troubles: list[Exception] = []  # that the next starts have

    async def start(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.started = True

    async def export(self, payload: Payload) -> Delivered:
        assert self.started
        self.attempts.append(payload)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        act = self.script.pop(0) if self.script else self.rest
        if isinstance(act, Exception):
            raise act
        self.taken.append(payload)
        if isinstance(act, Delivered):
            return act
        return act(payload) if act is not None else Delivered(len(payload.alive))

    def abort(self) -> None:
        self.started = False
        self.aborted += 1

    async def stop(self) -> None:
        self.started = False


def unreachable(retry_after: float | None = None) -> ExportFailed:
    """What an exporter says when nobody answers."""
    return ExportFailed("refused", retryable=True, retry_after=retry_after)
