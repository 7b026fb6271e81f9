"""What receivers over HTTP share: a server, the reading of bodies, the bytes in flight.

Nothing of a body is ever written to disk or quoted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Annotated

import msgspec
from aiohttp import web

from ..pipeline.errors import RefusedPayload
from ..pipeline.http.certificates import show
from ..pipeline.http.endpoints import listen
from ..pipeline.http.quiet_http import QuietServer, serve_on
from ..pipeline.options import PemFile
from .decompression import DECOMPRESSORS, BrokenEncoding, Decompressor

READ_TIMEOUT = 60.0  # seconds for a whole body: nobody holds a connection by dripping
_LOOK_EVERY = 0.5  # seconds
_ACCEPTING = 0.25  # seconds that it may take from accepting a connection to serving it

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate for the door."""

    cert_file: Annotated[
        PemFile, msgspec.Meta(description="PEM file of the certificate and its chain.")
    ]
    key_file: Annotated[PemFile, msgspec.Meta(description="PEM file of the private key.")]

    def context(self, section: str) -> ssl.SSLContext:
        """Load both. Raises ConfigError about this section of options."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        show(context, self.cert_file, self.key_file, section)
        return context


class Budget:
    """Bounds the bytes of all bodies that are read or being worked on at one time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def hold(self) -> Held:
        """A share of the budget, given back at the end of the `with` block."""
        return Held(self)


class Held:
    """What one request holds of a budget."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def take(self, size: int) -> None:
        """Hold more. Raises RefusedPayload (429, `busy`; 413, `too_large`) without room for it."""
        if self._size + size > self._budget.limit:  # nor would there be any later
            raise _too_large(self._budget.limit)
        if self._budget.used + size > self._budget.limit:
            raise RefusedPayload(429, "busy", "too many bytes in flight")
        self._budget.used += size
        self._size += size

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._budget.used -= self._size
        self._size = 0


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
        raise _too_large(limit)
    await _ask_for_body(request)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout):
            async for data in request.content.iter_any():
                for piece in (data,) if decompressor is None else decompressor.feed(data):
                    if len(body) + len(piece) > limit:
                        raise _too_large(limit)
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


def _too_large(limit: int) -> RefusedPayload:
    return RefusedPayload(413, "too_large", f"the body has more than {limit} bytes")


class HttpServer:
    """Serves one handler on one endpoint (`host:port`; no host: every interface)."""

    def __init__(
        self,
        handler: Handler,
        endpoint: str,
        *,
        log: logging.Logger,
        tls: ssl.SSLContext | None = None,
        grace: float = 30.0,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        """`on_refused` is told the reason of what no handler has answered: `bad_http` (no handler
        sees it) or `internal` (it failed).
        """
        self._handler = handler
        self._endpoint = endpoint
        self._log = log
        self._tls = tls
        self._grace = grace  # seconds that requests begun may take when stopping
        self._on_refused = on_refused or (lambda _: None)
        self._runner: web.ServerRunner | None = None
        self._sockets: list[socket.socket] = []
        self._last_answers = False
        self.stopping = False
        self.port = 0  # the port in use, once started

    def take_over(self, other: HttpServer) -> None:
        """Listen on the sockets of a server that is to be replaced, if it has the same endpoint.

        Comes before `start`. Who is connecting just then is served by either: with sockets of
        its own, the other one would reset them when it closes.
        """
        if other._endpoint == self._endpoint:
            self._sockets = [each.dup() for each in other._sockets if each.fileno() >= 0]

    async def start(self) -> None:
        """Listen. Raises OSError."""
        sockets = self._sockets = self._sockets or listen(self._endpoint)
        self.port = sockets[0].getsockname()[1]
        server = QuietServer(
            self._handle,
            auto_decompress=False,  # read_body does it, with limits
            lingering_time=1.0,  # a body that was refused is read so long, for the answer to arrive
        )
        server.on_bad_request = partial(self._on_refused, "bad_http")
        self._runner = web.ServerRunner(server, shutdown_timeout=self._grace)
        await self._runner.setup()
        for each in sockets:
            await serve_on(self._runner, each, self._tls)

    async def retire(self) -> None:
        """Stop listening, but go on answering on connections that there are.

        Each is closed with its next answer, or when nobody has asked for long.
        """
        runner = self._runner
        server = runner.server if runner is not None else None
        if runner is None or server is None:
            return
        self._last_answers = True
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            loop.remove_reader(each)
        # A connection that was accepted and is not yet served would be reset with its listener.
        await asyncio.sleep(_ACCEPTING)
        for site in list(runner.sites):
            await site.stop()
        while True:
            # The server tells nobody when a connection ends, and those that it has just accepted
            # are not there yet.
            await asyncio.sleep(_LOOK_EVERY)
            if self.stopping or not server.connections:
                break
        await self.stop()

    async def stop(self) -> None:
        """Stop listening and finish the requests that have begun. Idempotent."""
        self.stopping = True
        sockets, self._sockets = self._sockets, []
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        for each in sockets:  # those of a server that never came to listen
            each.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._handler(request)
        except Exception as error:  # noqa: BLE001  its text may quote the request: only its type is told
            self._log.error("a request handler failed: %s", type(error).__name__)
            self._on_refused("internal")
            response = web.json_response({"detail": "internal error"}, status=500)
        if self._last_answers:
            response.force_close()
        response.headers["Server"] = "errlock"  # not which Python and aiohttp
        return response
