"""A forward proxy on the way to a destination: RFC 9110, 9.3.6 (CONNECT) and 11.7 (credentials).

To an `https://` destination it is a tunnel, through which TLS goes to the destination. What is for
an `http://` one the proxy can read.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit

from ..pipeline.errors import Problem
from ..pipeline.options import Secret

DESCRIPTION = (
    "A forward proxy on the way there, with its credentials if it wants some: "
    "`http://user:password@host:port`. Proxies that the environment names are not used."
)
_AUTHORIZATION = "Proxy-Authorization"


class Proxy:
    """Where it is, and what it wants to be told."""

    def __init__(self, proxy_url: Secret) -> None:
        """An option without `proxy_problems`."""
        parts = urlsplit(proxy_url.reveal())
        user, _, place = parts.netloc.rpartition("@")
        self.url = f"http://{place}"
        self._headers: dict[str, str] = {}
        if user:
            credentials = b64encode(unquote(user).encode()).decode()
            self._headers[_AUTHORIZATION] = f"Basic {credentials}"

    def headers_for(self, url: str) -> tuple[dict[str, str], dict[str, str]]:
        """What it is told with a request to this URL, and with the CONNECT that comes before."""
        return ({}, dict(self._headers)) if url.startswith("https:") else (self._headers, {})


def proxy_problems(proxy_url: Secret | None) -> list[Problem]:
    """What is wrong with an option `proxy_url`."""
    if proxy_url is None or _is_proxy(proxy_url.reveal()):
        return []
    return [Problem("proxy_url", "expected http://host:port, or http://user:password@host:port")]


def _is_proxy(url: str) -> bool:
    try:
        parts: SplitResult = urlsplit(url)
        return (
            parts.scheme == "http"
            and bool(parts.hostname)
            and parts.port != 0
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment)
            and url.isprintable()
        )
    except ValueError:
        return False
