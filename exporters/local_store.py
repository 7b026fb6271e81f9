"""The embedded store: sanitised documents in one SQLite file, for people to look at."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..pipeline.payloads.document import Tree

FILE_NAME = "local.sqlite3"
# Where documents are when nothing says where: in the working directory.
DEFAULT_FOLDER = "errlock-data"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received REAL NOT NULL,
    stored REAL NOT NULL,
    project TEXT NOT NULL,
    protocol TEXT NOT NULL,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    trace_id TEXT,
    event_id TEXT,
    json TEXT NOT NULL,
    contexts TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS documents_stored ON documents (stored);
CREATE INDEX IF NOT EXISTS documents_event_id ON documents (event_id);
CREATE INDEX IF NOT EXISTS documents_trace_id ON documents (trace_id);
"""
_SUMMARY = "id, received, project, protocol, type, title, trace_id, event_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """What is written of one document."""

    received: float
    project: str
    protocol: str
    type: str
    title: str
    trace_id: str | None
    event_id: str | None
    json: bytes
    contexts: bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """A stored document without its content."""

    id: int
    received: float  # when its request came in, seconds since the epoch
    project: str
    protocol: str
    type: str
    title: str
    trace_id: str | None
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Stored(Summary):
    """A stored document: its tree, and those of its contexts, each as `{"type": …, "tree": …}`."""

    json: str
    contexts: str

    @property
    def tree(self) -> Tree:
        """The decoded document."""
        return msgspec.json.decode(self.json)  # type: ignore[no-any-return]  # JSON is a tree


class LocalStore:
    """Reads the store of a folder. Safe while a collector writes to it; empty if there is none."""

    def __init__(self, folder: Path | str = DEFAULT_FOLDER) -> None:
        self.path = Path(folder) / FILE_NAME

    # `list` comes last: in the class its name would hide the type's.
    def get(self, id_: int) -> Stored | None:
        """One document with its content."""
        query = f"SELECT {_SUMMARY}, json, contexts FROM documents WHERE id = ?"  # noqa: S608  ours
        rows = self._rows(query, [id_])
        return next((Stored(*row) for row in rows), None)

    def search(
        self,
        text: str = "",
        *,
        type: str | None = None,  # noqa: A002  the word of the column
        project: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Sequence[Summary]:
        """Those that have `text` in title or content, or as trace or event id; newest first.

        Upper and lower case of ASCII letters are the same. `before` is an id: only older ones.
        """
        where, values = _conditions(text, type, project)
        if before is not None:
            where, values = f"{where} AND id < ?", [*values, before]
        # Only column names and placeholders are put together here.
        query = f"SELECT {_SUMMARY} FROM documents WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [Summary(*row) for row in self._rows(query, [*values, limit])]

    def count(
        self,
        text: str = "",
        *,
        type: str | None = None,  # noqa: A002  as in search
        project: str | None = None,
    ) -> int:
        """How many `search` would find without a limit."""
        where, values = _conditions(text, type, project)
        query = f"SELECT count(*) FROM documents WHERE {where}"  # noqa: S608  as in search
        return next((int(row[0]) for row in self._rows(query, values)), 0)

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002  as in search
        project: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Sequence[Summary]:
        """The newest ones, newest first."""
        return self.search(type=type, project=project, limit=limit, before=before)

    def _rows(self, query: str, values: Sequence[object]) -> Iterable[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            return connection.execute(query, values).fetchall()


def _conditions(text: str, type_: str | None, project: str | None) -> tuple[str, Sequence[object]]:
    conditions: dict[str, Sequence[object]] = {"1": ()}
    if text:
        plain = _like(text)
        written = _like(msgspec.json.encode(text).decode()[1:-1])  # as JSON escapes it
        conditions[
            "(title LIKE ? ESCAPE '\\' OR json LIKE ? ESCAPE '\\' OR trace_id = ? OR event_id = ?)"
        ] = (plain, written, text, text)
    if type_ is not None:
        conditions["type = ?"] = (type_,)
    if project is not None:
        conditions["project = ?"] = (project,)
    return " AND ".join(conditions), [value for values in conditions.values() for value in values]


def _like(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


class Writer:
    """Writes and forgets. Everything in one thread, which must be the one that calls `open`."""

    def __init__(self, folder: Path, max_age: float, max_size: int) -> None:
        """Keep documents for `max_age` seconds and up to `max_size` bytes; 0 means no bound."""
        self._folder = folder
        self._max_age = max_age
        self._max_size = max_size
        self._connection: sqlite3.Connection | None = None
        self._size = 0

    def open(self) -> None:
        """Make folder (0700) and file (0600) if need be. Raises OSError or sqlite3.Error."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / FILE_NAME
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before there is a table
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
            connection.executescript(_SCHEMA)
            row = connection.execute("SELECT coalesce(sum(size), 0) FROM documents").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        self._size = int(row[0])
        self.forget()

    def add(self, documents: Sequence[NewDocument]) -> None:
        """Write all or none. Raises sqlite3.Error."""
        now = time.time()
        rows = [
            (
                new.received, now, new.project, new.protocol, new.type, new.title, new.trace_id,
                new.event_id, new.json.decode(), new.contexts.decode(),
                len(new.json) + len(new.contexts) + len(new.title),
            )
            for new in documents
        ]  # fmt: skip
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO documents (received, stored, project, protocol, type, title, trace_id,"
                " event_id, json, contexts, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        self._size += sum(row[-1] for row in rows)
        if self._max_size and self._size > self._max_size:
            with suppress(sqlite3.Error):  # they are stored: who met this would store them again
                self.forget()

    def forget(self) -> None:
        """Delete what is too old, and the oldest of what is too much. Raises sqlite3.Error."""
        with self._transaction() as connection:
            left = self._size
            if self._max_age:
                oldest = time.time() - self._max_age
                left -= sum(self._delete(connection, "stored < ?", oldest))
            while self._max_size and left > self._max_size:
                of_the_oldest = "id IN (SELECT id FROM documents ORDER BY id LIMIT ?)"
                gone = self._delete(connection, of_the_oldest, 100)
                # None: another process forgot what this one had counted.
                left = left - sum(gone) if gone else 0
        self._size = left
        connection.executescript("PRAGMA incremental_vacuum")  # execute() frees one page only
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _delete(connection: sqlite3.Connection, where: str, value: float) -> list[int]:
        """The sizes of those that went."""
        query = f"DELETE FROM documents WHERE {where} RETURNING size"  # noqa: S608  ours, above
        return [int(row[0]) for row in connection.execute(query, [value]).fetchall()]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        if connection is None:
            raise sqlite3.OperationalError("closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
