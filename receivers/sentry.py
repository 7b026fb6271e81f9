"""Takes what Sentry SDKs send, on the endpoints of Sentry's own ingestion.

Answers and limits are Relay's where not said otherwise. Answers never quote a request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import time
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
from aiohttp import web

from ..pipeline.component import Connections, Receipt, Receiver, ReceiverConfig, Settings, Sink
from ..pipeline.errors import Problem, RefusedPayload
from ..pipeline.host.memory import in_flight
from ..pipeline.host.open_files import most_connections
from ..pipeline.http.endpoints import split_endpoint
from ..pipeline.options import Duration, Size
from ..pipeline.payloads.envelope import Envelope
from ..pipeline.payloads.envelope_sizes import SIZES
from . import sentry_requests as requests
from .bodies import beside_the_loop, read_body
from .books import Books
from .budget import Budget, Held
from .connections import MaxConnections
from .http import HttpServer
from .sentry_admission import Pressure, check
from .sentry_arrival import client_address, correct_clock, put_in_address
from .sentry_auth import ProjectConfig, Projects, key_in_dsn, key_of
from .sentry_routes import Pages, Route, route
from .tls import TlsConfig

if TYPE_CHECKING:
    from .otlp_http import OtlpHttpDoor

EVENT_LIMIT = SIZES["event"]
CHECK_IN_LIMIT = SIZES["check_in"]
# How long errors wait for room, in seconds, and how often they look.
PATIENCE, INTERVAL = 5.0, 0.1
LARGE = 64 * 1024  # bytes that take a noticeable time to read


class SentryReceiverConfig(ReceiverConfig, frozen=True, kw_only=True):
    """Receives from Sentry SDKs: point their DSN here."""

    endpoint: Annotated[
        str, msgspec.Meta(description="host:port to listen on; without a host, every interface.")
    ] = "localhost:9000"
    projects: Annotated[
        dict[str, ProjectConfig],
        msgspec.Meta(
            description="Who may send, by project name. Once one is listed, others are refused; "
            "with none, every project and key is taken and the id is the name."
        ),
    ] = msgspec.field(default_factory=dict)
    accept_any_key: Annotated[
        bool,
        msgspec.Meta(
            description="Allow an endpoint that other machines reach without listing projects."
        ),
    ] = False
    tls: Annotated[
        TlsConfig | None, msgspec.Meta(description="Serve HTTPS with this certificate.")
    ] = None
    allowed_origins: Annotated[
        list[str],
        msgspec.Meta(description="Origins of web pages that may send; '*' is every one."),
    ] = msgspec.field(default_factory=lambda: ["*"])
    trusted_proxies: Annotated[
        list[str],
        msgspec.Meta(description="Networks whose X-Forwarded-For is believed, such as 10.0.0.0/8."),
    ] = msgspec.field(default_factory=list)
    max_envelope_size: Annotated[
        Size, msgspec.Meta(description="The largest body that is taken, after decompression.")
    ] = Size("20MiB")
    max_bytes_in_flight: Annotated[
        Size | None,
        msgspec.Meta(
            description="The largest sum of bodies that are being worked on. By default "
            "256 MiB, or a sixteenth of the memory where that is less."
        ),
    ] = None
    max_connections: MaxConnections = None
    read_timeout: Annotated[
        Duration, msgspec.Meta(description="How long a body may take to arrive.")
    ] = Duration("60s")

    def endpoints(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """See `ReceiverConfig.endpoints`."""
        yield ("endpoint",), self.endpoint

    def problems(self) -> Iterable[Problem]:
        """See `ComponentConfig.problems`."""
        try:
            host, _ = split_endpoint(self.endpoint)
        except ValueError as error:
            yield Problem("endpoint", str(error))
        else:
            if not (self.projects or self.accept_any_key or _is_local(host)):
                yield Problem(
                    "projects",
                    "list who may send, because other machines reach this endpoint, "
                    "or set accept_any_key: true",
                )
        for index, network in enumerate(self.trusted_proxies):
            if _network(network) is None:
                yield Problem(f"trusted_proxies[{index}]", "expected a network such as 10.0.0.0/8")
        keys = Counter(key for project in self.projects.values() for key in project.keys)
        for name, project in self.projects.items():
            if any(keys[key] > 1 for key in project.keys):
                yield Problem(f"projects.{name}.keys", "a key is listed more than once")
            for index, key in enumerate(project.keys):
                if not key.reveal().isprintable() or " " in key.reveal():
                    # No SDK could send it, and each would be refused.
                    what = "expected one line without blanks, as in the DSN"
                    yield Problem(f"projects.{name}.keys[{index}]", what)
        if self.read_timeout <= 0:
            yield Problem("read_timeout", "expected more than 0")

    def build(self, settings: Settings) -> SentryReceiver:
        """See `ReceiverConfig.build`."""
        return SentryReceiver(self, settings)


def _is_local(host: str | None) -> bool:
    try:
        return host == "localhost" or (host is not None and ip_address(host).is_loopback)
    except ValueError:
        return False


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


class SentryReceiver(Receiver):
    """See the module."""

    def __init__(self, config: SentryReceiverConfig, settings: Settings) -> None:
        self._config = config
        self._books = Books(settings.id, "http", settings.counters)
        self._projects = Projects(config.projects)
        self._proxies = [each for each in map(_network, config.trusted_proxies) if each]
        self._budget = Budget(in_flight(config.max_bytes_in_flight))
        self._pressure = Pressure()
        self._pages = Pages(config.allowed_origins)
        self._settings = settings
        self._server = HttpServer(
            self._answer,
            config.endpoint,
            log=settings.log,
            most=most_connections(config.max_connections),
            tls=config.tls.context("tls") if config.tls else None,
            on_refused=self._books.refuse_request,
            on_closed=self._books.close_connections,
        )
        self._sink: Sink | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._server.port

    @cached_property
    def _otlp(self) -> OtlpHttpDoor:
        """Takes OTLP. Made when the first request comes, because protobuf is slow to import."""
        from .otlp_http import OtlpHttpDoor

        door = OtlpHttpDoor(
            self._settings, limit=self._config.max_envelope_size, budget=self._budget
        )
        door.intake.sink = self._sink
        return door

    async def start(self, sink: Sink) -> None:
        """See `Receiver.start`."""
        self._sink = sink
        await self._server.start()

    def take_over(self, predecessor: Receiver) -> None:
        """See `Receiver.take_over`."""
        if isinstance(predecessor, SentryReceiver):
            self._server.take_over(predecessor._server)

    async def retire(self) -> None:
        """See `Receiver.retire`."""
        await self._server.retire()

    def connections(self) -> Mapping[str, Connections]:
        """See `Receiver.connections`."""
        return {"http": self._server.connections}

    async def stop(self) -> None:
        """See `Receiver.stop`."""
        await self._server.stop()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, refusals included."""
        try:
            response = await self._route(request)
        except RefusedPayload as refused:
            self._books.refuse_request(refused.reason)
            if refused.reason == "busy":
                self._pressure.seen()
            response = web.json_response({"detail": str(refused)}, status=refused.status)
        if (limits := self._pressure.header) is not None:
            response.headers["X-Sentry-Rate-Limits"] = limits
        self._pages.open(request, response)
        return response

    async def _route(self, request: web.BaseRequest) -> web.Response:
        asked = route(request.path, request.method)
        self._pages.check(request)
        if request.method == "OPTIONS":
            return self._pages.preflight()
        if self._server.stopping:
            raise RefusedPayload(503, "shutdown", "shutting down")
        key = asked.key or key_of(request)
        # Who uses a tunnel stands in the envelope: then its body has to be read first.
        tunnel = key is None and asked.kind == "envelope"
        project = "" if tunnel else self._projects.name(asked.project, key)
        if asked.kind == "crash":
            return await self._discard(request)
        if asked.kind == "attachments":
            raise RefusedPayload(
                403, "unsupported", "attachments are taken together with their event only"
            )
        if asked.kind == "otlp":
            return await self._otlp.answer(request, asked.signal, project=project)
        with self._budget.hold() as held:
            envelope = await self._read(request, asked, held)
            if tunnel:
                id_, key = key_in_dsn(envelope.dsn)
                project = self._projects.name(asked.project or id_, key)
            envelope.project = project
            return await self._take(request, envelope)

    async def _take(self, request: web.BaseRequest, envelope: Envelope) -> web.Response:
        await beside_the_loop(
            envelope.size >= LARGE,
            _complete,
            envelope,
            client_address(request, self._proxies),
            request.headers.get("User-Agent"),
        )
        event_id = envelope.headers.event_id
        self._books.settle(envelope, await self._accept(envelope))
        return web.json_response({"id": event_id} if event_id else {})

    async def _read(self, request: web.BaseRequest, asked: Route, held: Held) -> Envelope:
        limit = int(self._config.max_envelope_size)
        if asked.kind != "envelope":
            limit = CHECK_IN_LIMIT if asked.kind == "cron" else EVENT_LIMIT
        body = await read_body(request, limit=limit, held=held, timeout=self._config.read_timeout)
        is_large = len(body) >= LARGE
        return await beside_the_loop(is_large, _decode, body, asked, limit, request.query)

    async def _discard(self, request: web.BaseRequest) -> web.Response:
        """Read a crash report without keeping any of it. Clients expect 200, as Relay answers."""
        size = 0
        try:
            async with asyncio.timeout(self._config.read_timeout):
                async for data in request.content.iter_any():
                    size += len(data)
                    if size > self._config.max_envelope_size:
                        break
        except (TimeoutError, web.RequestPayloadError, OSError):
            raise RefusedPayload(400, "incomplete", "the body did not arrive") from None
        self._books.refuse("unknown", "unsupported", 1)
        return web.Response(text=str(uuid4()))

    async def _accept(self, envelope: Envelope) -> Receipt:
        """Put it into the sink; errors wait a while for room. Raises RefusedPayload."""
        assert self._sink is not None
        documents = len(envelope.documents)
        waited = 0.0
        while True:
            for type_, amount in self._pressure.shed(envelope).items():
                self._books.refuse(type_, "rate_limited", amount)
            if documents and not envelope.alive:
                raise RefusedPayload(429, "shed", "too busy for documents of this kind")
            try:
                return await self._sink.accept(envelope)
            except RefusedPayload as refused:
                if refused.status != 429:
                    raise
                self._pressure.seen()
                if waited >= PATIENCE:
                    raise
            await asyncio.sleep(INTERVAL)
            waited += INTERVAL


def _decode(body: bytes, asked: Route, limit: int, query: Mapping[str, str]) -> Envelope:
    """A body as an envelope. Raises RefusedPayload."""
    received = time()
    if asked.kind == "store":
        return requests.store(body, limit, received)
    if asked.kind == "cron":
        return requests.cron(body, asked.slug, query, received)
    if asked.kind in ("report", "nel"):
        return requests.security(body, asked.kind, query, received)
    return Envelope.decode(body, "", received)


def _complete(envelope: Envelope, address: str | None, user_agent: str | None) -> None:
    """Apply the limits, and put in what the connection tells. Raises RefusedPayload."""
    check(envelope)
    correct_clock(envelope)
    put_in_address(envelope, address, user_agent)
