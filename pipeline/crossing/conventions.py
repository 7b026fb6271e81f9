"""What OpenTelemetry's semantic conventions and Sentry's event payload call the same thing.

Sources: opentelemetry.io/docs/specs/semconv (names in use, then the older ones that SDKs still
send) and develop.sentry.dev (event payloads; contexts; logs protocol).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import TypeAlias

from ..payloads.document import Tree

Attributes: TypeAlias = Mapping[str, Tree]

# telemetry.sdk.language to Sentry's platform. The first word for a platform is the one to write.
LANGUAGES = {
    "cpp": "native", "dotnet": "csharp", "elixir": "elixir", "erlang": "elixir", "go": "go",
    "java": "java", "nodejs": "node", "php": "php", "python": "python", "ruby": "ruby",
    "rust": "native", "swift": "cocoa", "webjs": "javascript",
}  # fmt: skip
PLATFORMS = {platform: language for language, platform in reversed(LANGUAGES.items())}

# Levels of Sentry's events and logs by the upper end of their severity numbers.
EVENT_LEVELS = ((8, "debug"), (12, "info"), (16, "warning"), (20, "error"), (24, "fatal"))
LOG_LEVELS = ((4, "trace"), (8, "debug"), (12, "info"), (16, "warn"), (20, "error"), (24, "fatal"))
SEVERITIES = {
    "trace": 1, "debug": 5, "log": 9, "info": 9, "warning": 13, "warn": 13, "error": 17,
    "fatal": 21, "critical": 21,
}  # fmt: skip

# Fields of Sentry's contexts by the attributes of a resource that say the same.
CONTEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "runtime": {
        "name": ("process.runtime.name",),
        "version": ("process.runtime.version",),
        "raw_description": ("process.runtime.description",),
    },
    "os": {
        "name": ("os.name", "os.type"),
        "version": ("os.version",),
        "build": ("os.build_id",),
        "raw_description": ("os.description",),
    },
    "device": {
        "arch": ("host.arch",),
        "model": ("device.model.name",),
        "model_id": ("device.model.identifier",),
        "manufacturer": ("device.manufacturer",),
    },
    "browser": {"name": ("browser.name",), "version": ("browser.version",)},
}
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
SERVER = ("host.name", "service.instance.id")
USER = {
    "id": ("user.id", "enduser.id"),
    "email": ("user.email",),
    "username": ("user.name", "enduser.pseudo.id"),
    "name": ("user.full_name",),
}
METHOD = ("http.request.method", "http.method")
URL = ("url.full", "http.url")
QUERY = ("url.query",)
USER_AGENT = ("user_agent.original", "http.user_agent")
CLIENT = ("client.address", "http.client_ip")
REQUEST_HEADER = "http.request.header."
EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace", "exception.escaped")

_TAG_KEY = re.compile(r"[\w.:-]{1,200}", re.ASCII)
_TAG_VALUE_LENGTH = 200


class Unused:
    """Attributes from which one after the other is taken; what is left can still be told."""

    def __init__(self, attributes: Tree) -> None:
        self._left = dict(attributes) if isinstance(attributes, dict) else {}

    def text(self, *names: str) -> str | None:
        """The first of these that is there, as a text; all of them are taken."""
        found: str | None = None
        for name in names:
            value = self._left.get(name)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                del self._left[name]
                found = found or str(value) or None
        return found

    def value(self, name: str) -> Tree:
        """Take one."""
        return self._left.pop(name, None)

    def peek(self, name: str) -> str:
        """A text that stays."""
        value = self._left.get(name)
        return value if isinstance(value, str) else ""

    def headers(self) -> dict[str, Tree]:
        """Take the captured headers of a request."""
        names = [name for name in self._left if name.startswith(REQUEST_HEADER)]
        taken = {name.removeprefix(REQUEST_HEADER): self._left.pop(name) for name in names}
        return {
            name: ", ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in taken.items()
        }

    def left(self) -> dict[str, Tree]:
        """All that was not taken."""
        return self._left


def level(severity: Tree, text: Tree, levels: tuple[tuple[int, str], ...], default: str) -> str:
    """Sentry's level of a record's severity number, or of its text where it has no number."""
    if not isinstance(severity, int) or not 0 < severity <= 24:
        severity = SEVERITIES.get(text.lower(), 0) if isinstance(text, str) else 0
    return next((name for top, name in levels if 0 < severity <= top), default)


def tags_and_rest(left: Attributes) -> tuple[dict[str, Tree], dict[str, Tree]]:
    """Attributes as Sentry's tags where they fit (short, one line), and those that do not."""
    tags: dict[str, Tree] = {}
    rest: dict[str, Tree] = {}
    for name, value in left.items():
        text = scalar_text(value)
        if (
            text
            and len(text) <= _TAG_VALUE_LENGTH
            and "\n" not in text
            and _TAG_KEY.fullmatch(name)
        ):
            tags[name] = text
        elif value is not None:
            rest[name] = value
    return tags, rest


def scalar_text(value: Tree) -> str | None:
    """A plain value as a tag's text; None for what is not plain."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def is_ip(text: str) -> bool:
    """Whether it is still an address, and not what a policy made of one."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def release(attributes: Unused) -> str | None:
    """`name@version`, as Sentry names releases."""
    version, name = attributes.text("service.version"), attributes.peek("service.name")
    if not version or not name or name.startswith("unknown_service") or "@" in version:
        return version
    return f"{name}@{version}"
