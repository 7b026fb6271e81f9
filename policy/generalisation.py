"""Coarser values: what is left of a value when it must stay useful without being exact.

Two kinds: classes that a detector finds (an IP address becomes its network), and things that are
not sensitive as such but tell too much together (timestamps as data, ids in URLs, literals in
SQL). The second kind is found here; its findings are of a class `coarse.*`, which loses every
overlap against a real class.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .forks import at_first_use
from .linear import compile_linear
from .placeholders import placeholder

COARSE = "coarse."
HOME = COARSE + "home"  # the owner of a home folder in a path

_HOME = compile_linear(
    r"(?:/home/|/Users/|(?i:[a-z]:[/\\]+users[/\\]+)|(?i:documents and settings)[/\\]+)"
    r"([^/\\\s\"':<>|{}]+)[/\\]"
)
_TIMESTAMP = compile_linear(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
)
_URL_PATH = compile_linear(
    r"(?:https?://[^\s\"'/?#]+|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) |^)(/[^\s\"'?#<>]+)"
)
_ID_SEGMENT = compile_linear(
    r"(?i)/([0-9]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64})"
    r"(?:/|$)"
)
_SQL = compile_linear(r"(?i)^\s*(?:select|insert|update|delete|with|merge|replace)\s")
_SQL_LITERAL = compile_linear(r"('(?:[^']|'')*')|(?:^|[\s(,=<>+*/-])([0-9]+(?:\.[0-9]+)?)\b")
_ID = compile_linear(
    r"(?i)(?:^|[^\w*])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}|[0-9]{4,})\b"
)
_USER_AGENT = compile_linear(r"Mozilla/5\.0 \([^()]*\)[^\r\n\"]*")
_FAMILIES = (
    ("Edge", "Edg"), ("Opera", "OPR/"), ("Samsung Internet", "SamsungBrowser"),
    ("Firefox", "Firefox/"), ("Firefox", "FxiOS"), ("Chrome", "CriOS"), ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
)  # fmt: skip


@dataclass(frozen=True)
class Generaliser:
    """How coarse each kind of value becomes. What is not switched on is left to other parts."""

    v4: int | None = 24
    v6: int | None = 48
    emails: bool = True
    timestamps: bool = False
    paths: bool = False
    routes: bool = False
    sql: bool = False
    user_agents: bool = False
    ids: bool = False
    bands: tuple[tuple[str, int], ...] = ()
    rules: tuple[tuple[str, str], ...] = field(default=())

    @property
    def looks_into_texts(self) -> bool:
        """Whether `spans` may find anything."""
        return (
            self.timestamps or self.paths or self.routes or self.sql or self.user_agents
            or self.ids or bool(self.rules or self.bands)
        )  # fmt: skip

    def claims(self, class_: str) -> bool:
        """Whether a class is made coarser here."""
        if class_.startswith(COARSE):
            return True
        return (class_ == "pii.ip" and self.v4 is not None) or (
            class_ == "pii.email" and self.emails
        )

    def coarse(self, class_: str, value: str) -> str | None:
        """The coarser value; None when there is no telling what it would be."""
        if class_ == "pii.ip":
            return self.network(value)
        if class_ == "pii.email":
            return _domain(value)
        kind = class_.removeprefix(COARSE)
        if kind == "timestamp":
            return f"{value[:13]}:00" + (":00" if len(value) > 16 else "")
        if kind == "user_agent":
            return next((name for name, sign in _FAMILIES if sign in value), "browser")
        if kind.startswith("band."):
            return _band(value, int(kind.removeprefix("band.")))
        if kind.startswith("rule."):
            number = int(kind.removeprefix("rule."))
            return str(self._patterns[number].sub(self.rules[number][1], value))
        return {"route": "{id}", "sql": "?", "id": "<id>", "home": "user"}.get(kind)

    def network(self, value: str, *, bare: bool = False) -> str | None:
        """The network of an address; `bare`: without the prefix length."""
        host, _, given = value.strip("[] ").partition("/")
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return None
        prefix = self.v4 if address.version == 4 else self.v6
        assert prefix is not None  # claims() said so
        if given.isdigit():
            prefix = min(prefix, int(given))
        network = ipaddress.ip_network((address, prefix), strict=False)
        return str(network.network_address) if bare else str(network)

    def spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What this makes coarser in a text though no detector finds it: place and class."""
        if self.timestamps:
            for match in _TIMESTAMP.finditer(text):
                yield *match.span(), COARSE + "timestamp"
        if self.routes:
            yield from _routes(text)
        if self.sql and _SQL.search(text):
            for match in _SQL_LITERAL.finditer(text):
                yield *match.span(1 if match[1] is not None else 2), COARSE + "sql"
        if self.user_agents and "Mozilla/5.0 (" in text:
            for match in _USER_AGENT.finditer(text):
                yield *match.span(), COARSE + "user_agent"
        if self.ids:
            for match in _ID.finditer(text):
                yield *match.span(1), COARSE + "id"
        if self.paths:
            for match in _HOME.finditer(text):
                yield *match.span(1), HOME
        for number, pattern in enumerate(self._patterns):
            for match in pattern.finditer(text):
                if match.start() < match.end():
                    yield *match.span(), f"{COARSE}rule.{number}"

    def band(self, key: str) -> str | None:
        """The class of a number under a key that bands were asked for."""
        width = self._bands.get(key.casefold())
        return None if width is None else f"{COARSE}band.{width}"

    @at_first_use
    def _patterns(self) -> list[Any]:
        return [compile_linear(pattern) for pattern, _ in self.rules]

    @at_first_use
    def _bands(self) -> dict[str, int]:
        return {key.casefold(): width for key, width in self.bands}


def _routes(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _URL_PATH.finditer(text):
        start, end = match.span(1)
        path = text[start:end]
        at = 0
        # Neighbouring ids share a slash, so the search goes on from the end of the segment.
        while (found := _ID_SEGMENT.search(path, at)) is not None:
            yield start + found.start(1), start + found.end(1), COARSE + "route"
            at = found.end(1)


def _domain(value: str) -> str | None:
    _, at, domain = value.strip().rpartition("@")
    domain = domain.casefold().strip("<>\"' ")
    # Without the placeholder, what stands before it in the text could be read as a local part.
    return f"{placeholder('pii.email')}@{domain}" if at and domain else None


def _band(value: str, width: int) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return None
    low = int(number // width) * width
    return f"{low}-{low + width - 1}"
