"""What can go wrong with the file, in a word. SQLite's own texts may quote what is in it."""

from __future__ import annotations

import sqlite3
from typing import Literal

FailureKind = Literal["full", "io", "damaged"]  # of `StoreFailed`, when it is the file's
Trouble = FailureKind | Literal["hangs"]  # who stores something hears nothing at all
# What they mean, to whoever is called at night.
MEANING: dict[FailureKind, str] = {
    "full": "the disk is full: nothing is taken (503) until there is room again",
    "io": "the file of the queues cannot be written (io): nothing is taken (503) until it can be",
    "damaged": "the file of the queues is damaged: nothing is taken (503) until it is mended",
}

# The machine's, the file's or the connection's, which is closed while it cannot be mended (a
# ProgrammingError). SQLite's other kinds are about a value or a row.
_NOT_OWN = (
    OSError, MemoryError, sqlite3.OperationalError, sqlite3.InternalError, sqlite3.ProgrammingError
)  # fmt: skip

_CODES: dict[int, FailureKind] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
# The WAL's shared memory is a file too.
_NO_ROOM = (sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP)


def kind_of(error: Exception) -> FailureKind:
    """Of an error of SQLite's, or of whatever else came in the way."""
    code = getattr(error, "sqlite_errorcode", 0)  # Python's own errors have none
    if code in _NO_ROOM:
        return "full"
    return _CODES.get(code & 0xFF, "io")


def is_own(error: Exception) -> bool:
    """Whether an operation failed for its own sake: it fails on any disk, and others do not."""
    # What SQLite has no kind for, such as damage, is plainly a DatabaseError.
    return not isinstance(error, _NOT_OWN) and type(error) is not sqlite3.DatabaseError
