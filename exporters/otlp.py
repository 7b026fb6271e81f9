"""OTLP over gRPC, to a collector or a backend: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from functools import partial
from itertools import count
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

import grpc  # type: ignore[import-untyped]  # it has no annotations
import msgspec
from grpc import aio

# Instrumentations replace the functions of `grpc.aio`: they would put trace headers of the
# application onto what is sent, and report each export as something to export.
from grpc.aio import _channel as channels  # type: ignore[import-untyped]  # as above

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import ExportFailed, Problem
from ..pipeline.options import Duration, Secret
from ..pipeline.payloads.document import Payload
from ..pipeline.payloads.otlp_signals import SERVICES
from .aborting import Attempts, aborted, cut_marked
from .grpc_calls import call
from .http import KEPT
from .otlp_answer import as_otlp, delivered
from .tls import TlsConfig

_COMPRESSION = {
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
    "none": grpc.Compression.NoCompression,
}
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # nor those of the environment
    ("grpc.enable_retries", 0),  # retries are the queue's work
    ("grpc.use_local_subchannel_pool", 1),  # another channel is another connection
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.keepalive_time_ms", 24 * 3600 * 1000),  # without it there is no keepalive timeout
)
# gRPC keeps its sockets to itself. It sets TCP_USER_TIMEOUT to the keepalive timeout on each of
# them, which we make different for each channel: by that mark they are found and reset.
_MARKS = count(20_001)  # milliseconds: gRPC's own default, and a little more
_HEADER = re.compile(r"[0-9A-Za-z_.-]+")


class GrpcTlsConfig(TlsConfig, frozen=True, kw_only=True):
    """TLS, or none."""

    insecure: Annotated[
        bool, msgspec.Meta(description="Send in the clear, without TLS. Default: TLS.")
    ] = False

    def problems(self) -> list[Problem]:
        """What is wrong beyond types. Files that are not used may be missing."""
        return [] if self.insecure else TlsConfig.problems(self)


class OtlpExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Sends OTLP over gRPC."""

    endpoint: Annotated[
        str,
        msgspec.Meta(description="`host:port`, or a URL: with `http://` in the clear."),
    ]
    tls: Annotated[GrpcTlsConfig, msgspec.Meta(description="TLS, which is the default.")] = (
        GrpcTlsConfig()
    )
    headers: Annotated[
        dict[str, Secret], msgspec.Meta(description="Sent with each request (gRPC metadata).")
    ] = msgspec.field(default_factory=dict)
    compression: Annotated[
        Literal["gzip", "deflate", "none"], msgspec.Meta(description="Of requests.")
    ] = "gzip"
    timeout: Annotated[
        Duration, msgspec.Meta(description="For one attempt, connecting included.")
    ] = Duration("5s")

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        found = []
        if _target(self.endpoint) is None:
            found.append(Problem("endpoint", "expected host:port or a http(s) URL of these alone"))
        if not self.timeout > 0:
            found.append(Problem("timeout", "expected a duration above 0"))
        found += [
            Problem("headers", "expected names of letters, digits, -, _ and . and values of ASCII")
            for name, value in self.headers.items()
            if not _HEADER.fullmatch(name)
            or name.lower().startswith("grpc-")
            or not (value.reveal().isascii() and value.reveal().isprintable())
        ]
        return found

    def hosts(self) -> list[str]:
        """See `ExporterConfig.hosts`."""
        return [_parts(self.endpoint).hostname or ""]

    def build(self, settings: Settings) -> OtlpExporter:
        """Make the exporter. Opens nothing yet."""
        return OtlpExporter(self)


class OtlpExporter(Exporter):
    """Sends OTLP over gRPC."""

    accepts: ClassVar = ("otlp",)

    def __init__(self, config: OtlpExporterConfig) -> None:
        self._config = config
        self._metadata = tuple(
            (name.lower(), value.reveal()) for name, value in config.headers.items()
        )
        self._credentials = _credentials(config)
        self._channel: aio.Channel | None = None
        self._changing = threading.Lock()  # held while there is another channel, or none
        self._attempts: Attempts | None = None
        self._mark: int | None = None  # of its channels, since its start
        self._under_way = 0
        self._used = 0.0  # when the last call ended, as time.monotonic() tells it

    async def start(self) -> None:
        """Get ready; nothing is connected."""
        self._attempts = Attempts()
        self._mark = next(_MARKS)
        self._used = time.monotonic()
        self._channel = self._opened()

    def _opened(self) -> aio.Channel:
        """A channel, which connects when it is used."""
        target, _ = _target(self._config.endpoint) or ("", False)
        options: tuple[tuple[str, object], ...] = (
            *_OPTIONS,
            ("grpc.keepalive_timeout_ms", self._mark),
        )
        if self._credentials is None:
            return channels.insecure_channel(target, options=options)
        name = self._config.tls.server_name_override
        if name:
            options += (("grpc.ssl_target_name_override", name),)
        return channels.secure_channel(target, self._credentials, options=options)

    async def _fresh(self) -> aio.Channel:
        """The channel, or a new one where it was idle: its server may be closing it just now.

        (gRPC has an option for that, but heeds it once only.)
        """
        idle = self._under_way == 1 and time.monotonic() - self._used > KEPT
        with self._changing:
            old = self._channel
            if old is None:
                raise aborted()
            new = self._channel = self._opened() if idle else old
        if new is not old:
            await old.close()
        return new

    async def stop(self) -> None:
        """Close the connection. Idempotent, safe without start()."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        if self._attempts is not None:
            await self._attempts.closed()

    def abort(self) -> None:
        """See `Exporter.abort`. Where the kernel is not Linux, the connection is only closed."""
        with self._changing:
            channel, self._channel = self._channel, None
        if self._attempts is not None:
            self._attempts.bar()
        self._cut()
        if channel is not None and self._attempts is not None:
            self._attempts.end(partial(self._close, channel))

    async def _close(self, channel: aio.Channel) -> None:
        await channel.close()
        self._cut()  # what it had connected meanwhile

    def _cut(self) -> None:
        if self._mark is not None:
            cut_marked(self._mark, _parts(self._config.endpoint).port or 0)

    async def export(self, payload: Payload) -> Delivered:
        """Make one attempt. Raises ExportFailed. Cancelling resets the request's stream."""
        attempts = self._attempts
        if attempts is not None:
            attempts.check()
        if self._channel is None or attempts is None:
            raise ExportFailed("not_started", retryable=True)
        request = as_otlp(payload)
        body = await asyncio.to_thread(request.encode)
        async with attempts.one():
            answer = await self._call(f"/{SERVICES[request.signal]}/Export", body, attempts)
        return delivered(request, answer)

    async def _call(self, method: str, body: bytes, attempts: Attempts) -> bytes:
        self._under_way += 1  # before the channel is chosen: who comes meanwhile gets the same one
        try:
            channel = await self._fresh()
            attempts.check()
            return await call(
                channel,
                method,
                body,
                timeout=self._config.timeout,
                metadata=self._metadata,
                compression=_COMPRESSION[self._config.compression],
            )
        finally:
            self._under_way -= 1
            self._used = time.monotonic()


def _parts(endpoint: str) -> SplitResult:
    """Raises ValueError."""
    return urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")


def _target(endpoint: str) -> tuple[str, bool] | None:
    """What gRPC connects to, and whether the endpoint says that it is in the clear."""
    try:
        parts = _parts(endpoint)
        if not parts.hostname or not parts.port or parts.username is not None:
            return None
    except ValueError:
        return None
    if parts.scheme not in ("", "http", "https") or parts.path.strip("/") or parts.query:
        return None
    return parts.netloc, parts.scheme == "http"


def _credentials(config: OtlpExporterConfig) -> Any:
    """What a channel shows and trusts; None: it is in the clear. Raises ConfigError."""
    target, tls = _target(config.endpoint), config.tls
    if tls.insecure or (target is not None and target[1]):
        return None
    tls.context()  # gRPC takes any bytes, and finds fault with them at each connection
    files = (tls.ca_file, tls.key_file, tls.cert_file)
    contents = [file.path.read_bytes() if file else None for file in files]
    return grpc.ssl_channel_credentials(*contents)
