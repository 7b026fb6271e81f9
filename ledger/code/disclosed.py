"""Which weaknesses could they have learned? What a destination was shown of the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .names import Kind
from .sections import mask, ranges
from .tables import CodeTables


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A name that a destination was shown by one service in one environment."""

    destination: str
    service: str
    environment: str
    kind: Kind
    name: str  # `other`: names beyond those that are kept, or what has not the form of a name
    detail: str  # a version, a method, a kind of database, whose file, where it was raised
    documents: int  # that named it, in the days (later: spans of thirty) that touch the window
    first: float
    last: float
    lines: tuple[int, ...] = ()  # of a file, that were shown: from, up to and without, from, …

    @property
    def line_count(self) -> int:
        """How many different lines of the file were shown."""
        return sum(self.lines[1::2]) - sum(self.lines[::2])


def disclosed(
    tables: CodeTables, destination: str | None, since: float, until: float
) -> Iterator[Disclosed]:
    """What was shown to a destination (None: to each) in a window, sorted by kind and name.

    It is kept by the day: what began before the window and went on in it is counted from its
    beginning. Raises sqlite3.Error.
    """
    for row in tables.rows(destination, since, until):
        yield Disclosed(
            row.destination, row.service, row.environment, *row.name,
            row.shown.documents, row.shown.first, row.shown.last, ranges(row.shown.lines),
        )  # fmt: skip


def together(rows: Iterable[Disclosed]) -> list[Disclosed]:
    """What several collectors showed of the same service, in the order of one."""
    found: dict[tuple[str, ...], Disclosed] = {}
    for row in rows:
        key = (row.destination, row.kind, row.name, row.detail, row.service, row.environment)
        found[key] = _and(found[key], row) if key in found else row
    return [found[key] for key in sorted(found)]


def _and(one: Disclosed, other: Disclosed) -> Disclosed:
    return replace(
        one,
        documents=one.documents + other.documents,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        lines=ranges(mask(one.lines) | mask(other.lines)),
    )
