"""The account on disk: one SQLite file of counts and sketches, no value of any document.

A row is a span of time (a minute, later an hour, then a day) of one series. Rows are only ever
added to: what is booked later for the same span and series is merged into its row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..code.closing import closed_span
from ..code.tables import MONTH, CodeTables, NameKey, Place, Shown
from ..code.tables import SCHEMA as CODE_SCHEMA
from ..origins import EMBEDDED
from ..sqlite_file import SqliteFile, is_empty, opened, opened_to_read, refuse_other_version
from .figures import Figures, Series

# Another number for every change that an older or newer errlock cannot live with.
VERSION = 3

MINUTE, HOUR, DAY = 60, 3600, 86400

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL, type TEXT NOT NULL, service TEXT NOT NULL,
    environment TEXT NOT NULL, policy TEXT NOT NULL,
    class TEXT NOT NULL, form TEXT NOT NULL, detector TEXT NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL,
    UNIQUE (destination, type, service, environment, policy, class, form, detector, outcome, reason)
);
CREATE TABLE IF NOT EXISTS account (
    span INTEGER NOT NULL,   -- seconds
    start INTEGER NOT NULL,  -- seconds since the epoch
    series INTEGER NOT NULL REFERENCES series (id),
    documents INTEGER NOT NULL, occurrences INTEGER NOT NULL, bytes INTEGER NOT NULL,
    unjudged INTEGER NOT NULL, sampled INTEGER NOT NULL,
    first REAL NOT NULL, last REAL NOT NULL,
    sketch BLOB,             -- as `sketches` makes them; NULL: nothing to tell apart
    PRIMARY KEY (span, start, series)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_LABELS = {
    "service": "SELECT DISTINCT service FROM series WHERE ? = (policy LIKE ?)",
    "environment": "SELECT DISTINCT environment FROM series WHERE ? = (policy LIKE ?)",
}


# By when things happened, and by where that was booked: a clock that was ahead and was put right
# left later minutes open, and what an application with a slow clock hands over comes long after.
_TOUCHING = "(last >= :since AND first < :until OR start + span > :since AND start < :until)"
_ROWS = (
    "SELECT span, start, destination, type, service, environment, policy, class, form,"
    " detector, outcome, reason, documents, occurrences, bytes, unjudged, sampled, first,"
    " last, sketch FROM account JOIN series ON series.id = account.series"
)


class Delivered(NamedTuple):
    """Documents that left, the last of each row on one day."""

    destination: str
    day: int  # since the epoch
    first: float  # in seconds since the epoch
    last: float
    documents: int


class Row(NamedTuple):
    """A line of the account."""

    span: int
    start: int
    series: Series
    figures: Figures


class AccountStore(SqliteFile):
    """One connection, for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """For the class methods below."""
        super().__init__(connection)
        self._ids: dict[Series, int] = {}
        self.code = CodeTables(connection)

    @classmethod
    def to_write(cls, path: Path) -> AccountStore:
        """Open or make the file. Raises sqlite3.Error, OSError; OtherVersion among them."""
        with opened(path) as connection:
            if not is_empty(connection):
                refuse_other_version(connection, path, VERSION)
            # All at once: a full disk must not leave a file that nobody can tell the version of.
            connection.executescript(
                f"BEGIN; {_SCHEMA} {CODE_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            )
        return cls(connection)

    @classmethod
    def to_read(cls, path: Path) -> AccountStore:
        """As `opened_to_read`."""
        return cls(opened_to_read(path, VERSION))

    def add(
        self,
        rows: Iterable[tuple[int, Series, Figures]],
        meta: Mapping[str, str | None],
        code: Iterable[tuple[Place, NameKey, Shown]] = (),
    ) -> None:
        """Book minutes, and note something with them; None: a note goes.

        One transaction; raises sqlite3.Error.
        """
        with self._transaction():
            for start, series, figures in rows:
                self._merge(MINUTE, start, self._id(series), figures)
            self.code.add(code)
            for name, value in meta.items():
                if value is None:
                    self._db.execute("DELETE FROM meta WHERE name = ?", (name,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def meta(self, name: str) -> str | None:
        """What was noted."""
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def notes(self, prefix: str) -> dict[str, str]:
        """Everything that was noted under names that begin so."""
        found = self._db.execute(
            "SELECT name, value FROM meta WHERE name >= ? AND name < ?",
            (prefix, prefix + "\U0010ffff"),
        )
        return {str(name): str(value) for name, value in found}

    def labels(
        self, dimension: Literal["service", "environment"], *, embedded: bool = False
    ) -> set[str]:
        """The words that a dimension has so far, of embedded pipelines or of all else."""
        found = self._db.execute(_LABELS[dimension], (embedded, f"{EMBEDDED}%"))
        return {str(row[0]) for row in found}

    def destinations(self) -> set[str]:
        """All that anything is booked of."""
        return {name for (name,) in self._db.execute("SELECT DISTINCT destination FROM series")}

    def rows(self, since: int, until: int, span: int | None = None) -> list[Row]:
        """The rows that begin in a window, in a fixed order; of one span, or of all."""
        # Of one span by its index: a verifier asks for thousands of minutes, one by one.
        where, of = ("span = ? AND", [span]) if span is not None else ("", [])
        found = self._db.execute(
            f"{_ROWS} WHERE {where} start >= ? AND start < ?"
            " ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
            (*of, since, until),
        )
        return [_row(row) for row in found]

    def touching(self, since: int, until: int) -> Iterator[Row]:
        """The rows that may have anything from a window; one by one, in no order."""
        found = self._db.execute(f"{_ROWS} WHERE {_TOUCHING}", _window(since, until))
        return map(_row, found)

    def coarsest(self, since: int, until: int) -> int:
        """The longest span, in seconds, of the rows that `touching` gives; 0: there is none."""
        found = self._db.execute(
            f"SELECT max(span) FROM account WHERE {_TOUCHING}",  # noqa: S608  nothing of anybody's
            _window(since, until),
        )
        return int(found.fetchone()[0] or 0)

    def minutes(self, after: int, before: int) -> list[int]:
        """The minutes in which anything was booked, strictly between two."""
        found = self._db.execute(
            "SELECT DISTINCT start FROM account WHERE span = ? AND start > ? AND start < ?"
            " ORDER BY start",
            (MINUTE, after, before),
        )
        return [int(row[0]) for row in found]

    def sums(self) -> list[tuple[int, int, list[tuple[Series, Figures]]]]:
        """Of rows of more than a minute: span, start, and sums by destination, outcome, reason."""
        found = self._db.execute(
            "SELECT span, start, destination, outcome, reason,"
            " sum(iif(class = '', documents, 0)), sum(occurrences), sum(bytes), sum(unjudged),"
            " sum(sampled) FROM account JOIN series ON series.id = account.series"
            " WHERE span > ? GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
            (MINUTE,),
        )
        sums: dict[tuple[int, int], list[tuple[Series, Figures]]] = {}
        for span, start, destination, outcome, reason, *totals in found:
            series = Series(destination, "", "", "", "", outcome=outcome, reason=reason)
            sums.setdefault((span, start), []).append((series, Figures(*totals)))
        return [(span, start, lines) for (span, start), lines in sums.items()]

    def last_minute(self) -> int:
        """The newest one in which anything was booked; 0: none."""
        found = self._db.execute("SELECT max(start) FROM account WHERE span = ?", (MINUTE,))
        return int(found.fetchone()[0] or 0)

    def compact(self, span: int, into: int, before: int) -> int:
        """Join the oldest rows of a span into rows of a longer one. Returns how many there were.

        One longer row's worth at a time, and only such as ended before `before`.
        """
        oldest = self._db.execute("SELECT min(start) FROM account WHERE span = ?", (span,))
        first = oldest.fetchone()[0]
        if first is None:
            return 0
        start = first // into * into
        if start + into > before:
            return 0
        with self._transaction():
            rows = self._db.execute(
                "DELETE FROM account WHERE span = ? AND start >= ? AND start < ?"
                " RETURNING series, documents, occurrences, bytes, unjudged, sampled, first, last,"
                " sketch",
                (span, start, start + into),
            ).fetchall()
            for series, *figures in rows:
                self._merge(into, start, series, Figures.stored(*figures))
        return len(rows)

    def compact_code(self, before: int, tell: Callable[[dict[str, Any]], object]) -> bool:
        """As `compact`, of what was disclosed of code: days into thirty of them.

        `tell` gets what the journal is to say of these, and nothing is joined if it fails.
        """
        with self._transaction():
            start = self.code.compact(before)
            if start is not None:
                tell(closed_span(self.code, MONTH, start))
        return start is not None

    def documents(self, since: float, until: float, destination: str | None) -> int:
        """How many documents left, or may have, in rows that reach into a window."""
        found = self._db.execute(
            "SELECT coalesce(sum(documents), 0) FROM account"  # noqa: S608  nothing of anybody's
            " JOIN series ON series.id = series"
            " WHERE class = '' AND outcome <> 'withheld'"
            f" AND {_TOUCHING} AND (:destination IS NULL OR destination = :destination)",
            {**_window(since, until), "destination": destination},
        )
        return int(found.fetchone()[0])

    def delivered(self, *, embedded: bool = False) -> Iterator[Delivered]:
        """What left, or may have, through the collector itself, or through embedded pipelines; of
        each destination and day.
        """
        found = self._db.execute(
            "SELECT destination, CAST(last / 86400 AS INTEGER), min(first), max(last),"
            " sum(documents) FROM account JOIN series ON series.id = series"
            " WHERE class = '' AND outcome <> 'withheld' AND ? = (policy LIKE ?)"
            " GROUP BY 1, 2",
            (embedded, f"{EMBEDDED}%"),
        )
        return map(Delivered._make, found)

    def used(self) -> int:
        """Bytes of the file that hold something; the rest will be used again."""
        ask = self._db.execute
        pages = ask("PRAGMA page_count").fetchone()[0] - ask("PRAGMA freelist_count").fetchone()[0]
        return int(pages * ask("PRAGMA page_size").fetchone()[0])

    def has_before(self, moment: int) -> bool:
        """Whether any row ends before a moment."""
        found = self._db.execute("SELECT 1 FROM account WHERE start + span <= ? LIMIT 1", (moment,))
        return found.fetchone() is not None or self.code.has_before(moment)

    def forget(self, before: int) -> None:
        """Delete rows that end before."""
        with self._transaction():
            self._db.execute("DELETE FROM account WHERE start + span <= ?", (before,))
            self._db.execute(
                "DELETE FROM series WHERE id NOT IN (SELECT DISTINCT series FROM account)"
            )
            self._ids.clear()
            self.code.forget(before)

    def _merge(self, span: int, start: int, series: int, figures: Figures) -> None:
        found = self._db.execute(
            "SELECT documents, occurrences, bytes, unjudged, sampled, first, last, sketch"
            " FROM account WHERE span = ? AND start = ? AND series = ?",
            (span, start, series),
        ).fetchone()
        total = Figures()
        if found is not None:
            total = Figures.stored(*found)
        total.merge(figures)
        self._db.execute(
            "INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                span, start, series, total.documents, total.occurrences, total.size,
                total.unjudged, total.sampled, total.first, total.last, total.sealed(),
            ),
        )  # fmt: skip

    def _id(self, series: Series) -> int:
        known = self._ids.get(series)
        if known is None:
            self._db.execute(
                "INSERT OR IGNORE INTO series (destination, type, service, environment, policy,"
                " class, form, detector, outcome, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                series,
            )
            known = self._db.execute(
                "SELECT id FROM series WHERE destination = ? AND type = ? AND service = ?"
                " AND environment = ? AND policy = ? AND class = ? AND form = ? AND detector = ?"
                " AND outcome = ? AND reason = ?",
                series,
            ).fetchone()[0]
            self._ids[series] = int(known)
        return int(known)

    def _undone(self) -> None:
        self._ids.clear()
        self.code.reset()


def _row(row: tuple[Any, ...]) -> Row:
    return Row(row[0], row[1], Series(*row[2:12]), Figures.stored(*row[12:]))


def _window(since: float, until: float) -> dict[str, object]:
    return {"since": since, "until": until}
