"""Payloads at rest in memory: their bytes alone. What is read of one takes many times as much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..pipeline.payloads.document import Payload

# What one takes beside its bytes, with the records of its deliveries, about.
_BESIDE = 1024
_LARGE = 256 * 1024  # bytes: those are read in a thread


@dataclass(frozen=True, slots=True)
class AtRest:
    """One that waits. Each who wants it reads one of their own."""

    body: bytes
    manifest: bytes
    _read_back: Callable[[bytes], Payload]

    @classmethod
    def of(cls, payload: Payload, body: bytes | None = None) -> AtRest:
        """`body` is the payload encoded, where somebody has done that."""
        encoded = payload.encode() if body is None else body
        return cls(encoded, payload.manifest, payload.reader)

    @property
    def memory(self) -> int:
        """Bytes that it takes, about."""
        return len(self.body) + len(self.manifest) + _BESIDE

    async def read(self) -> Payload:
        """One to change as one likes. Raises RefusedPayload."""
        if len(self.body) < _LARGE:
            return self._read()
        return await asyncio.to_thread(self._read)

    def _read(self) -> Payload:
        payload = self._read_back(self.body)
        payload.manifest = self.manifest
        return payload
