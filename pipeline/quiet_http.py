"""An HTTP server that repeats nothing of what it was sent.

aiohttp's own answers to what it cannot parse quote it, and so does its log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web


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
        if status < 500 and isinstance(self._manager, QuietServer):
            self._manager.on_bad_request()
        if request.writer.output_size > 0:
            raise ConnectionError("a response was begun")
        response = web.json_response({"detail": "bad request" if status < 500 else "error"})
        response.set_status(status)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Say nothing: what fails between requests is the client's connection."""


class QuietServer(web.Server):
    """Serves quiet connections; `on_bad_request` is called for what was not HTTP."""

    on_bad_request: Callable[[], None] = staticmethod(lambda: None)

    def __call__(self) -> web.RequestHandler:
        """A connection of a client."""
        return QuietConnection(self, loop=self._loop, **self._kwargs)
