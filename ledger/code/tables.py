"""Where the account keeps what was disclosed of code: names, by day, and no value of a document.

A row is a span of time (a day, later thirty) of one name at one destination, from one service and
environment. There are only so many names of a kind: more are counted as `other`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import msgspec

from ..origins import EMBEDDED
from .names import OTHER, Kind
from .sections import mask, ranges

DAY, MONTH = 86400, 30 * 86400
MOST_NAMES = 10_000  # of a kind
MOST_ROWS = 200_000  # of a day
# Of both, what embedded pipelines leave to the collector: whoever has their token can claim any
# name, and its own must not become `other` for that.
_KEPT = 0.5

SCHEMA = """
CREATE TABLE IF NOT EXISTS code_names (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL,
    UNIQUE (kind, name, detail)
);
CREATE TABLE IF NOT EXISTS code (
    span INTEGER NOT NULL,   -- seconds
    start INTEGER NOT NULL,  -- seconds since the epoch
    destination TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    name INTEGER NOT NULL REFERENCES code_names (id),
    documents INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    lines BLOB,              -- numbers: from, up to and without, from, …; msgpack
    PRIMARY KEY (span, start, destination, service, environment, name)
) WITHOUT ROWID;
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, ...]).decode


class Place(NamedTuple):
    """Of whom something was disclosed, to whom, on which day."""

    day: int
    destination: str
    service: str
    environment: str


class NameKey(NamedTuple):
    """A name with what it is of."""

    kind: Kind
    name: str
    detail: str


@dataclass(slots=True)
class Shown:
    """How often a name was shown, and which lines of the file."""

    documents: int = 0
    first: float = 0.0
    last: float = 0.0
    lines: int = 0  # bits

    def add(self, documents: int, first: float, last: float, lines: int = 0) -> None:
        """Count something more."""
        self.first = min(self.first, first) if self.documents else first
        self.last = max(self.last, last)
        self.documents += documents
        self.lines |= lines


class Row(NamedTuple):
    """A name over a window of time."""

    destination: str
    service: str
    environment: str
    name: NameKey
    shown: Shown


_ADD = """
INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (span, start, destination, service, environment, name) DO UPDATE SET
    documents = documents + excluded.documents,
    first = min(first, excluded.first), last = max(last, excluded.last),
    lines = joined_lines(lines, excluded.lines)
"""
_COMPACT = """
INSERT INTO code SELECT ?, ?, destination, service, environment, name, documents, first, last, lines
FROM code WHERE span = ? AND start >= ? AND start < ?
ON CONFLICT (span, start, destination, service, environment, name) DO UPDATE SET
    documents = documents + excluded.documents,
    first = min(first, excluded.first), last = max(last, excluded.last),
    lines = joined_lines(lines, excluded.lines)
"""
_IN_WINDOW = """
SELECT destination, service, environment, kind, code_names.name, detail,
    documents, first, last, lines
FROM code JOIN code_names ON code_names.id = code.name
WHERE last >= ? AND first < ? AND (? IS NULL OR destination = ?)
ORDER BY 1, 4, 5, 6, 2, 3, start
"""
_OF_SPAN = """
SELECT destination, service, environment, kind, code_names.name, detail,
    documents, first, last, lines
FROM code JOIN code_names ON code_names.id = code.name
WHERE span = ? AND start = ?
ORDER BY 1, 2, 3, 4, 5, 6
"""
_THERE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'code'"


class CodeTables:
    """The tables, in the database of the account. Whoever calls opens and ends transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        connection.create_function("joined_lines", 2, _joined, deterministic=True)
        self._ids: dict[NameKey, int] = {}
        self._names: dict[str, int] = {}  # how many there are of a kind
        self._day = self._left = 0  # so many more rows for a day, at least
        self._full: dict[float, int] = {}  # a day that takes no more, from whom so much is kept

    def reset(self) -> None:
        """Forget what was known of the tables: a transaction was undone."""
        self._ids.clear()
        self._names.clear()
        self._left = 0

    def add(self, shown: Iterable[tuple[Place, NameKey, Shown]]) -> None:
        """Count what was shown. Raises sqlite3.Error."""
        for place, key, each in shown:
            kept = _KEPT if place.service.startswith(EMBEDDED) else 0.0
            name = self._id(key, kept)
            if self._is_full(place.day, kept) and not self._is_there(place, name):
                name = self._id(NameKey(key.kind, OTHER, ""), kept)
            counted = (each.documents, each.first, each.last, pack_lines(each.lines))
            self._db.execute(_ADD, (DAY, *place, name, *counted))

    def rows(self, destination: str | None, since: float, until: float) -> Iterator[Row]:
        """What was shown in a window, to one destination or each: whole days."""
        if not self._db.execute(_THERE).fetchone():
            return  # an older account has none
        found = self._db.execute(_IN_WINDOW, (since, until, destination, destination))
        for about, rows in groupby(found, key=lambda row: row[:6]):
            shown = Shown()
            for *_, documents, first, last, lines in rows:
                shown.add(documents, first, last, unpack_lines(lines))
            name = NameKey(about[3], about[4], about[5])
            yield Row(about[0], about[1], about[2], name, shown)

    def of_span(self, span: int, start: int) -> Iterator[tuple[object, ...]]:
        """The rows of one day, or of thirty that were joined, as they are, in a fixed order."""
        return iter(self._db.execute(_OF_SPAN, (span, start)))

    def documents(self, span: int, start: int) -> dict[str, int]:
        """Their sums by destination."""
        found = self._db.execute(
            "SELECT destination, sum(documents) FROM code WHERE span = ? AND start = ? GROUP BY 1",
            (span, start),
        )
        return {str(destination): int(documents) for destination, documents in found}

    def spans(self) -> list[tuple[int, int]]:
        """How long the spans with rows are, and since when. Also where somebody wrote no number."""
        return self._db.execute(
            "SELECT DISTINCT CAST(span AS INTEGER), CAST(start AS INTEGER) FROM code"
        ).fetchall()

    def ended(self, after: int, until: int) -> list[tuple[int, int]]:
        """Which spans with rows ended after one moment and until another: span and start."""
        found = [
            (span, int(row[0]))
            for span in (DAY, MONTH)
            for row in self._db.execute(
                "SELECT DISTINCT start FROM code WHERE span = ? AND start > ? AND start <= ?",
                (span, after - span, until - span),
            )
        ]
        return sorted(found, key=sum)

    def compact(self, before: int) -> int | None:
        """Join the oldest days into thirty of them. Returns when these begin; None: nothing to do.

        Only such as ended before `before`.
        """
        first = self._db.execute("SELECT min(start) FROM code WHERE span = ?", (DAY,)).fetchone()[0]
        if first is None:
            return None
        start = int(first) // MONTH * MONTH
        if start + MONTH > before:
            return None
        days = (DAY, start, start + MONTH)
        self._db.execute(_COMPACT, (MONTH, start, *days))
        self._db.execute("DELETE FROM code WHERE span = ? AND start >= ? AND start < ?", days)
        return start

    def has_before(self, moment: int) -> bool:
        """Whether any row ends before a moment."""
        found = self._db.execute("SELECT 1 FROM code WHERE start + span <= ? LIMIT 1", (moment,))
        return found.fetchone() is not None

    def forget(self, before: int) -> None:
        """Delete what is older."""
        self._db.execute("DELETE FROM code WHERE start + span <= ?", (before,))
        self._db.execute("DELETE FROM code_names WHERE id NOT IN (SELECT DISTINCT name FROM code)")
        self.reset()

    def _id(self, key: NameKey, kept: float) -> int:
        """Of a name, or of `other` when there are too many of its kind."""
        known = self._ids.get(key) or self._find(key)
        if known is None:
            other = NameKey(key.kind, OTHER, "")
            if key != other and self._count(key.kind) >= MOST_NAMES * (1 - kept):
                return self._id(other, kept)
            known = self._make(key)
        self._ids[key] = known
        return known

    def _find(self, key: NameKey) -> int | None:
        found = self._db.execute(
            "SELECT id FROM code_names WHERE kind = ? AND name = ? AND detail = ?", key
        ).fetchone()
        return None if found is None else int(found[0])

    def _make(self, key: NameKey) -> int:
        self._names[key.kind] = self._count(key.kind) + 1
        made = self._db.execute("INSERT INTO code_names (kind, name, detail) VALUES (?, ?, ?)", key)
        return int(made.lastrowid or 0)

    def _count(self, kind: Kind) -> int:
        """How many names there are of a kind."""
        if not self._names:
            self._names = dict(
                self._db.execute("SELECT kind, count(*) FROM code_names GROUP BY kind").fetchall()
            )
        return self._names.get(kind, 0)

    def _is_full(self, day: int, kept: float) -> bool:
        """Whether a day has too many rows. Asked before each is added; counts them when it must."""
        if day == self._full.get(kept):
            return True
        reserved = MOST_ROWS * kept
        if day != self._day or self._left <= reserved:
            found = self._db.execute(
                "SELECT count(*) FROM code WHERE span = ? AND start = ?", (DAY, day)
            )
            self._day, self._left = day, MOST_ROWS - int(found.fetchone()[0])
            if self._left <= reserved + MOST_ROWS // 100:  # or they would be counted all the time
                self._full[kept] = day
                return True
        self._left -= 1
        return False

    def _is_there(self, place: Place, name: int) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM code WHERE span = ? AND start = ? AND destination = ? AND service = ?"
            " AND environment = ? AND name = ?",
            (DAY, *place, name),
        )
        return found.fetchone() is not None


def pack_lines(bits: int) -> bytes | None:
    """Numbers of lines as they are stored."""
    return _encode(ranges(bits)) if bits else None


def unpack_lines(stored: bytes | None) -> int:
    """The reverse."""
    return mask(_decode(stored)) if stored else 0


def _joined(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None or one == other:
        return other if one is None else one
    return pack_lines(unpack_lines(one) | unpack_lines(other))
