"""Payloads as they are stored: encoded, compressed, with a checksum over all that makes them up."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import cast

import zstandard

from ...pipeline.errors import RefusedPayload
from ...pipeline.payloads.document import Payload, Protocol
from ...pipeline.payloads.envelope import Envelope
from ...pipeline.payloads.otlp import OtlpRequest
from ...pipeline.payloads.otlp_signals import Signal

# On recorded events level 3 takes half as long again and saves 2 %.
_LEVEL = 1
_CHECKSUM_BYTES = 16
_LENGTH_BYTES = 4  # of the manifest's length


class Damaged(Exception):  # noqa: N818  a fact about a file
    """A stored payload cannot be read back."""


@dataclass(frozen=True, slots=True)
class About:
    """What is kept of a payload beside its bytes."""

    protocol: Protocol
    signal: str  # of OTLP; else empty
    project: str
    received: float
    policy: str

    @classmethod
    def of(cls, payload: Payload, policy: str) -> About:
        """Of a payload that passed this version of a policy."""
        signal = payload.signal if isinstance(payload, OtlpRequest) else ""
        return cls(payload.protocol, signal, payload.project, float(payload.received), policy)

    def bound(self, number: int) -> bytes:
        """All of it and the payload's number as bytes, for checksums and seals to hold on to."""
        fields = [number, self.protocol, self.signal, self.project, self.received, self.policy]
        return json.dumps(fields).encode()


def pack(payload: Payload, body: bytes | None = None) -> bytes:
    """The payload without what is lost behind its manifest, compressed.

    `body` is the payload encoded, where somebody has done that.
    """
    manifest = payload.manifest
    stored = len(manifest).to_bytes(_LENGTH_BYTES, "big") + manifest
    stored += payload.encode() if body is None else body
    return zstandard.ZstdCompressor(level=_LEVEL).compress(stored)


def unpack(about: About, packed: bytes) -> Payload:
    """The reverse of `pack`. Raises Damaged."""
    try:
        stored = zstandard.ZstdDecompressor().decompress(packed)
        end = _LENGTH_BYTES + int.from_bytes(stored[:_LENGTH_BYTES], "big")
        payload = _payload(about, stored[end:])
        payload.manifest = stored[_LENGTH_BYTES:end]
        return payload
    except (zstandard.ZstdError, RefusedPayload, KeyError):
        raise Damaged from None


def _payload(about: About, body: bytes) -> Payload:
    if about.protocol == "otlp":
        signal = cast("Signal", about.signal)
        return OtlpRequest.decode(body, signal, about.project, about.received)
    return Envelope.restore(body, about.project, about.received)


def is_whole(number: int, about: About, digest: bytes, body: bytes) -> bool:
    """Whether a payload is what was stored, by its checksum."""
    try:
        return checksum(about.bound(number), body) == digest
    except TypeError:  # a flipped bit makes bytes of a text, or a text of bytes
        return False


def checksum(bound: bytes, body: bytes) -> bytes:
    """Of a payload as it lies there."""
    return hashlib.blake2b(bound + body, digest_size=_CHECKSUM_BYTES).digest()
