"""The OpenTelemetry protocol: logs, traces and metrics over gRPC and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from ..pipeline.component import Connections, Receiver, ReceiverConfig, Settings, Sink
from ..pipeline.host.memory import in_flight
from ..pipeline.options import Secret, Size
from .budget import Budget
from .otlp_grpc import GrpcConfig, OtlpGrpcServer
from .otlp_http import HttpConfig, OtlpHttpServer


class ProtocolsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which transports are served: those that are written, both when none is."""

    grpc: Annotated[GrpcConfig | None | UnsetType, msgspec.Meta(description="OTLP over gRPC.")] = (
        UNSET
    )
    http: Annotated[HttpConfig | None | UnsetType, msgspec.Meta(description="OTLP over HTTP.")] = (
        UNSET
    )

    def served(self) -> tuple[GrpcConfig | None, HttpConfig | None]:
        """The options of each; None: it is off."""
        if self.grpc is UNSET and self.http is UNSET:
            return GrpcConfig(), HttpConfig()
        return (
            None if self.grpc is UNSET else self.grpc or GrpcConfig(),
            None if self.http is UNSET else self.http or HttpConfig(),
        )


class AuthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What senders must show."""

    bearer: Annotated[
        Secret, msgspec.Meta(description="The token of `Authorization: Bearer <token>`.")
    ]


class OtlpReceiverConfig(ReceiverConfig, frozen=True, kw_only=True):
    """Receives what OpenTelemetry SDKs and collectors send."""

    protocols: Annotated[
        ProtocolsConfig,
        msgspec.Meta(description="`grpc`, `http` or both. One that is not written is off."),
    ] = ProtocolsConfig()
    auth: Annotated[
        AuthConfig | None, msgspec.Meta(description="What senders must show. None: nothing.")
    ] = None
    max_bytes_in_flight: Annotated[
        Size | None,
        msgspec.Meta(
            description="Bytes of all requests being read or judged at one time. By default "
            "256 MiB, or a sixteenth of the memory where that is less."
        ),
    ] = None

    def endpoints(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """See `ReceiverConfig.endpoints`."""
        for name, served in zip(("grpc", "http"), self.protocols.served(), strict=True):
            if served is not None:
                yield ("protocols", name, "endpoint"), served.endpoint

    def build(self, settings: Settings) -> OtlpReceiver:
        """Make the receiver. Opens nothing yet."""
        return OtlpReceiver(self, settings)


class OtlpReceiver(Receiver):
    """Serves OTLP. `grpc_port` and `http_port` are the ports in use, once started."""

    def __init__(self, config: OtlpReceiverConfig, settings: Settings) -> None:
        bearer = config.auth.bearer if config.auth else None
        budget = Budget(in_flight(config.max_bytes_in_flight))
        grpc, http = config.protocols.served()
        self._grpc: OtlpGrpcServer | None = None
        self._http: OtlpHttpServer | None = None
        if grpc is not None:
            self._grpc = OtlpGrpcServer(grpc, settings, bearer, budget)
        if http is not None:
            self._http = OtlpHttpServer(http, settings, bearer, budget)

    @property
    def grpc_port(self) -> int:
        """The port of gRPC; 0 when it is off."""
        return self._grpc.port if self._grpc else 0

    @property
    def http_port(self) -> int:
        """The port of HTTP; 0 when it is off."""
        return self._http.port if self._http else 0

    def connections(self) -> Mapping[str, Connections]:
        """See `Receiver.connections`."""
        servers = {"grpc": self._grpc, "http": self._http}
        return {name: each.connections for name, each in servers.items() if each is not None}

    async def start(self, sink: Sink) -> None:
        """Open both doors or none. Raises OSError."""
        try:
            for server in (self._grpc, self._http):
                if server is not None:
                    await server.start(sink)
        except OSError:
            await self.stop()
            raise

    def take_over(self, predecessor: Receiver) -> None:
        """See `Receiver.take_over`."""
        if not isinstance(predecessor, OtlpReceiver):
            return
        if self._http and predecessor._http:
            self._http.take_over(predecessor._http)
        if self._grpc and predecessor._grpc:
            self._grpc.take_over(predecessor._grpc)

    async def retire(self) -> None:
        """See `Receiver.retire`."""
        ends = [self._grpc.stop()] if self._grpc is not None else []
        if self._http is not None:
            ends.append(self._http.retire())
        await asyncio.gather(*ends)

    async def stop(self) -> None:
        """Refuse new requests and finish those begun. Idempotent."""
        servers = (self._grpc, self._http)
        await asyncio.gather(*(server.stop() for server in servers if server is not None))
