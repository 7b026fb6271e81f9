"""`errlock` as anybody may trace it, and as if a commit were done before it is on the disk.

    python traceable_errlock.py full|normal run …

The word is SQLite's `synchronous`. Errlock keeps debuggers out, so that only root could trace it.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from errlock.delivery.disk import opening, schema
from errlock.pipeline import cli, serving


def _open_writer(path: Path, wal: int = schema.LONGEST_WAL) -> sqlite3.Connection:
    connection = schema.open_writer(path, wal)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


if __name__ == "__main__":
    if sys.argv.pop(1) == "normal":
        opening.open_writer = _open_writer
    serving._no_core_dumps = lambda: None
    sys.exit(cli.main())
