"""A sink that keeps what it is given and answers what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from errlock.pipeline.component import Receipt
from errlock.pipeline.errors import DropReason, RefusedPayload
from errlock.pipeline.payloads.document import DocumentType, Payload


class RecordingSink:
    """Takes every payload, unless told otherwise."""

    def __init__(self) -> None:
        self.payloads: list[Any] = []
        self.refused: Mapping[tuple[DocumentType, DropReason], int] = {}
        self.failure: Exception | None = None
        # While it is cleared, accept() waits.
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()

    async def accept(self, payload: Payload) -> Receipt:
        """See `Sink.accept`."""
        self.entered.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.payloads.append(payload)
        return Receipt(len(payload.documents) - sum(self.refused.values()), self.refused)

    @property
    def trees(self) -> list[Any]:
        """The trees of all documents that came."""
        return [document.tree for payload in self.payloads for document in payload.documents]

    def be_busy(self) -> None:
        """Refuse from now on."""
        self.failure = RefusedPayload(429, "busy", "too many bytes are waiting to be sanitised")
