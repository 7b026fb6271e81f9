"""Sentry DSNs: `https://PUBLIC_KEY[:SECRET]@HOST[:PORT][/PATH]/PROJECT`.

Source: https://develop.sentry.dev/sdk/foundations/transport/authentication/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Dsn:
    """A DSN taken apart. Its text is never shown: the key lets anyone write to the project."""

    scheme: str
    host: str  # with the port, as written
    path: str  # before the project, without a slash at its end
    project: str
    public_key: str = field(repr=False)
    secret_key: str | None = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Take a DSN apart. Raises ValueError, whose text has nothing of it."""
        expected = "expected a DSN such as https://key@sentry.example/1"
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            raise ValueError(expected) from None
        path, _, project = parts.path.rstrip("/").rpartition("/")
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or not _KEY.fullmatch(parts.username or "")
            or not (parts.password is None or _KEY.fullmatch(parts.password))
            or not _PROJECT.fullmatch(project)
            or port == 0
        ):
            raise ValueError(expected)
        host = parts.netloc.rpartition("@")[2]
        return cls(parts.scheme, host, path, project, parts.username or "", parts.password)

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return urlsplit(f"//{self.host}").hostname or ""

    @property
    def envelope_url(self) -> str:
        """Where envelopes are posted to."""
        return f"{self.scheme}://{self.host}{self.path}/api/{self.project}/envelope/"

    def auth(self, client: str) -> str:
        """The X-Sentry-Auth header of a client named `client`."""
        parts = ["sentry_version=7", f"sentry_client={client}", f"sentry_key={self.public_key}"]
        if self.secret_key:
            parts.append(f"sentry_secret={self.secret_key}")
        return "Sentry " + ", ".join(parts)
