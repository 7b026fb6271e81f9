"""Reads the bodies of HTTP requests. Nothing of one is ever written to disk or quoted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from aiohttp import web

from ..pipeline.errors import RefusedPayload
from .budget import Held, too_large
from .decompression import DECOMPRESSORS, BrokenEncoding, Decompressor

P = ParamSpec("P")
T = TypeVar("T")

READ_TIMEOUT = 60.0  # seconds for a whole body: nobody holds a connection by dripping


async def read_body(
    request: web.BaseRequest,
    *,
    limit: int,
    held: Held | None = None,
    timeout: float = READ_TIMEOUT,  # noqa: ASYNC109  the refusal is ours, not a TimeoutError
) -> bytes:
    """Read a body and undo its content encoding; `limit` is on the bytes that come out.

    Raises RefusedPayload: 413 `too_large`, 415 `encoding`, 400 `broken_encoding`, 400 `incomplete`,
    408 `timeout`, 429 `busy`. The server must not undo encodings itself: HttpServer does not.
    """
    decompressor = _decompressor(request)
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    await _ask_for_body(request)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout):
            async for data in request.content.iter_any():
                for piece in (data,) if decompressor is None else decompressor.feed(data):
                    if len(body) + len(piece) > limit:
                        raise too_large(limit)
                    if held is not None:
                        held.take(len(piece))
                    body += piece
        if decompressor is not None:
            decompressor.finish()
    except BrokenEncoding:
        raise RefusedPayload(
            400, "broken_encoding", "the body is not what its Content-Encoding says"
        ) from None
    except TimeoutError:
        raise RefusedPayload(408, "timeout", "the body took too long to arrive") from None
    except (web.RequestPayloadError, OSError):
        raise RefusedPayload(400, "incomplete", "the body ended early or is badly framed") from None
    return bytes(body)


async def beside_the_loop(is_large: bool, work: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """What work on a body gives; done in a thread where it would hold up everybody else."""
    if is_large:
        return await asyncio.to_thread(work, *args, **kw)
    return work(*args, **kw)


async def _ask_for_body(request: web.BaseRequest) -> None:
    """Tell a client that waits for it to go on; curl does with large bodies (RFC 9110, 10.1.1)."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # it is no part of the answer


def _decompressor(request: web.BaseRequest) -> Decompressor | None:
    """What undoes the request's Content-Encoding. None: nothing to undo."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in DECOMPRESSORS:
        known = ", ".join(sorted(DECOMPRESSORS.keys() - {"x-gzip"}))
        raise RefusedPayload(415, "encoding", f"unknown Content-Encoding; known: {known}")
    return DECOMPRESSORS[encoding]()
