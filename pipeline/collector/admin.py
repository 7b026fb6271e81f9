"""What operators look at: metrics at :8888/metrics and health at :13133."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from ..host.open_files import most_of_operators
from ..http.listening import Listener, serve_at
from ..http.quiet_http import QuietServer
from .operating.health import Health

_GRACE = 60.0  # seconds that an answer may take when it is stopped

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class AdminServer:
    """Small HTTP servers on addresses of their own, apart from the receivers'."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    async def tell_metrics(self, endpoint: str, prometheus: Callable[[], bytes]) -> None:
        """Answer at `host:port` with metrics. Raises OSError."""
        await self._serve(endpoint, {"/metrics": _metrics_handler(prometheus)})

    async def tell_health(self, endpoint: str, of: Health) -> None:
        """Answer at `host:port` with how well a collector is. Raises OSError."""
        health, ready = _health_handler(of.health), _health_handler(of.ready)
        await self._serve(endpoint, {"/": health, "/health": health, "/ready": ready})

    async def _serve(self, endpoint: str, handlers: Mapping[str, Handler]) -> None:
        server = QuietServer(_router(handlers))
        listener, _ = await serve_at(server, endpoint, most_of_operators())
        self._listeners.append(listener)

    async def stop(self) -> None:
        """Close every server."""
        await asyncio.gather(*(each.close(_GRACE) for each in self._listeners))
        self._listeners.clear()


def _router(handlers: Mapping[str, Handler]) -> Handler:
    """Answers GET and HEAD on these paths, 404 and 405 on others."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        handler = handlers.get(request.path)
        if handler is None:
            return web.Response(status=404, text="no such page\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="expected GET\n", headers={"Allow": "GET, HEAD"})
        return await handler(request)

    return handle


def _metrics_handler(prometheus: Callable[[], bytes]) -> Handler:
    """Answers with Prometheus' text format."""

    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            body=prometheus(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return handle


def _health_handler(state: Callable[[], tuple[bool, Mapping[str, object]]]) -> Handler:
    """Answers 200 when healthy, else 503, with the state of every component as JSON."""

    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        healthy, body = state()
        return web.Response(
            status=200 if healthy else 503,
            text=json.dumps(body, indent=2) + "\n",
            content_type="application/json",
        )

    return handle
