"""The file of the queues: its tables, and the two ways to open it.

SQLite up to 3.51.2 can damage a file in WAL mode when two connections write or checkpoint at the
same time (https://sqlite.org/wal.html, "The WAL-Reset Bug"). Here only the writing connection does
either; the other one is opened read-only.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from .folder import StorageError

FILE_NAME = "queue.db"
# Another number for every change that an older errlock could not live with.
VERSION = 4

PAGE = 4096
BUSY_TIMEOUT = 5000  # milliseconds
# Bytes that may wait in the WAL. It is overwritten in place after a checkpoint, so that a commit
# need not make the file longer; shorter means more checkpoints, each with two syncs.
LONGEST_WAL = 8 * 1024 * 1024

_SCHEMA = f"""
BEGIN;
-- Sanitised payloads, each stored once. They go with the last line that refers to them.
CREATE TABLE payloads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin INTEGER NOT NULL,  -- the first one that was made of the same request
    protocol TEXT NOT NULL,
    signal TEXT NOT NULL,  -- of OTLP
    project TEXT NOT NULL,
    received REAL NOT NULL,  -- seconds since the epoch, as everywhere
    policy TEXT NOT NULL,
    sealed INTEGER,  -- the data key that the body is encrypted with
    checksum BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX payloads_origin ON payloads (origin);
CREATE INDEX payloads_sealed ON payloads (sealed) WHERE sealed IS NOT NULL;

-- What a destination has not got yet.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    payload INTEGER NOT NULL,
    destination TEXT NOT NULL,
    counts TEXT NOT NULL,  -- documents by type, as JSON
    size INTEGER NOT NULL,
    enqueued REAL NOT NULL,
    due REAL NOT NULL,
    first_attempt REAL NOT NULL,
    attempts INTEGER NOT NULL,
    begun INTEGER NOT NULL,
    sent TEXT NOT NULL  -- whether the destination has seen it all the same
);
CREATE UNIQUE INDEX deliveries_payload ON deliveries (payload, destination);

-- What a destination has got and is kept for a while all the same.
CREATE TABLE retained (
    payload INTEGER NOT NULL,
    destination TEXT NOT NULL,
    counts TEXT NOT NULL,
    delivered REAL NOT NULL,
    PRIMARY KEY (payload, destination)
) WITHOUT ROWID;
CREATE INDEX retained_delivered ON retained (delivered);

-- What a destination was given of a request while payloads of it are here for others, or in a
-- replay, so that no replay gives it twice. It goes with the last of these payloads.
CREATE TABLE given (
    origin INTEGER NOT NULL,
    destination TEXT NOT NULL,
    type TEXT NOT NULL,  -- of documents
    PRIMARY KEY (origin, destination, type)
) WITHOUT ROWID;
CREATE TRIGGER payload_gone AFTER DELETE ON payloads
WHEN NOT EXISTS (SELECT 1 FROM payloads WHERE origin = OLD.origin) BEGIN
    DELETE FROM given WHERE origin = OLD.origin;
END;
CREATE TRIGGER kept_no_more AFTER DELETE ON retained WHEN json_valid(OLD.counts) BEGIN
    INSERT OR IGNORE INTO given
    SELECT origin, OLD.destination, key FROM payloads, json_each(OLD.counts)
    WHERE payloads.id = OLD.payload;
END;

-- What became of documents, in all.
CREATE TABLE books (
    destination TEXT NOT NULL,
    kind TEXT NOT NULL,
    type TEXT NOT NULL,
    reason TEXT NOT NULL,  -- of drops
    amount INTEGER NOT NULL,
    PRIMARY KEY (destination, kind, type, reason)
) WITHOUT ROWID;

-- Data keys, each wrapped by the master key.
CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    policy TEXT NOT NULL,
    day TEXT NOT NULL,
    wrapped BLOB NOT NULL
);

-- What others want remembered.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

PRAGMA user_version = {VERSION};
COMMIT;
"""

_TABLES = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rowid"


def open_writer(path: Path, wal: int = LONGEST_WAL) -> sqlite3.Connection:
    """The connection that writes; makes the tables when there are none. `wal`: see above.

    Raises sqlite3.Error, and StorageError when an errlock with other tables wrote the file.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            age = "a newer" if version > VERSION else "an older"
            raise StorageError(path, f"was written by {age} errlock (version {version})")
        if version == 0:
            _lay_out(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk when it returns
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {wal // PAGE}")
        connection.execute(f"PRAGMA journal_size_limit = {2 * wal}")
        _set_both(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        _set_both(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def has_our_tables(connection: sqlite3.Connection) -> bool:
    """Whether the tables are those of this version, or there are none yet.

    Of other versions nothing is known: True. Raises sqlite3.Error.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    found = connection.execute(_TABLES).fetchall()
    return version not in (0, VERSION) or found == (_our_tables() if version else [])


@cache
def _our_tables() -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _lay_out(connection)
        return connection.execute(_TABLES).fetchall()


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make the tables. In all files of a version they begin at the same pages."""
    # These have a meaning before there is a table.
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.executescript(_SCHEMA)


def _set_both(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA temp_store = MEMORY")  # nothing of it in other folders
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    # A damaged name is a name that nobody has: no reason not to read the rest.
    connection.text_factory = lambda text: text.decode(errors="replace")
