"""The server of receivers over HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from ..pipeline.http.endpoints import listen
from ..pipeline.http.quiet_http import QuietServer, serve_on

_LOOK_EVERY = 0.5  # seconds
_ACCEPTING = 0.25  # seconds that it may take from accepting a connection to serving it

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


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
