"""OTLP over HTTP, to a collector or a backend: https://opentelemetry.io/docs/specs/otlp/#otlphttp."""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import ExportFailed, Problem
from ..pipeline.options import Duration, Secret
from ..pipeline.payloads.document import Payload
from ..pipeline.payloads.otlp import OtlpRequest
from ..pipeline.payloads.otlp_signals import Signal
from .headers import header_problems
from .http import Answer, Compression, HttpClient, compressed, failed, is_url
from .otlp_answer import as_otlp, delivered
from .proxy import DESCRIPTION, proxy_problems
from .tls import TlsConfig

_TYPES = {"proto": "application/x-protobuf", "json": "application/json"}
# https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
_RETRYABLE = frozenset({429, 502, 503, 504})
_SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")


class OtlpHttpExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Sends OTLP over HTTP."""

    endpoint: Annotated[
        str | None,
        msgspec.Meta(description="The URL to which `/v1/logs`, `/v1/traces`, `/v1/metrics` add."),
    ] = None
    logs_endpoint: Annotated[
        str | None, msgspec.Meta(description="The whole URL for logs, instead.")
    ] = None
    traces_endpoint: Annotated[
        str | None, msgspec.Meta(description="The whole URL for traces, instead.")
    ] = None
    metrics_endpoint: Annotated[
        str | None, msgspec.Meta(description="The whole URL for metrics, instead.")
    ] = None
    encoding: Annotated[
        Literal["proto", "json"], msgspec.Meta(description="Protobuf or OTLP's JSON.")
    ] = "proto"
    tls: Annotated[TlsConfig, msgspec.Meta(description="TLS, for https URLs.")] = TlsConfig()
    proxy_url: Annotated[Secret | None, msgspec.Meta(description=DESCRIPTION)] = None
    headers: Annotated[dict[str, Secret], msgspec.Meta(description="Sent with each request.")] = (
        msgspec.field(default_factory=dict)
    )
    compression: Annotated[Compression, msgspec.Meta(description="Of requests.")] = "gzip"
    timeout: Annotated[
        Duration, msgspec.Meta(description="For one attempt, connecting included.")
    ] = Duration("30s")

    def url(self, signal: Signal) -> str | None:
        """Where a signal goes. None: nowhere."""
        own: str | None = getattr(self, f"{signal}_endpoint")
        if own is None and self.endpoint is not None:
            return f"{self.endpoint.rstrip('/')}/v1/{signal}"
        return own

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        fields = ("endpoint", *(f"{signal}_endpoint" for signal in _SIGNALS))
        given = {name: getattr(self, name) for name in fields if getattr(self, name) is not None}
        found = [
            Problem(name, "expected a http or https URL without credentials")
            for name, url in given.items()
            if not is_url(url)
        ]
        if not given:
            found.append(Problem("endpoint", "is missing; expected a http or https URL"))
        found += proxy_problems(self.proxy_url)
        if not self.timeout > 0:
            found.append(Problem("timeout", "expected a duration above 0"))
        found += header_problems(self.headers)
        return found

    def hosts(self) -> list[str]:
        """See `ExporterConfig.hosts`."""
        urls = [url for signal in _SIGNALS if (url := self.url(signal)) is not None]
        return [urlsplit(url).hostname or "" for url in urls]

    def build(self, settings: Settings) -> OtlpHttpExporter:
        """Make the exporter. Opens nothing yet."""
        return OtlpHttpExporter(self)


class OtlpHttpExporter(Exporter):
    """Sends OTLP over HTTP."""

    accepts: ClassVar = ("otlp",)

    def __init__(self, config: OtlpHttpExporterConfig) -> None:
        self._config = config
        headers = {name: value.reveal() for name, value in config.headers.items()}
        self._client = HttpClient(
            timeout=config.timeout, headers=headers, tls=config.tls, proxy_url=config.proxy_url
        )
        self._headers = {"Content-Type": _TYPES[config.encoding]}
        if config.compression != "none":
            self._headers["Content-Encoding"] = config.compression

    async def start(self) -> None:
        """Get ready; nothing is connected."""
        await self._client.start()

    async def stop(self) -> None:
        """Close every connection. Idempotent, safe without start()."""
        await self._client.stop()

    def abort(self) -> None:
        """See `Exporter.abort`."""
        self._client.abort()

    async def export(self, payload: Payload) -> Delivered:
        """Make one attempt. Raises ExportFailed. Cancelling closes the connection."""
        request = as_otlp(payload)
        url = self._config.url(request.signal)
        if url is None:
            return Delivered(0, {"unroutable": request.count_alive})
        body = await asyncio.to_thread(self._body, request)
        answer = await self._client.post(url, body, self._headers)
        if not 200 <= answer.status < 300:
            raise failed(answer, retryable=answer.status in _RETRYABLE)
        return _delivered(request, answer)

    def _body(self, request: OtlpRequest) -> bytes:
        body = request.encode_json() if self._config.encoding == "json" else request.encode()
        return compressed(body, self._config.compression)


def _delivered(request: OtlpRequest, answer: Answer) -> Delivered:
    """What a success says. Real servers answer with another type, too, or with nothing."""
    type_ = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if type_ == "text/html":  # a login page, a proxy's greeting
        raise ExportFailed("not_otlp", retryable=False, answered=True)
    body = answer.body if type_ in _TYPES.values() else b""
    if body is None:  # it may have said that something was rejected
        raise ExportFailed("broken_answer", retryable=True, unclear=True)
    return delivered(request, body, is_json=bool(body) and type_ == _TYPES["json"])
