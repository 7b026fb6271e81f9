"""Delivers envelopes to backends that speak the Sentry protocol.

Sentry (SaaS and self-hosted), Bugsink, GlitchTip. Each attempt is one POST of one envelope to the
DSN that the configuration names for the payload's project.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from time import time
from typing import Annotated, ClassVar, Literal

import msgspec

from ..pipeline.component import Delivered, Exporter, ExporterConfig, Settings
from ..pipeline.errors import DropReason, ExportFailed, Problem
from ..pipeline.options import Duration, Secret
from ..pipeline.payloads.document import DocumentType, Payload
from ..pipeline.payloads.document import Protocol as PayloadProtocol
from ..pipeline.payloads.envelope import Envelope
from .dsn import Dsn
from .headers import header_problems
from .http import Compression, HttpClient, compressed, failed
from .proxy import DESCRIPTION, proxy_problems
from .sentry_limits import CATEGORIES, RateLimits
from .tls import TlsConfig

Backend = Literal["sentry", "bugsink", "glitchtip"]
SentryType = Literal[
    "event", "transaction", "span", "log", "metric", "check_in", "feedback", "user_report",
    "raw_security", "session", "sessions", "client_report", "attachment",
]  # fmt: skip

# What each backend stores. Bugsink and GlitchTip answer 200 to other kinds and throw them away, so
# that "delivered" would be a lie: these are left out and counted.
# Bugsink 2.6: https://www.bugsink.com/docs/sdk-recommendations/, and tried in 2026-11.
# GlitchTip: SupportedItemType in its apps/event_ingest/schema.py, read in 2026-11. These are what
# 4 and 5 have, too; 6 has user_report, feedback and (GLITCHTIP_ENABLE_LOGS) log besides.
STORED: Mapping[Backend, frozenset[DocumentType]] = {
    "sentry": frozenset(CATEGORIES),
    "bugsink": frozenset({"event"}),
    "glitchtip": frozenset({"event", "transaction"}),
}
# Headers that this exporter writes itself.
OWN_HEADERS = frozenset(
    {"x-sentry-auth", "authorization", "content-type", "content-encoding", "content-length", "host"}
)


class SentryExporterConfig(ExporterConfig, frozen=True, kw_only=True):
    """Sends to Sentry (SaaS, self-hosted), Bugsink or GlitchTip."""

    dsn: Annotated[
        Secret | None, msgspec.Meta(description="The DSN that documents of every project go to.")
    ] = None
    projects: Annotated[
        dict[str, Secret],
        msgspec.Meta(
            description="A DSN for each project name; '*' for all that are not listed. "
            "Documents of a project without a home are dropped as `unroutable`."
        ),
    ] = msgspec.field(default_factory=dict)
    backend: Annotated[
        Backend,
        msgspec.Meta(
            description="What answers there. Kinds of documents that it does not store are left "
            "out and counted as `unsupported`."
        ),
    ] = "sentry"
    types: Annotated[
        list[SentryType] | None,
        msgspec.Meta(description="The kinds of documents to send, instead of the backend's."),
    ] = None
    compression: Annotated[
        Compression,
        msgspec.Meta(
            description="How bodies are compressed. Bugsink and GlitchTip before 6 know no zstd."
        ),
    ] = "gzip"
    timeout: Annotated[
        Duration, msgspec.Meta(description="How long one attempt may take, connecting included.")
    ] = Duration("30s")
    tls: Annotated[TlsConfig, msgspec.Meta(description="TLS, for https DSNs.")] = TlsConfig()
    proxy_url: Annotated[Secret | None, msgspec.Meta(description=DESCRIPTION)] = None
    headers: Annotated[
        dict[str, Secret],
        msgspec.Meta(description="Further headers, for a proxy in front of the backend."),
    ] = msgspec.field(default_factory=dict)

    def problems(self) -> Iterable[Problem]:
        """See `ComponentConfig.problems`."""
        if self.dsn is None and not self.projects:
            yield Problem("", "expected dsn, or projects with a DSN each")
        if self.dsn is not None and self.projects:
            yield Problem("dsn", "with projects, write it there as '*'")
        if self.dsn is not None:
            yield from _dsn_problem("dsn", self.dsn)
        for name, dsn in self.projects.items():
            yield from _dsn_problem(f"projects.{name}", dsn)
        yield from proxy_problems(self.proxy_url)
        if self.timeout <= 0:
            yield Problem("timeout", "expected more than 0")
        yield from header_problems(self.headers)
        for name in self.headers:
            if name.lower() in OWN_HEADERS:
                yield Problem(f"headers.{name}", "is written by this exporter itself")

    def hosts(self) -> Iterable[str]:
        """See `ExporterConfig.hosts`."""
        for dsn in [self.dsn] if self.dsn is not None else self.projects.values():
            yield Dsn.parse(dsn.reveal()).hostname

    def build(self, settings: Settings) -> SentryExporter:
        """See `ExporterConfig.build`."""
        return SentryExporter(self)


def _dsn_problem(path: str, dsn: Secret) -> Iterable[Problem]:
    try:
        Dsn.parse(dsn.reveal())
    except ValueError as error:
        yield Problem(path, str(error))


# A DSN that was revoked or mistyped: the payload is not to blame. It waits, within the bounds of
# its queue, until a person has mended the configuration.
WRONG_DOOR = (401, 403, 404)


class Home:
    """Where the documents of a project go, and what that place does not take right now."""

    def __init__(self, dsn: Dsn) -> None:
        self.dsn = dsn
        self.limits = RateLimits()


class SentryExporter(Exporter):
    """See the module. Limits are kept per DSN, until the process ends."""

    accepts: ClassVar[Sequence[PayloadProtocol]] = ("sentry",)

    def __init__(self, config: SentryExporterConfig) -> None:
        texts = {"*": config.dsn} if config.dsn is not None else config.projects
        dsns = {name: Dsn.parse(text.reveal()) for name, text in texts.items()}
        homes = {dsn: Home(dsn) for dsn in dsns.values()}
        self._homes = {name: homes[dsn] for name, dsn in dsns.items()}
        self._stored: frozenset[DocumentType] = (
            frozenset(config.types) if config.types else STORED[config.backend]
        )
        self._compression = config.compression
        self._agent = f"errlock/{version('errlock')}"
        self._client = HttpClient(
            timeout=config.timeout,
            headers={
                "User-Agent": self._agent,
                **{name: value.reveal() for name, value in config.headers.items()},
            },
            tls=config.tls,
            proxy_url=config.proxy_url,
        )

    async def start(self) -> None:
        """See `Exporter.start`."""
        await self._client.start()

    async def stop(self) -> None:
        """See `Exporter.stop`."""
        await self._client.stop()

    def abort(self) -> None:
        """See `Exporter.abort`."""
        self._client.abort()

    async def export(self, payload: Payload) -> Delivered:
        """See `Exporter.export`. Marks what it left out as dropped, when the attempt succeeded."""
        assert isinstance(payload, Envelope)
        home = self._homes.get(payload.project) or self._homes.get("*")
        outgoing = payload.copy()
        for document in outgoing.alive:
            if home is None:
                document.dropped = "unroutable"
            elif document.type not in self._stored:
                document.dropped = "unsupported"
        if home is not None and outgoing.alive:
            self._leave_out_limited(outgoing, home)
            await self._post(outgoing, home)
        return _settle(payload, outgoing)

    @staticmethod
    def _leave_out_limited(outgoing: Envelope, home: Home) -> None:
        """Leave out what the destination does not take now; raise if that is everything.

        A payload is sent once: when a part of it can go now, the rest is not kept back for later.
        """
        waits = {id(each): home.limits.wait(each.type) for each in outgoing.alive}
        if all(waits.values()):
            raise ExportFailed(
                "rate_limited",
                retryable=True,
                retry_after=max(waits.values()),
                reason="rate_limited",
                payload_only=True,
            )
        for document in outgoing.alive:
            if waits[id(document)]:
                document.dropped = "rate_limited"

    async def _post(self, outgoing: Envelope, home: Home) -> None:
        """One attempt. Raises ExportFailed."""
        body = await asyncio.to_thread(self._body, outgoing, home)
        if not outgoing.alive:  # encoding dropped the last one
            return
        headers = {
            "Content-Type": "application/x-sentry-envelope",
            "X-Sentry-Auth": home.dsn.auth(self._agent),
        }
        if self._compression != "none":
            headers["Content-Encoding"] = self._compression
        answer = await self._client.post(home.dsn.envelope_url, body, headers)
        home.limits.learn(answer)
        if answer.status == 429:
            wait = max(home.limits.wait(each.type) for each in outgoing.alive)
            raise ExportFailed(
                "http_429",
                retryable=True,
                retry_after=wait or None,
                reason="rate_limited",
                payload_only=wait > 0,
                answered=True,
            )
        if answer.status in WRONG_DOOR:
            raise ExportFailed(f"http_{answer.status}", retryable=True, answered=True)
        if not 200 <= answer.status < 300:
            raise failed(answer)

    def _body(self, outgoing: Envelope, home: Home) -> bytes:
        """What is posted: slow to make for a large one, so not on the event loop."""
        body = outgoing.encode(sent_at=time(), public_key=home.dsn.public_key)
        return compressed(body, self._compression)


def _settle(payload: Envelope, outgoing: Envelope) -> Delivered:
    """Say what became of each document, and mark those that were left out."""
    dropped: Counter[DropReason] = Counter()
    accepted = 0
    for document, sent in zip(payload.documents, outgoing.documents, strict=True):
        if document.lost is not None:
            continue
        if sent.lost is None:
            accepted += 1
        else:
            dropped[sent.lost] += 1
    for document, sent in zip(payload.documents, outgoing.documents, strict=True):
        document.dropped = document.dropped or sent.dropped
    return Delivered(accepted, dropped)
