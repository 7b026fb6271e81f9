"""Needles on disk: one SQLite file, in which no value is and from which none can be read.

New needles are added to the end of `fresh`, which costs next to nothing, and joined into `needles`,
in order, when many have come together: a tree of millions is then written once for many of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..sqlite_file import (
    OtherVersion,
    SqliteFile,
    is_empty,
    opened,
    opened_to_read,
    refuse_other_version,
)
from .keys import SHORT_BITS, NeedleKey, is_guessable
from .sealing import SCHEMA as SEAL_SCHEMA
from .sealing import Seal, adds_up, sealed
from .word_filters import FreshWords, WordFilters

HOUR = 3600
VERSION = 0  # of what is kept in the file, and how
_MANY = 500_000  # fresh rows
_AT_ONCE = 500_000  # needles in one question

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL, class TEXT NOT NULL, form TEXT NOT NULL, service TEXT NOT NULL,
    certain INTEGER NOT NULL,
    UNIQUE (destination, class, form, service, certain)
);
CREATE TABLE IF NOT EXISTS needles (
    needle INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series (id),
    first INTEGER NOT NULL, last INTEGER NOT NULL,  -- hours since the epoch
    times INTEGER NOT NULL,                         -- delivered requests that held it
    PRIMARY KEY (needle, series)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fresh (
    needle INTEGER NOT NULL, series INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, times INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (  -- when needles were kept: a row for each run of a collector
    since REAL NOT NULL, until REAL NOT NULL, open INTEGER NOT NULL,
    key TEXT NOT NULL, guessable TEXT NOT NULL, words INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS expired (before INTEGER NOT NULL);
"""


# A list as JSON is bound at once, hundreds of thousands of needles one after the other are not.
_FIND = """
SELECT needles.* FROM json_each(:wanted) AS wanted
    CROSS JOIN needles ON needles.needle = wanted.value  -- in this order: few are wanted, many kept
UNION ALL
SELECT * FROM fresh WHERE needle IN (SELECT value FROM json_each(:wanted))
"""

# The needles that fresh ones will be joined with.
_TO_BE_JOINED = """
SELECT needles.* FROM (SELECT DISTINCT needle, series FROM fresh ORDER BY 1, 2) AS fresh
    CROSS JOIN needles ON needles.needle = fresh.needle AND needles.series = fresh.series
"""


class NeedleSeries(NamedTuple):
    """What needles are kept apart by."""

    destination: str
    class_: str
    form: str
    service: str
    certain: bool = True  # else an attempt ended unclear: the destination may have it


class Needle(NamedTuple):
    """What is kept of one value."""

    needle: int
    series: NeedleSeries
    first: int  # hours since the epoch
    last: int
    times: int


class Kept(NamedTuple):
    """A stretch of time in which needles were kept."""

    since: float
    until: float
    open: bool  # nobody closed it: it goes on, or a crash ended it
    key: str  # the id of the key
    guessable: tuple[str, ...]  # the guessable classes of which some were kept
    words: bool  # whether words were kept too


class NeedleStore(SqliteFile):
    """One connection, for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """For the class methods below."""
        super().__init__(connection)
        self._ids: dict[NeedleSeries, int] = {}
        self._run: int | None = None
        self._seal: Seal | None = None
        self.words = WordFilters(connection)

    @classmethod
    def to_write(cls, path: Path) -> NeedleStore:
        """Open or make the file. Raises sqlite3.Error, OSError."""
        with opened(path) as connection:
            if not is_empty(connection):
                refuse_other_version(connection, path, VERSION)
            connection.executescript(_SCHEMA + SEAL_SCHEMA)
            WordFilters(connection).create()
        return cls(connection)

    @classmethod
    def to_read(cls, path: Path) -> NeedleStore:
        """As `opened_to_read`."""
        return cls(opened_to_read(path, VERSION))

    def begin(
        self,
        key: NeedleKey,
        guessable: Iterable[str],
        now: float,
        *,
        words: bool,
        previous: Iterable[NeedleKey] = (),
    ) -> None:
        """Note that needles are kept from now on, by nobody else.

        Where one of the `previous` keys sealed what is there, or none that is known, it is sealed
        anew, which reads all of it: see `sealed_under`.
        """
        with self._transaction():
            seal = Seal(self._db, key.seal, [each.seal for each in previous])
            seal.rows("kept", removed=self._db.execute("SELECT * FROM kept"))
            self._db.execute("UPDATE kept SET open = 0")
            added = self._db.execute(
                "INSERT INTO kept VALUES (?, ?, 1, ?, ?, ?)",
                (now, now, key.id, " ".join(guessable), words),
            )
            self._run = added.lastrowid
            seal.rows("kept", added=self._db.execute("SELECT * FROM kept"))
            seal.write()
        seal.done()
        self._seal = seal

    def sealed_under(self) -> str | None:
        """The id of the key under which all that is here was sealed; None: under none."""
        found = sealed(self._db)
        return None if found is None else found[0]

    def adds_up(self, keys: Iterable[NeedleKey]) -> bool | None:
        """Whether all is there and as it was sealed; None: under a key that is not among these.

        Reads everything. Raises sqlite3.Error.
        """
        return adds_up(self._db, [each.seal for each in keys])

    def add(
        self,
        needles: Iterable[Needle],
        words: Iterable[FreshWords],
        now: float,
        *,
        closed: bool = False,
    ) -> None:
        """Add, and note that all is kept until now. One transaction; raises sqlite3.Error."""
        with self._sealed() as seal:
            self.words.add(words, seal)
            rows = [
                (each.needle, self._id(each.series), each.first, each.last, each.times)
                for each in needles
            ]
            self._db.executemany("INSERT INTO fresh VALUES (?, ?, ?, ?, ?)", rows)
            seal.needles(added=rows)
            run = "SELECT * FROM kept WHERE rowid = ?"
            seal.rows("kept", removed=self._db.execute(run, (self._run,)))
            self._db.execute(
                "UPDATE kept SET until = ?, open = ? WHERE rowid = ?",
                (now, not closed, self._run),
            )
            seal.rows("kept", added=self._db.execute(run, (self._run,)))

    def join(self, *, few: bool) -> None:
        """Move what is fresh to where it is found soon: when it is much, or `few` will do.

        In transactions of their own; raises sqlite3.Error.
        """
        # Rows are only ever deleted all at once: then the highest number is how many there are.
        amount = self._db.execute("SELECT max(rowid) FROM fresh").fetchone()[0] or 0
        if amount > (0 if few else _MANY):
            self._join()
        if few or self.words.are_many():
            with self._sealed() as seal:
                self.words.join(seal)

    def _join(self) -> None:
        ask = self._db.execute
        with self._sealed() as seal:
            seal.needles(removed=ask(_TO_BE_JOINED))
            joined = ask(
                "INSERT INTO needles SELECT needle, series, min(first), max(last), sum(times)"
                " FROM fresh GROUP BY needle, series ORDER BY needle, series"
                " ON CONFLICT DO UPDATE SET first = min(first, excluded.first),"
                " last = max(last, excluded.last), times = times + excluded.times RETURNING *"
            )
            seal.needles(added=joined, removed=ask("SELECT * FROM fresh"))
            ask("DELETE FROM fresh")

    def forget(self, before: int) -> None:
        """Delete what was last sent before an hour, and note it."""
        ask = self._db.execute
        with self._sealed() as seal:
            seal.needles(removed=ask("DELETE FROM needles WHERE last < ? RETURNING *", (before,)))
            # Not by RETURNING, of which whole numbers among REALs come as integers (SQLite 3.40).
            gone = "FROM kept WHERE NOT open AND until < ?"
            seal.rows("kept", removed=ask(f"SELECT * {gone}", (before * HOUR,)))
            ask(f"DELETE {gone}", (before * HOUR,))
            self.words.forget(before // 24, seal)
            seal.rows("expired", removed=ask("DELETE FROM expired RETURNING *"))
            ask("INSERT INTO expired VALUES (?)", (before,))
            seal.rows("expired", added=[(before,)])

    @contextmanager
    def _sealed(self) -> Iterator[Seal]:
        """A change, and the seal of what comes of it."""
        assert self._seal is not None, "begin() comes first"
        with self._transaction():
            yield self._seal
            self._seal.write()
        self._seal.done()

    def kept(self) -> list[Kept]:
        """When needles were kept, in order."""
        found = self._db.execute("SELECT * FROM kept ORDER BY since").fetchall()
        return [
            Kept(since, until, bool(open_), key, tuple(guessable.split()), bool(words))
            for since, until, open_, key, guessable, words in found
        ]

    def expired(self) -> int:
        """The hour before which nothing is kept; 0: nothing was forgotten yet."""
        found = self._db.execute("SELECT max(before) FROM expired").fetchone()
        return int(found[0] or 0)

    def series(self) -> list[NeedleSeries]:
        """Everything that needles are kept apart by."""
        return list(self._named().values())

    def find(self, needles: NDArray[np.int64]) -> Iterator[Needle]:
        """Those of some that are kept: one for each series, or more where some are fresh."""
        named = self._named()
        needles = np.sort(needles)  # neighbours lie on one page; np.unique is 40 times as slow
        once = np.ones(len(needles), np.bool_)
        once[1:] = needles[1:] != needles[:-1]
        needles = needles[once]
        for start in range(0, len(needles), _AT_ONCE):
            wanted = msgspec.json.encode(needles[start : start + _AT_ONCE].tolist()).decode()
            for needle, series, *rest in self._db.execute(_FIND, {"wanted": wanted}):
                yield Needle(needle, named[series], *rest)

    def short_ones(self) -> dict[tuple[str, str], int]:
        """How many needles that were cut short each destination and class has."""
        named = self._named()
        found: dict[tuple[str, str], set[int]] = {}
        for table in ("needles", "fresh"):
            rows = self._db.execute(
                f"SELECT needle, series FROM {table} WHERE needle BETWEEN 0 AND ?",  # noqa: S608
                (2**SHORT_BITS,),
            )
            for needle, series in rows:
                destination, class_, *_ = named[series]
                if is_guessable(class_):
                    found.setdefault((destination, class_), set()).add(needle)
        return {key: len(needles) for key, needles in found.items()}

    def _named(self) -> dict[int, NeedleSeries]:
        found = self._db.execute(
            "SELECT destination, class, form, service, certain, id FROM series"
        )
        return {
            id_: NeedleSeries(destination, class_, form, service, bool(certain))
            for destination, class_, form, service, certain, id_ in found
        }

    def _id(self, series: NeedleSeries) -> int:
        known = self._ids.get(series)
        if known is None:
            added = self._db.execute(
                "INSERT OR IGNORE INTO series (destination, class, form, service, certain)"
                " VALUES (?, ?, ?, ?, ?) RETURNING *",
                series,
            )
            assert self._seal is not None, "begin() comes first"
            self._seal.rows("series", added=added)
            known = self._db.execute(
                "SELECT id FROM series WHERE destination = ? AND class = ? AND form = ?"
                " AND service = ? AND certain = ?",
                series,
            ).fetchone()[0]
            self._ids[series] = int(known)
        return int(known)

    def _undone(self) -> None:
        self._ids.clear()
        if self._seal is not None:
            self._seal.undone()


def kept_in(path: Path) -> list[Kept]:
    """When needles were kept in a file; never where it cannot be read."""
    try:
        with closing(NeedleStore.to_read(path)) as store:
            return store.kept()
    except (sqlite3.Error, OtherVersion):
        return []
