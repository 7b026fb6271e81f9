"""What both OTLP transports do with a request once its bytes are there, and what they answer.

The answers follow https://opentelemetry.io/docs/specs/otlp/ and the collector's status mapping. A
client tries again only what is UNAVAILABLE or 503, so that is what a full or stopping pipeline
says. No answer, log line or counter has a value of a request.
"""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # no annotations
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from ..pipeline.component import Receipt, Settings, Sink
from ..pipeline.errors import DropReason, RefusedPayload
from ..pipeline.options import Secret
from ..pipeline.payloads.otlp import OtlpRequest
from ..pipeline.payloads.otlp_json import encode_json
from ..pipeline.payloads.otlp_responses import RESPONSES
from ..pipeline.payloads.otlp_signals import SHAPES, Signal
from .bodies import beside_the_loop
from .books import Books

RETRY_AFTER = 1  # seconds: less than what an SDK waits for an export in all
# Bytes from which reading a request would hold up everybody else on the event loop.
_LARGE = {"protobuf": 256 * 1024, "json": 16 * 1024}

# Codes of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CODES = {400: 3, 401: 16, 403: 7, 404: 12, 405: 12, 408: 14, 413: 8, 415: 3, 429: 14, 503: 14}
_INTERNAL, UNAVAILABLE = 13, 14

Encoding = Literal["protobuf", "json"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was turned away, as the sender is told it."""

    status: int  # of HTTP
    code: int  # of gRPC
    message: str

    @property
    def retryable(self) -> bool:
        """Whether the sender may try the same again."""
        return self.code == UNAVAILABLE

    def encode(self, encoding: Encoding) -> bytes:
        """As a google.rpc.Status."""
        if encoding == "json":
            return self._json()
        status = Status(code=self.code, message=self.message)
        if self.retryable:
            delay = RetryInfo()
            delay.retry_delay.seconds = RETRY_AFTER
            status.details.add().Pack(delay)
        encoded: bytes = status.SerializeToString()
        return encoded

    def _json(self) -> bytes:
        status: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.retryable:
            type_ = f"type.googleapis.com/{RetryInfo.DESCRIPTOR.full_name}"
            status["details"] = [{"@type": type_, "retryDelay": f"{RETRY_AFTER}s"}]
        return msgspec.json.encode(status)


class Intake:
    """Takes requests of one transport into a sink and counts them."""

    def __init__(self, settings: Settings, transport: str) -> None:
        self._settings = settings
        self.books = Books(settings.id, transport, settings.counters)
        self.sink: Sink | None = None  # None: not started

    async def take(
        self, body: bytes, signal: Signal, encoding: Encoding, project: str | None = None
    ) -> bytes:
        """Put a request into the sink. The answer, in the request's encoding.

        Without a `project` a request of several services becomes several payloads; when one of
        them finds no room the whole request is refused, and those before it come twice when the
        sender tries again. Raises RefusedPayload.
        """
        if self.sink is None:
            raise RefusedPayload(503, "shutdown", "not started")
        refused: Counter[DropReason] = Counter()
        try:
            request = await _decoded(body, signal, encoding, project)
            for payload in request.split() if project is None else [request]:
                if payload.count:
                    receipt = await self.sink.accept(payload)
                    for (_, reason), count in receipt.refused.items():
                        refused[reason] += count
                    self._count(payload, receipt)
        except RefusedPayload:
            raise
        except Exception as error:  # noqa: BLE001  its text may quote the request
            self._settings.log.error("a request failed: %s", type(error).__name__)
            raise RefusedPayload(500, "internal", "internal error") from None
        return _answer(signal, encoding, refused)

    def _count(self, payload: OtlpRequest, receipt: Receipt) -> None:
        """As `Books.settle`, without a look at each record."""
        self.books.accept(SHAPES[payload.signal].record, receipt.accepted)
        for (type_, reason), count in receipt.refused.items():
            self.books.refuse(type_, reason, count)
        self.books.repair(payload.repaired)

    def refuse(self, refused: RefusedPayload) -> Refusal:
        """Count a request that is turned away as a whole, and say how."""
        self.books.refuse_request(refused.reason)
        code = _CODES.get(refused.status, _INTERNAL)
        status = 503 if code == UNAVAILABLE else refused.status
        return Refusal(status, code, str(refused))


def authorise(bearer: Secret | None, header: str) -> None:
    """Check an Authorization header. Raises RefusedPayload (401 `auth`)."""
    if bearer is not None:
        wanted = f"Bearer {bearer.reveal()}".encode()
        if not hmac.compare_digest(header.encode("utf-8", "surrogateescape"), wanted):
            raise RefusedPayload(401, "auth", "a bearer token is missing or wrong")


async def _decoded(
    body: bytes, signal: Signal, encoding: Encoding, project: str | None
) -> OtlpRequest:
    decode = OtlpRequest.decode_json if encoding == "json" else OtlpRequest.decode
    return await beside_the_loop(len(body) >= _LARGE[encoding], decode, body, signal, project)


def _answer(signal: Signal, encoding: Encoding, refused: Counter[DropReason]) -> bytes:
    """Success, or partial success with what was refused and why."""
    response_type, rejected = RESPONSES[signal]
    response = response_type()
    if refused:
        setattr(response.partial_success, rejected, refused.total())
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(refused.items()))
        response.partial_success.error_message = f"refused ({reasons})"
    if encoding == "json":
        return encode_json(response)
    encoded: bytes = response.SerializeToString()
    return encoded
