"""The server of receivers over HTTP."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from ..pipeline.component import Connections
from ..pipeline.host.seldom import Seldom
from ..pipeline.http.endpoints import listen
from ..pipeline.http.listening import Listener
from ..pipeline.http.quiet_http import QuietServer

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HttpServer:
    """Serves one handler on one endpoint (`host:port`; no host: every interface)."""

    def __init__(
        self,
        handler: Handler,
        endpoint: str,
        *,
        log: logging.Logger,
        most: int,
        tls: ssl.SSLContext | None = None,
        grace: float = 30.0,
        on_refused: Callable[[str], None] | None = None,
        on_closed: Callable[[int], None] | None = None,
    ) -> None:
        """`most` connections at one time; `on_closed` is told how many of them made room.

        `on_refused` is told the reason of what no handler has answered: `tls` and `bad_http` (no
        handler sees it) or `internal` (it failed).
        """
        self._handler = handler
        self._endpoint = endpoint
        self._log = log
        self._tls = tls
        self._grace = grace  # seconds that requests begun may take when stopping
        self._most = most
        self._on_refused = on_refused or (lambda _: None)
        self._on_closed = on_closed or (lambda _: None)
        self._before: Listener | None = None  # of the server that this one replaces
        self._seldom = Seldom()  # that there is no room
        self._sockets: list[socket.socket] = []  # until it listens, and for who replaces it
        self._listener: Listener | None = None
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
            self._before = other._listener

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
        self._listener = Listener(
            server,
            sockets,
            self._most,
            tls=self._tls,
            on_full=self._full,
            on_bad_tls=partial(self._on_refused, "tls"),
            before=self._before,
        )
        self._before = None
        self._listener.start()

    @property
    def connections(self) -> Connections:
        """How many it has, and may have."""
        listener = self._listener
        return Connections(listener.count if listener is not None else 0, self._most)

    def _full(self, closed: int) -> None:
        """Somebody found no room, and so many connections made some."""
        self._on_closed(closed)
        if not self._seldom.is_due():
            return
        what = "those that were idle or slow are closed" if closed else "who connects waits"
        self._log.warning(
            "%s has as many connections as it may (max_connections: %d): %s",
            self._endpoint, self._most, what,
        )  # fmt: skip

    async def retire(self) -> None:
        """Stop listening, but go on answering on connections that there are.

        Each is closed with its next answer, or when nobody has asked for long.
        """
        listener = self._listener
        if listener is None:
            return
        self._last_answers = True
        listener.shut()
        await listener.emptied()
        await self.stop()

    async def stop(self) -> None:
        """Stop listening and finish the requests that have begun. Idempotent."""
        self.stopping = True
        sockets, self._sockets = self._sockets, []
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close(self._grace)
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
