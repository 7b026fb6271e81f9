"""What exporters over HTTP share: one attempt to post bytes, and what its outcome means.

Redirects are never followed, the proxies and the netrc of the environment are not used, and nothing
instruments these requests: a destination is what the configuration names, and an export that is
traced would be exported again.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from io import BytesIO
from time import time
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from ..pipeline.errors import ExportFailed
from ..pipeline.http.answers import beginning, connector
from ..pipeline.options import Secret
from .aborting import Attempts, Sockets
from .lookups import Lookups
from .proxy import Proxy
from .tls import TlsConfig

Compression = Literal["gzip", "zstd", "none"]

ANSWER_LIMIT = 64 * 1024  # bytes of an answer that are looked at
_CONNECTIONS = 8
# Seconds that an unused connection is kept: fewer than servers do (gunicorn 2; Node, Apache and
# uvicorn 5). Who sends while the server's word that it closes is on its way has no answer, and
# nobody knows whether the request arrived.
KEPT = 1.0
_PROXY_AUTHENTICATION = 407
RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the destination said. Its body may quote what was sent: never logged or raised."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes | None  # the first ANSWER_LIMIT bytes; None: it broke off, or took too long


class HttpClient:
    """Posts to one destination. Use as: start, post …, stop; or abort, and start again."""

    def __init__(
        self,
        *,
        timeout: float,
        headers: Mapping[str, str],
        tls: TlsConfig | None = None,
        proxy_url: Secret | None = None,
    ) -> None:
        """An attempt may take `timeout` seconds, connecting included; `headers` go with each.

        Raises ConfigError about `tls`.
        """
        self._timeout = timeout
        self._headers = headers
        self._tls = tls.context() if tls is not None else None
        self._name = tls.server_name_override if tls is not None else None
        self._proxy = Proxy(proxy_url) if proxy_url is not None else None
        self._session: aiohttp.ClientSession | None = None
        self._attempts: Attempts | None = None
        self._sockets = Sockets()
        self._lookups = Lookups()

    async def start(self) -> None:
        """Get ready; nothing is connected."""
        self._lookups.open()
        self._attempts = Attempts()
        self._sockets = Sockets()
        self._session = aiohttp.ClientSession(
            connector=connector(
                2 * ANSWER_LIMIT,
                limit=_CONNECTIONS,
                keepalive_timeout=KEPT,
                ssl=self._tls or True,
                socket_factory=self._sockets.make,
                resolver=self._lookups,
            ),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
        )
        # SDKs that instrument aiohttp add theirs to every session: they would put trace headers
        # and breadcrumbs of the application onto what is sent.
        self._session.trace_configs.clear()

    async def stop(self) -> None:
        """Close every connection. Idempotent, safe without start()."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._attempts is not None:
            await self._attempts.closed()
        await self._lookups.close()

    def abort(self) -> None:
        """See `Exporter.abort`."""
        session, self._session = self._session, None
        attempts, sockets = self._attempts, self._sockets  # another thread may start it again
        if attempts is not None:
            attempts.bar()
        sockets.cut()
        if session is not None and attempts is not None:
            attempts.end(session.close)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Make one attempt. Raises ExportFailed (retryable) when there was no answer.

        Cancelling closes the connection.
        """
        session, attempts = self._session, self._attempts
        if attempts is not None:
            attempts.check()
        if session is None or attempts is None:
            raise ExportFailed("not_started", retryable=True)
        async with attempts.one():
            return await self._post(session, url, body, headers)

    async def _post(
        self, session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        sent = _Body(body)
        # Not the session's: those would be told to a proxy in the clear.
        whole = CIMultiDict(self._headers)
        told, connecting = self._proxy.headers_for(url) if self._proxy else ({}, {})
        whole.update({**headers, **told})
        try:
            with uninstrumented():
                async with session.post(
                    url,
                    data=sent,
                    headers=whole,
                    allow_redirects=False,
                    server_hostname=self._name if url.startswith("https:") else None,
                    proxy=self._proxy.url if self._proxy else None,
                    proxy_headers=connecting,
                ) as response:
                    if response.status == _PROXY_AUTHENTICATION:  # no destination says that
                        raise ExportFailed("proxy_407", retryable=True)
                    return Answer(response.status, response.headers, await _body(response))
        except aiohttp.ConnectionTimeoutError:
            raise ExportFailed("timeout", retryable=True) from None
        except TimeoutError:
            raise ExportFailed("timeout", retryable=True, unclear=sent.has_begun) from None
        except aiohttp.ClientConnectorCertificateError:
            raise ExportFailed("certificate", retryable=True) from None
        except aiohttp.ClientConnectorSSLError:
            raise ExportFailed("tls", retryable=True) from None
        except aiohttp.ClientHttpProxyError as refused:
            raise ExportFailed(f"proxy_{refused.status}", retryable=True) from None
        except aiohttp.ClientProxyConnectionError:
            raise ExportFailed("proxy", retryable=True) from None
        except aiohttp.ClientConnectorDNSError:
            raise ExportFailed("dns", retryable=True) from None
        except aiohttp.ClientConnectorError:
            raise ExportFailed("connection", retryable=True) from None
        except (aiohttp.ClientError, OSError):
            raise ExportFailed("connection", retryable=True, unclear=sent.has_begun) from None


class _Body(BytesIO):
    """A body as a file: it is written in pieces, so that a large one does not hold the loop."""

    has_begun = False  # whether any of it may have left

    def read(self, size: int | None = -1, /) -> bytes:
        self.has_begun = True
        return super().read(size)


def compressed(body: bytes, compression: Compression) -> bytes:
    """A body as its Content-Encoding says. Slow for a large one."""
    if compression == "none":
        return body
    if compression == "gzip":
        return gzip.compress(body, compresslevel=6, mtime=0)
    import zstandard

    return zstandard.ZstdCompressor().compress(body)


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """Who answered has answered: what becomes of the body does not change what its head says."""
    try:
        return await beginning(response.content, ANSWER_LIMIT)
    except (aiohttp.ClientError, OSError):
        return None


def failed(answer: Answer, *, retryable: bool | None = None) -> ExportFailed:
    """What an answer other than success means for the attempt.

    `retryable` says whether the same may succeed later, where a protocol has rules of its own.
    """
    status = answer.status
    if retryable is None:
        # A redirect is a fault of the way there, not of the payload: it may be gone next time.
        retryable = status in RETRYABLE or status >= 500 or 300 <= status < 400
    return ExportFailed(
        f"http_{status}",
        retryable=retryable,
        retry_after=retry_after(answer.headers) if retryable else None,
        answered=True,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        if (then := _moment(text)) is None:
            return None
        # By the destination's clock, where it says what it has: ours may be wrong.
        now = _moment(headers.get("Date", ""))
        seconds = then - (time() if now is None else now)
    return min(max(seconds, 0.0), 7 * 86400.0) if seconds == seconds else None


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


@contextmanager
def uninstrumented() -> Iterator[None]:
    """Nothing in this block makes OpenTelemetry spans or metrics."""
    from opentelemetry import context

    # The name is private, but it is the one that every instrumentation asks for.
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        context.detach(token)


def is_url(text: str) -> bool:
    """Whether this is an http or https URL with a host and without credentials."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        ) and parts.port != 0
    except ValueError:
        return False
