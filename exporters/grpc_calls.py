"""One gRPC call to a destination, and what its outcome means for the attempt."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # no annotations
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # no annotations
from grpc import aio

from ..pipeline.errors import ExportFailed
from .http import uninstrumented

# https://opentelemetry.io/docs/specs/otlp/#failures. RESOURCE_EXHAUSTED only with RetryInfo.
_RETRYABLE = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
# With a connection, these may mean that the request arrived and its answer did not.
_UNANSWERED = frozenset({grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})
# Why there is no connection, by what gRPC's own texts say (as of 1.66 and of 1.85), the first that
# fits: in the same words as over HTTP.
_NOT_CONNECTED = (
    ("dns", ("errors resolving", "dns resolution failed")),
    ("certificate", ("certificate_verify_failed", "hostname verification", "peer name")),
    ("tls", ("handshake",)),
    ("connection", ("failed to connect",)),
)
_LONGEST_WAIT = 7 * 86400.0
_TOLD_WITHIN = 1.0  # seconds, until gRPC says that a connection has gone


async def call(
    channel: aio.Channel,
    method: str,
    body: bytes,
    *,
    timeout: float,  # noqa: ASYNC109  gRPC's own: it tells the server
    metadata: tuple[tuple[str, str], ...],
    compression: grpc.Compression,
) -> bytes:
    """What the destination answers within `timeout` seconds, connecting included.

    Raises ExportFailed.
    """
    began, connected = time.monotonic(), False
    try:
        with uninstrumented():
            connected = await _connected(channel, timeout)
            answer: bytes = await channel.unary_unary(method)(
                body,
                timeout=max(began + timeout - time.monotonic(), 0.0),
                metadata=metadata,
                compression=compression,
            )
    except aio.AioRpcError as error:
        wait = _retry_info(error.trailing_metadata())
        # Who says when to come again has answered.
        unclear = connected and wait is None and await _is_unanswered(channel, error.code())
        kind = _kind(error) if connected else _not_connected(error)
        raise _failed(error.code(), kind, wait, connected=connected, unclear=unclear) from None
    except (aio.UsageError, aio.InternalError):  # the channel was closed meanwhile
        raise ExportFailed("connection", retryable=True, unclear=connected) from None
    return answer


async def _connected(channel: aio.Channel, seconds: float) -> bool:
    """Whether there is a connection now: without one, a request that fails has not arrived."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            state = channel.get_state(try_to_connect=True)
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
            return bool(state == grpc.ChannelConnectivity.READY)
    return False


async def _is_unanswered(channel: aio.Channel, code: Any) -> bool:
    """Whether a status may be gRPC's own, with which it stands in for an answer that did not come.

    UNAVAILABLE is also what a server says that cannot take more now. It keeps the connection then;
    where gRPC says so itself the connection has gone, and it tells that a moment later.
    """
    if code != grpc.StatusCode.UNAVAILABLE:
        return code in _UNANSWERED
    try:
        async with asyncio.timeout(_TOLD_WITHIN):
            await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
    except TimeoutError:
        return False
    except (aio.UsageError, aio.InternalError):  # the channel was closed meanwhile
        return True
    return True


def _kind(error: Any) -> str:
    """A status other than OK in a word. Its text may quote what was sent."""
    code = error.code()
    return "timeout" if code == grpc.StatusCode.DEADLINE_EXCEEDED else f"grpc_{code.name.lower()}"


def _not_connected(error: Any) -> str:
    """Why there was no connection, in a word: then the text is gRPC's own, and no answer's."""
    text = (error.details() or "").lower()
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        for kind, signs in _NOT_CONNECTED:
            if any(sign in text for sign in signs):
                return kind
    return _kind(error)


def _failed(
    code: Any, kind: str, wait: float | None, *, connected: bool, unclear: bool
) -> ExportFailed:
    """What a status other than OK means for the attempt."""
    exhausted = code == grpc.StatusCode.RESOURCE_EXHAUSTED and wait is not None
    if code in _RETRYABLE or exhausted:
        answered = connected and not unclear
        return ExportFailed(
            kind, retryable=True, retry_after=wait, unclear=unclear, answered=answered
        )
    return ExportFailed(kind, retryable=False, answered=connected)


def _retry_info(metadata: Any) -> float | None:
    """The seconds of a RetryInfo among the details of a status."""
    try:
        for detail in _details(metadata):
            info = RetryInfo()
            if detail.Unpack(info):
                seconds: float = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
                return min(max(seconds, 0.0), _LONGEST_WAIT)
    except (DecodeError, TypeError):
        return None
    return None


def _details(metadata: Any) -> Iterator[Any]:
    for key, value in metadata or ():
        if key == "grpc-status-details-bin":
            yield from Status.FromString(value).details
