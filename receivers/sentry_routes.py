"""The endpoints of Sentry's ingestion that errlock offers, and which web pages may use them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from ..pipeline.errors import RefusedPayload

Kind = Literal[
    "envelope",
    "store",
    "report",  # of a browser: CSP, Expect-CT, …
    "nel",  # network errors, of a browser
    "cron",
    "otlp",
    "crash",  # read and discarded
    "attachments",  # refused
]
_KINDS: dict[str, Kind] = {
    "envelope": "envelope",
    "tunnel": "envelope",
    "store": "store",
    "security": "report",
    "csp-report": "report",
    "nel": "nel",
    "minidump": "crash",
    "playstation": "crash",
    "unreal": "crash",
    "cron": "cron",
    "events": "attachments",
    "otlp": "otlp",
}
_PATHS = re.compile(
    r"/api/(?:(?P<project>[^/]+)/)?(?:"
    r"(?P<plain>envelope|store|security|csp-report|nel|minidump|playstation)"
    r"|(?P<unreal>unreal)/(?P<unreal_key>[^/]+)"
    r"|(?P<cron>cron)/(?P<slug>[^/]+)(?:/(?P<cron_key>[^/]+))?"
    r"|(?P<events>events)/[^/]+/attachments"
    r"|(?:integration/)?(?P<otlp>otlp)/v1/(?P<signal>traces|logs)"
    r")/?|/(?P<tunnel>tunnel)/?"
)


@dataclass(frozen=True, slots=True)
class Route:
    """What a path asks for."""

    kind: Kind
    project: str | None  # the id in the path
    key: str | None  # the public key in the path
    slug: str  # of a monitor
    signal: Literal["traces", "logs"]  # of OTLP


def route(path: str, method: str) -> Route:
    """The route of a request. Raises RefusedPayload: 404 `not_found`, 405 `method`."""
    found = _PATHS.fullmatch(path)
    if found is None:
        raise RefusedPayload(404, "not_found", "no such endpoint")
    names = ("plain", "unreal", "cron", "events", "otlp", "tunnel")
    kind = _KINDS[next(found[name] for name in names if found[name])]
    if method not in ("POST", "OPTIONS") and not (kind == "cron" and method in ("GET", "PUT")):
        raise RefusedPayload(405, "method", "method not allowed")
    return Route(
        kind,
        found["project"],
        found["unreal_key"] or found["cron_key"],
        found["slug"] or "",
        "logs" if found["signal"] == "logs" else "traces",
    )


class Pages:
    """Web pages that may send, and what their browsers are told (Fetch standard, 3.2)."""

    _EXPOSED = "x-sentry-error, x-sentry-rate-limits, retry-after"

    def __init__(self, origins: Sequence[str]) -> None:
        """`*` among the origins stands for every one."""
        self._origins = origins

    def check(self, request: web.BaseRequest) -> None:
        """Raises RefusedPayload (403 `origin`) when a page sends that may not."""
        origin = request.headers.get("Origin")
        if origin is not None and not self._may(origin):
            raise RefusedPayload(403, "origin", "this origin may not send")

    def preflight(self) -> web.Response:
        """The answer to a browser that asks before it sends."""
        return web.Response(
            headers={
                "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
                "Access-Control-Allow-Headers": "x-sentry-auth, x-requested-with, "
                "x-forwarded-for, origin, referer, accept, content-type, authentication, "
                "authorization, content-encoding, transfer-encoding, baggage, sentry-trace, "
                "traceparent",
                "Access-Control-Max-Age": "3600",
            }
        )

    def open(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Let the page that sent the request read the answer."""
        origin = request.headers.get("Origin")
        if origin is not None and self._may(origin):
            response.headers["Access-Control-Allow-Origin"] = (
                "*" if "*" in self._origins else origin
            )
            response.headers["Access-Control-Expose-Headers"] = self._EXPOSED
            response.headers["Vary"] = "Origin"

    def _may(self, origin: str) -> bool:
        return "*" in self._origins or origin in self._origins
