"""Encoded documents by format name: what `Pipeline.scrub` and `errlock scrub` read and write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING

from ..policy.forks import whole
from .errors import RefusedPayload
from .payloads import json
from .payloads.document import Payload
from .payloads.envelope import Envelope

if TYPE_CHECKING:
    from .payloads.otlp_signals import Signal

# Bytes of a document that a command reads: three times what a receiver takes by default.
LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Codec:
    """How one format is read, and how a payload is written in it. Both may raise RefusedPayload."""

    decode: Callable[[bytes], Payload]
    encode: Callable[[Payload], bytes]


def decode_text(data: bytes) -> str:
    """UTF-8 text. Raises RefusedPayload."""
    try:
        return data.decode()
    except UnicodeDecodeError:  # it holds the bytes
        raise RefusedPayload(400, "broken", "the text is not UTF-8") from None


def text_as_event(data: bytes) -> Envelope:
    """Free text as the message of an event. Raises RefusedPayload."""
    return Envelope.from_event({"message": decode_text(data)})


def _event(payload: Payload) -> bytes:
    return json.encode(payload.alive[0].tree)


def _otlp(signal: Signal) -> Codec:
    def decode(data: bytes) -> Payload:
        with whole:
            from .payloads.otlp import OtlpRequest  # protobuf: only for those who need it

        return OtlpRequest.decode_json(data, signal)

    def encode(payload: Payload) -> bytes:
        if TYPE_CHECKING:
            from .payloads.otlp import OtlpRequest

            assert isinstance(payload, OtlpRequest)
        return payload.encode_json()

    return Codec(decode, encode)


FORMATS: Mapping[str, Codec] = {
    "event": Codec(Envelope.from_event, _event),
    "envelope": Codec(lambda data: Envelope.decode(data, "", time()), lambda p: p.encode()),
    "otlp-logs": _otlp("logs"),
    "otlp-traces": _otlp("traces"),
    "otlp-metrics": _otlp("metrics"),
}


def codec_of(format_: str) -> Codec:
    """The codec of a format. Raises ValueError with the formats there are."""
    if format_ not in FORMATS:
        raise ValueError(f"unknown format {format_!r}. Known: {', '.join(FORMATS)}, text")
    return FORMATS[format_]
