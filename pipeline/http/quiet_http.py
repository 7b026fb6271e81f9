"""An HTTP server that repeats nothing of what it was sent.

aiohttp's own answers to what it cannot parse quote it, and so does its log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

_KEEPALIVE = 75.0  # seconds that an idle connection is kept


class QuietConnection(web.RequestHandler):
    """aiohttp's connection, except that errors neither log nor answer with what was received.

    It knows what it is doing: `asked` is the request that it is about, if any, and `since` when
    that began, or how long nobody has asked for anything, by the event loop's clock. `has_asked`:
    there was one before.
    """

    __slots__ = ("asked", "has_asked", "since")

    def __init__(self, manager: QuietServer, **options: Any) -> None:
        super().__init__(manager, **options)
        self.asked: web.BaseRequest | None = None
        self.has_asked = False
        self.since: float = self._loop.time()

    @property
    def is_sent(self) -> bool:
        """Whether its request is still on its way here."""
        return self.asked is not None and not self.asked.content.is_eof()

    def turn_to(self, request: web.BaseRequest | None) -> None:
        """Be about this request from now on."""
        self.has_asked = self.asked is not None
        self.asked, self.since = request, self._loop.time()

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

    `trouble` makes the JSON that answers it, of the status alone. `on_gone` is told of each
    connection that has ended. While `is_crowded`, connections end with their answers: who is told
    so leaves by itself, and who is sent away may just be sending.
    """

    on_bad_request: Callable[[], None] = staticmethod(lambda: None)
    trouble: Callable[[int], Mapping[str, str]] = staticmethod(_trouble)
    on_gone: Callable[[QuietConnection], None] = staticmethod(lambda _: None)
    is_crowded: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, handler: Callable[[web.BaseRequest], Any], **options: Any) -> None:
        """`options` of aiohttp's server."""
        super().__init__(self._handle, access_log=None, keepalive_timeout=_KEEPALIVE, **options)
        self._handler = handler

    def __call__(self) -> QuietConnection:
        """A connection of a client."""
        return QuietConnection(self, loop=self._loop, **self._kwargs)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, QuietConnection)
        connection.turn_to(request)
        try:
            response: web.StreamResponse = await self._handler(request)
        finally:
            connection.turn_to(None)
        if self.is_crowded():
            response.force_close()
        return response

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """A connection has ended: its file is closed right after this."""
        super().connection_lost(handler, exc)
        assert isinstance(handler, QuietConnection)
        self.on_gone(handler)
