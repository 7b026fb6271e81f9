"""An SQLite file of the ledger: opened, read at one moment, changed or not at all, set aside."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from ..pipeline.host.file_places import identity

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# What failures mean, to whoever reads the log at night: SQLite's own texts may quote.
_MEANING = {
    sqlite3.SQLITE_BUSY: "another process has it locked",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk fails to read or write it",
    sqlite3.SQLITE_NOMEM: "there is no memory for it",
    sqlite3.SQLITE_NOTADB: "it is no file of errlock's, or damaged",
    sqlite3.SQLITE_PERM: "it may not be used",
    sqlite3.SQLITE_READONLY: "it can only be read",
}


class OtherVersion(OSError):  # noqa: N818  a fact about a file
    """An errlock wrote it that keeps something else there. The text says what helps."""

    def __init__(self, path: Path, version: int, expected: int) -> None:
        age = "a newer" if version > expected else "an older"
        problem = f"was written by {age} errlock (version {version}): move it elsewhere"
        super().__init__(errno.EPERM, problem, str(path))


class Empty(sqlite3.DatabaseError):
    """Whoever made it has not come as far as writing anything."""

    strerror = "nothing is in it"


class SqliteFile:
    """One connection, for one thread at a time. `_undone` is called when a change is taken back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """`opened` makes connections that can write."""
        self._db = connection
        self._path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        self._files = self._there()

    def gone(self) -> Literal["file", "wal"] | None:
        """What somebody deleted or replaced since it was opened: the next process would not find
        what is written there. Raises OSError when that cannot be seen.
        """
        there = self._there()
        if there[0] != self._files[0]:
            return "file"
        return "wal" if there != self._files else None

    def _there(self) -> list[tuple[int, int] | None]:
        return [identity(self._path.with_name(f"{self._path.name}{each}")) for each in ("", "-wal")]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it everything is read as it was at one moment."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def checkpoint(self) -> None:
        """Have the file itself hold what was written so far, whatever becomes of its WAL."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._undone()
            if self._db.in_transaction:  # a full disk ends it by itself
                self._db.execute("ROLLBACK")
            raise

    def _undone(self) -> None:
        """Forget what is known of rows that are not there now."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open or make a file that only its owner can read, with each change on disk when it is made.

    It is closed again when the block raises. Raises sqlite3.Error, OSError.
    """
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        yield connection
    except BaseException:
        connection.close()
        raise


def opened_to_read(path: Path, version: int) -> sqlite3.Connection:
    """Open a file that is there, also while another process writes it.

    What nobody writes may also lie in a folder in which nothing can be made, and nothing is.
    Raises sqlite3.Error, Empty among them, and OtherVersion.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    # Whoever begins to write makes this file first, and long writes there only.
    if not path.with_name(f"{path.name}-wal").exists():
        uri += "&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA temp_store=MEMORY")  # what is looked for is not written anywhere
        if is_empty(connection):
            raise Empty
        refuse_other_version(connection, path, version)
    except BaseException:
        connection.close()
        raise
    return connection


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing is in a file yet. Raises sqlite3.Error."""
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None


def refuse_other_version(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raises OtherVersion, sqlite3.Error."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != version:
        raise OtherVersion(path, found, version)


def check_version(path: Path, version: int) -> None:
    """Raise OtherVersion if this errlock cannot go on with a file. With one that is broken, empty
    or not there it can.
    """
    with suppress(sqlite3.Error):
        opened_to_read(path, version).close()


def is_damage(error: Exception) -> bool:
    """Whether an error is about what the file holds, and not about a disk or a value."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def why(error: Exception) -> str:
    """What a failure is, in words; of one that nobody expects its type."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    told = _MEANING.get(code) or getattr(error, "strerror", None)
    return told or type(error).__name__


def set_aside(path: Path, name: str) -> None:
    """Rename a file, and those that belong to it, in their folder. Raises OSError."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(name + suffix))
