"""OTLP over gRPC: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc.

Requests are read as bytes and decoded by us. grpcio undoes gzip and deflate, and holds its size
limit to what comes out.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, TypeAlias

import grpc  # type: ignore[import-untyped]  # has no annotations
import msgspec
from grpc import aio

from ..pipeline.component import Connections, Settings, Sink
from ..pipeline.errors import Problem, RefusedPayload
from ..pipeline.host.open_files import connected_to, most_connections
from ..pipeline.http.endpoints import endpoint_problem, listen, split_endpoint
from ..pipeline.options import Secret
from ..pipeline.payloads.otlp_signals import SERVICES, Signal
from .bodies import READ_TIMEOUT
from .budget import Budget
from .connections import MaxConnections
from .otlp_intake import RETRY_AFTER, Intake, Refusal, authorise
from .tls import TlsConfig

# Seconds that requests begun may take when stopping.
_GRACE = 30.0
_HANDSHAKE = 5  # seconds that a connection may take to become one
# Seconds without a call after which a connection is closed, or up to twice as many: more than
# between two exports of an SDK, which for metrics are a minute by default.
_IDLE = 120
# As PEM: the key, the certificate, and the authorities that clients need one of.
_Certificate: TypeAlias = "tuple[bytes, bytes, bytes | None]"
_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class GrpcConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gRPC side of the receiver."""

    endpoint: Annotated[str, msgspec.Meta(description="Where to listen: `host:port`.")] = (
        "localhost:4317"
    )
    max_recv_msg_size_mib: Annotated[
        int, msgspec.Meta(description="The largest message in MiB, decompressed.", ge=1, le=1024)
    ] = 4
    max_connections: MaxConnections = None
    tls: Annotated[TlsConfig | None, msgspec.Meta(description="Serve TLS.")] = None

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        message = endpoint_problem(self.endpoint)
        return [] if message is None else [Problem("endpoint", message)]


class _Listener:
    """A server of grpcio. Its calls go to the last of its doors.

    A server cannot hand its socket to another one, and whoever was connecting to a socket that is
    closed is reset, so the server stays where doors are exchanged.
    """

    def __init__(self, config: GrpcConfig, certificate: _Certificate | None) -> None:
        self._config = config
        self._certificate = certificate
        self.doors: list[OtlpGrpcServer] = []  # the one before the last is to be replaced by it
        self.most = most_connections(config.max_connections)
        self.port = 0  # the port in use, once started
        self._server: aio.Server | None = None

    async def start(self, *, shares_port: bool) -> None:
        """Listen. Raises OSError."""
        server = aio.server(
            options=(
                ("grpc.max_receive_message_length", self._config.max_recv_msg_size_mib << 20),
                ("grpc.so_reuseport", 1),  # so that another server can take over from this one
                ("grpc.max_concurrent_streams", 100),  # a connection
                # Who connects and says nothing is sent away, and does not hold up the end for long.
                ("grpc.server_handshake_timeout_ms", _HANDSHAKE * 1000),
                ("grpc.max_connection_idle_ms", _IDLE * 1000),
                # Who connects beyond it is sent away at once. SDKs take that for UNAVAILABLE.
                ("grpc.max_allowed_incoming_connections", self.most),
            )
        )
        server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.stream_unary_rpc_method_handler(self._handler(signal))}
                )
                for signal, service in SERVICES.items()
            )
        )
        self.port = self._listen(server, shares_port=shares_port)
        self._server = server
        await server.start()

    def _listen(self, server: aio.Server, *, shares_port: bool) -> int:
        endpoint = self._config.endpoint
        if not shares_port:
            # Ports are shared by whoever asks: another process must be told that it is taken.
            for each in listen(endpoint):
                each.close()
        host, port = split_endpoint(endpoint)
        address = f"{host or '[::]'}:{port}" if ":" not in (host or "") else f"[{host}]:{port}"
        bound: int
        try:
            if self._certificate is None:
                bound = server.add_insecure_port(address)
            else:
                # Never `dynamic_ssl_server_credentials`: who connects while it exchanges a
                # certificate may find freed memory (https://github.com/grpc/grpc/issues/36693).
                *pair, authorities = self._certificate
                credentials = grpc.ssl_server_credentials(
                    [tuple(pair)], authorities, require_client_auth=authorities is not None
                )
                bound = server.add_secure_port(address, credentials)
        except RuntimeError:
            what = f"cannot listen on {endpoint}, or with this certificate"
            raise OSError(errno.EADDRNOTAVAIL, what) from None
        return bound

    async def stop(self) -> None:
        """Refuse new requests and finish those begun."""
        if self._server is not None:
            await self._server.stop(_GRACE)

    def _handler(self, signal: Signal) -> Callable[[Any, Any], Awaitable[bytes]]:
        async def export(_: Any, context: aio.ServicerContext) -> bytes:
            return await self.doors[-1].export(signal, context)

        return export


class OtlpGrpcServer:
    """The gRPC side of the receiver."""

    def __init__(
        self, config: GrpcConfig, settings: Settings, bearer: Secret | None, budget: Budget
    ) -> None:
        self._config = config
        self._bearer = bearer
        self._budget = budget
        self._intake = Intake(settings, "grpc")
        self._certificate = _certificate(config.tls) if config.tls is not None else None
        self._listener: _Listener | None = None
        self._shares_port = False
        self.port = 0  # the port in use, once started

    async def start(self, sink: Sink) -> None:
        """Listen. Raises OSError."""
        self._intake.sink = sink
        inherited = self._listener is not None
        listener = self._listener = self._listener or _Listener(self._config, self._certificate)
        listener.doors.append(self)
        if not inherited:
            await listener.start(shares_port=self._shares_port)
        self.port = listener.port

    def take_over(self, other: OtlpGrpcServer) -> None:
        """Take the listener of a server that is to be replaced, or its port. Comes before `start`.

        With another message size or certificate it takes a listener of its own: a client that
        connects at that very moment may be reset, and those that are connected are sent away.
        """
        if other._bound == self._bound:
            self._listener = other._listener
        self._shares_port = other._config.endpoint == self._config.endpoint

    @property
    def _bound(self) -> tuple[object, ...]:
        """What a listener has for life."""
        config = self._config
        most = config.max_connections
        return config.endpoint, config.max_recv_msg_size_mib, most, self._certificate

    @property
    def connections(self) -> Connections:
        """How many it has, and may have. Those of a predecessor on its port are among them."""
        most = self._listener.most if self._listener is not None else 0
        return Connections(connected_to(self.port) if most else 0, most)

    async def stop(self) -> None:
        """Refuse new requests and finish those begun, unless another one answers. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is None or self not in listener.doors:
            return
        if len(listener.doors) > 1:
            listener.doors.remove(self)
        else:
            await listener.stop()

    async def export(self, signal: Signal, context: aio.ServicerContext) -> bytes:
        """Answer one call."""
        # On the wire there is no difference between one message and a stream of one. Asking for
        # the message here is what lets us count the one that was too large to be handed over.
        try:
            return await self._export(signal, context)
        except RefusedPayload as refused:
            refusal = self._intake.refuse(refused)
        await _abort(context, refusal)
        return b""

    async def _export(self, signal: Signal, context: aio.ServicerContext) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        authorise(self._bearer, str(metadata.get("authorization", "")))
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                message = await context.read()
        except TimeoutError:
            raise RefusedPayload(408, "timeout", "the message took too long to arrive") from None
        if not isinstance(message, bytes):
            limit = self._config.max_recv_msg_size_mib
            raise RefusedPayload(413, "too_large", f"no message, or one of more than {limit} MiB")
        with self._budget.hold() as held:
            held.take(len(message))
            return await self._intake.take(message, signal, "protobuf")


def _certificate(tls: TlsConfig) -> _Certificate:
    """What gRPC shows to who connects, and wants to see. Raises ConfigError."""
    tls.context("protocols.grpc.tls")  # gRPC takes any bytes, and refuses connections
    authorities = tls.client_ca_file.path.read_bytes() if tls.client_ca_file is not None else None
    return tls.key_file.path.read_bytes(), tls.cert_file.path.read_bytes(), authorities


async def _abort(context: aio.ServicerContext, refusal: Refusal) -> None:
    """Answer with a status, and with RetryInfo where the sender may try again."""
    trailing: tuple[tuple[str, str | bytes], ...] = ()
    if refusal.retryable:
        trailing = (
            ("grpc-status-details-bin", refusal.encode("protobuf")),
            ("retry-after", str(RETRY_AFTER)),
        )
    # Raises in any case. When grpcio has answered already (the message was too large, the sender
    # went away), that is all that it does. An answer that finds nobody any more is no error:
    # grpcio would log a traceback of it, so that any sender could fill the log.
    with suppress(aio.InternalError):
        await context.abort(_STATUS[refusal.code], refusal.message, trailing)
