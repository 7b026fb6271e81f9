"""An HTTP server that repeats nothing of what it was sent.

aiohttp's own answers to what it cannot parse quote it, and so does its log.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from .endpoints import listen

# How many connections asyncio accepts in one go. Where the process may open no more files it tries
# as often, in vain, and each attempt begins anew a second later: the next second has many times as
# many, until nothing else is done.
_AT_ONCE = 1
_KEEPALIVE = 75.0  # seconds that an idle connection is kept
_WAITING = 128  # connections that the system keeps until they are accepted


async def serve_at(runner: web.ServerRunner, endpoint: str) -> int:
    """Have a server answer at `host:port`; the port in use. Raises OSError.

    asyncio would make the sockets too, but not tell which fault kept it from that.
    """
    sockets = listen(endpoint)
    port = int(sockets[0].getsockname()[1])
    try:
        while sockets:
            await serve_on(runner, sockets[-1])
            sockets.pop()
    finally:
        for each in sockets:  # the runner closes those that it serves
            each.close()
    return port


async def serve_on(
    runner: web.ServerRunner, bound: socket.socket, tls: ssl.SSLContext | None = None
) -> None:
    """Have a server answer at one socket. Raises OSError."""
    await web.SockSite(runner, bound, ssl_context=tls, backlog=_AT_ONCE).start()
    bound.listen(_WAITING)


class QuietConnection(web.RequestHandler):
    """aiohttp's connection, except that errors neither log nor answer with what was received."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with the status alone. The connection is closed."""
        server = self._manager
        assert isinstance(server, QuietServer)
        if status < 500:
            server.on_bad_request()
        if request.writer.output_size > 0:
            raise ConnectionError("a response was begun")
        response = web.json_response(server.trouble(status))
        response.set_status(status)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Say nothing: what fails between requests is the client's connection."""


def _trouble(status: int) -> Mapping[str, str]:
    return {"detail": "bad request" if status < 500 else "error"}


class QuietServer(web.Server):
    """Serves quiet connections; `on_bad_request` is called for what was not HTTP.

    `trouble` makes the JSON that answers it, of the status alone.
    """

    on_bad_request: Callable[[], None] = staticmethod(lambda: None)
    trouble: Callable[[int], Mapping[str, str]] = staticmethod(_trouble)

    def __init__(self, handler: Callable[[web.BaseRequest], Any], **options: Any) -> None:
        """`options` of aiohttp's server."""
        super().__init__(handler, access_log=None, keepalive_timeout=_KEEPALIVE, **options)

    def __call__(self) -> web.RequestHandler:
        """A connection of a client."""
        return QuietConnection(self, loop=self._loop, **self._kwargs)
