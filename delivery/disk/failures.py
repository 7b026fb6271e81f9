"""What can go wrong with the file, in a word. SQLite's own texts may quote what is in it."""

from __future__ import annotations

import sqlite3
from typing import Literal

FailureKind = Literal["full", "io", "damaged"]  # of `StoreFailed`

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
