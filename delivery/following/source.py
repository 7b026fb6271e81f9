"""Where a control document comes from: an address or a file.

The address is asked over a socket of its own, not with an HTTP client library: no redirect, no
proxy of the environment, and nothing for instrumentation of HTTP clients to trace.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import SplitResult, urlencode, urlsplit

from ...pipeline.http.deadlines import Within
from .document import MAX_BYTES, Refused

if TYPE_CHECKING:
    from http.client import HTTPResponse

FetchFailure = Literal[
    "unreachable",  # no answer: no such host, refused, cut off, or too slow
    "bad_answer",  # an answer that is not HTTP, not 200, or a redirect
    "unreadable",  # the file cannot be read
]

# For one answer as a whole, however slowly its bytes come, and however many there are: interim
# answers (1xx) are read without end else.
_PATIENCE = 5.0
_MOST = 2 * MAX_BYTES
_TAG = re.compile(r'"[!#-~]{1,128}"')


class FetchFailed(Exception):  # noqa: N818  the outcome of one attempt
    """There is no document to look at."""

    def __init__(self, kind: FetchFailure) -> None:
        super().__init__(kind)
        self.kind: FetchFailure = kind


class Source(Protocol):
    """Where documents come from. Used by one thread."""

    def fetch(self, report: Mapping[str, str]) -> bytes:
        """The document as it is now. `report` is what the reader says of itself, for whoever
        publishes. Blocks for some seconds at most. Raises FetchFailed, Refused.
        """

    def close(self) -> None:
        """Let go of connections; fetching makes new ones."""


class FileSource:
    """A file that somebody replaces."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, report: Mapping[str, str]) -> bytes:
        """See `Source.fetch`."""
        try:
            with open(self._path, "rb", opener=_opened_at_once) as file:
                data: bytes | None = file.read(MAX_BYTES + 1)
        except OSError:
            raise FetchFailed("unreadable") from None
        if data is None:  # a pipe in which nothing comes
            raise FetchFailed("unreadable")
        return data

    def close(self) -> None:
        """See `Source.close`."""


def _opened_at_once(path: str, flags: int) -> int:
    # Opening a pipe waits for who writes into it, and reading it for what is written.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class HttpSource:
    """An address that is asked over one kept connection, with the tag of what it last gave."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for what is no http(s) address."""
        self._url = _checked(url)
        self._connection: _Connection | None = None
        self._last: tuple[str, bytes] | None = None  # its tag, and the document

    def fetch(self, report: Mapping[str, str]) -> bytes:
        """See `Source.fetch`."""
        kept = self._connection is not None
        try:
            return self._ask(report)
        except FetchFailed:
            if not kept:  # the other side may have closed what was kept
                raise
        return self._ask(report)

    def close(self) -> None:
        """See `Source.close`."""
        if self._connection is not None:
            self._connection.hang_up()
            self._connection = None

    def _ask(self, report: Mapping[str, str]) -> bytes:
        from http.client import HTTPException  # only who follows needs it

        try:
            if self._connection is None:
                self._connection = _Connection(self._url)
            response = self._connection.ask(self._request(report))
            body = response.read(MAX_BYTES + 1)
        except (OSError, ValueError):  # ValueError: a host name that cannot be one
            self.close()
            raise FetchFailed("unreachable") from None
        except HTTPException:
            self.close()
            raise FetchFailed("bad_answer") from None
        if response.will_close or not response.isclosed():
            self.close()
        return self._document(response, body)

    def _document(self, response: HTTPResponse, body: bytes) -> bytes:
        if response.status == 304 and self._last is not None:
            return self._last[1]
        if response.status != 200:
            raise FetchFailed("bad_answer")
        if len(body) > MAX_BYTES:
            raise Refused("too_large")
        if response.length:  # so much was promised and did not come
            raise FetchFailed("bad_answer")
        tag = response.headers.get("ETag", "")
        self._last = (tag, body) if _TAG.fullmatch(tag) else None
        return body

    def _request(self, report: Mapping[str, str]) -> bytes:
        url = self._url
        query = "&".join(filter(None, [url.query, urlencode(report)]))
        lines = [
            f"GET {url.path or '/'}?{query} HTTP/1.1",
            f"Host: {url.netloc.rpartition('@')[2]}",
            "Accept: application/json",
            "User-Agent: errlock",
        ]
        if self._last is not None:
            lines.append(f"If-None-Match: {self._last[0]}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "strict")


class _Connection:
    """A connection whose answers must come as a whole within `_PATIENCE`."""

    def __init__(self, url: SplitResult) -> None:
        assert url.hostname is not None
        port = url.port or (443 if url.scheme == "https" else 80)
        self._socket = socket.create_connection((url.hostname, port), timeout=_PATIENCE)
        if url.scheme == "https":
            import ssl

            try:
                context = ssl.create_default_context()
                self._socket = context.wrap_socket(self._socket, server_hostname=url.hostname)
            except (OSError, ValueError):
                self._socket.close()
                raise

    def ask(self, request: bytes) -> HTTPResponse:
        """Send a request; returns when the head of its answer is there."""
        from http.client import HTTPResponse

        answer = Within(self._socket, time.monotonic() + _PATIENCE, _MOST)
        self._socket.settimeout(_PATIENCE)
        self._socket.sendall(request)
        response = HTTPResponse(answer, method="GET")  # type: ignore[arg-type]  # it only calls makefile
        response.begin()
        return response

    def hang_up(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self._socket.close()


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("expected an http or https address")
    if not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError("expected an address without blanks or letters beyond ASCII")
    if parts.username is not None or parts.fragment:
        raise ValueError("expected an address without user and fragment")
    return parts
