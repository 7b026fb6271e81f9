"""OTLP over HTTP: https://opentelemetry.io/docs/specs/otlp/#otlphttp."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from ..pipeline.component import Connections, Settings, Sink
from ..pipeline.errors import Problem, RefusedPayload
from ..pipeline.host.open_files import most_connections
from ..pipeline.http.endpoints import endpoint_problem
from ..pipeline.options import Secret, Size
from ..pipeline.payloads.otlp_signals import Signal
from .bodies import read_body
from .budget import Budget
from .connections import MaxConnections
from .http import HttpServer
from .otlp_intake import RETRY_AFTER, Encoding, Intake, Refusal, authorise
from .tls import TlsConfig

_ENCODINGS: dict[str, Encoding] = {
    "application/x-protobuf": "protobuf",
    "application/json": "json",
}
_TYPES: dict[Encoding, str] = {encoding: name for name, encoding in _ENCODINGS.items()}


class CorsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Browsers of which pages may send."""

    allowed_origins: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Origins; `*` in one stands for anything."),
    ] = ()
    allowed_headers: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Headers beyond those that every request may have."),
    ] = ()
    max_age: Annotated[
        int, msgspec.Meta(description="Seconds that a browser may remember the answer.", ge=0)
    ] = 7200

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may send."""
        return any(
            re.fullmatch(re.escape(allowed).replace(r"\*", ".*"), origin, re.IGNORECASE)
            for allowed in self.allowed_origins
        )


class HttpConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP side of the receiver."""

    endpoint: Annotated[str, msgspec.Meta(description="Where to listen: `host:port`.")] = (
        "localhost:4318"
    )
    max_request_body_size: Annotated[
        Size, msgspec.Meta(description="The largest body, decompressed.")
    ] = Size("20MiB")
    traces_url_path: Annotated[str, msgspec.Meta(description="The path for traces.")] = "/v1/traces"
    metrics_url_path: Annotated[str, msgspec.Meta(description="The path for metrics.")] = (
        "/v1/metrics"
    )
    logs_url_path: Annotated[str, msgspec.Meta(description="The path for logs.")] = "/v1/logs"
    max_connections: MaxConnections = None
    tls: Annotated[TlsConfig | None, msgspec.Meta(description="Serve TLS.")] = None
    cors: Annotated[CorsConfig | None, msgspec.Meta(description="Let browsers send.")] = None

    @property
    def paths(self) -> dict[str, Signal]:
        """What is sent to which path."""
        return {
            self.traces_url_path: "traces",
            self.metrics_url_path: "metrics",
            self.logs_url_path: "logs",
        }

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        found = []
        if message := endpoint_problem(self.endpoint):
            found.append(Problem("endpoint", message))
        found += [
            Problem(f"{signal}_url_path", "expected a path that begins with /")
            for path, signal in self.paths.items()
            if not path.startswith("/")
        ]
        if len(self.paths) < 3:
            found.append(Problem("", "expected three different url paths"))
        return found


class OtlpHttpDoor:
    """Answers OTLP/HTTP requests, on its own server or as a part of another receiver's."""

    def __init__(self, settings: Settings, *, limit: int, budget: Budget) -> None:
        self.intake = Intake(settings, "http")
        self._limit = limit
        self._budget = budget

    async def answer(
        self,
        request: web.BaseRequest,
        signal: Signal,
        *,
        project: str | None = None,
        bearer: Secret | None = None,
    ) -> web.Response:
        """Take one request; `project` is its project, if something else than its content says so.

        `intake.sink` must have been set. Never raises.
        """
        encoding = _ENCODINGS.get(request.content_type)
        try:
            if request.method != hdrs.METH_POST:
                raise RefusedPayload(405, "method", "expected POST")
            authorise(bearer, request.headers.get(hdrs.AUTHORIZATION, ""))
            if encoding is None:
                known = " or ".join(_ENCODINGS)
                raise RefusedPayload(415, "content_type", f"expected Content-Type {known}")
            with self._budget.hold() as held:
                body = await read_body(request, limit=self._limit, held=held)
                answer = await self.intake.take(body, signal, encoding, project)
        except RefusedPayload as refused:
            return _refused(self.intake.refuse(refused), encoding)
        return web.Response(body=answer, content_type=_TYPES[encoding])


def _refused(refusal: Refusal, encoding: Encoding | None) -> web.Response:
    headers = {}
    if refusal.status == 405:
        headers[hdrs.ALLOW] = hdrs.METH_POST
    if refusal.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    if refusal.retryable:
        headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER)
    if encoding is None:  # nothing says what the sender could read
        return web.Response(
            status=refusal.status, text=refusal.message, headers=headers, content_type="text/plain"
        )
    return web.Response(
        status=refusal.status,
        body=refusal.encode(encoding),
        headers=headers,
        content_type=_TYPES[encoding],
    )


class OtlpHttpServer:
    """The HTTP side of the receiver."""

    def __init__(
        self, config: HttpConfig, settings: Settings, bearer: Secret | None, budget: Budget
    ) -> None:
        self._config = config
        self._bearer = bearer
        self._paths: Mapping[str, Signal] = config.paths
        self._door = OtlpHttpDoor(settings, limit=config.max_request_body_size, budget=budget)
        self._server = HttpServer(
            self._handle,
            config.endpoint,
            log=settings.log,
            most=most_connections(config.max_connections),
            tls=config.tls.context("protocols.http.tls") if config.tls else None,
            on_refused=self._door.intake.books.refuse_request,
            on_closed=self._door.intake.books.close_connections,
        )

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._server.port

    @property
    def connections(self) -> Connections:
        """How many it has, and may have."""
        return self._server.connections

    async def start(self, sink: Sink) -> None:
        """Listen. Raises OSError."""
        self._door.intake.sink = sink
        await self._server.start()

    def take_over(self, other: OtlpHttpServer) -> None:
        """See `HttpServer.take_over`."""
        self._server.take_over(other._server)

    async def retire(self) -> None:
        """See `HttpServer.retire`."""
        await self._server.retire()

    async def stop(self) -> None:
        """Stop listening and finish what has begun. Idempotent."""
        await self._server.stop()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        origin = request.headers.get(hdrs.ORIGIN, "")
        allowed = bool(origin and self._config.cors and self._config.cors.allows(origin))
        signal = self._paths.get(request.path)
        if signal is None:
            unknown = RefusedPayload(404, "path", "no such path")
            response = _refused(self._door.intake.refuse(unknown), None)
        elif allowed and request.method == hdrs.METH_OPTIONS:
            response = self._preflight()
        else:
            response = await self._door.answer(request, signal, bearer=self._bearer)
        if allowed:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.VARY] = hdrs.ORIGIN
        return response

    def _preflight(self) -> web.Response:
        """The answer to a browser that asks before it sends (Fetch, 4.8)."""
        assert self._config.cors is not None
        headers = ("content-type", "content-encoding", "authorization")
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: hdrs.METH_POST,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(
                    (*headers, *self._config.cors.allowed_headers)
                ),
                hdrs.ACCESS_CONTROL_MAX_AGE: str(self._config.cors.max_age),
            },
        )
