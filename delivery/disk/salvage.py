"""When the file of the queues is damaged: what can be read goes over into a new one.

The damaged file is kept beside it, as it is. A crash in the middle leaves either the damaged file
in its place or the new one complete: the next start goes on from there.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from .folder import StorageFolder
from .packing import About, is_whole
from .schema import FILE_NAME, PAGE, has_our_tables, open_reader, open_writer
from .transactions import insert, transaction

_MAKING = f"{FILE_NAME}.making"  # not complete
_MADE = f"{FILE_NAME}.made"  # complete, but not in its place yet
_COPY = f"{FILE_NAME}.copy"
_BATCH = 100
_STEP = 10  # by one tenth of the way from where the damage began
_LARGEST = 2**53  # no number of a row is larger
_PAGE_COUNT = slice(28, 32)  # of the file, in its header

Row = tuple[object, ...]


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file. Reads all of it; raises sqlite3.Error."""
    try:
        with closing(open_reader(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            return found == ("ok",) and has_our_tables(connection)
    except sqlite3.OperationalError:
        raise  # it could not even be looked at
    except sqlite3.DatabaseError:
        return False


def finish(folder: StorageFolder) -> None:
    """Go on with what a crash interrupted."""
    _remove(folder)
    if (folder.path / _MADE).exists():
        _replace(folder)


def salvage(folder: StorageFolder) -> Path:
    """Replace a damaged file. Returns where it is now. Raises sqlite3.Error or OSError."""
    _remove(folder)
    try:
        new = folder.file(_MAKING)
        with closing(open_writer(new)) as connection:
            # All of it in one file: a WAL takes as much room, and what is not complete is not used.
            connection.execute("PRAGMA journal_mode = MEMORY").fetchall()
            _copy(_readable(folder), connection)
        new.rename(folder.path / _MADE)
        folder.sync()
    finally:
        _remove(folder)  # also where there is no room: others need what is left
    return _replace(folder)


def _remove(folder: StorageFolder) -> None:
    for name in (_MAKING, _COPY):
        for path in _with_beside(folder.path / name):
            path.unlink(missing_ok=True)


def _replace(folder: StorageFolder) -> Path:
    old, new = folder.path / FILE_NAME, folder.path / _MADE
    moment = time.time_ns()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(moment // 10**9))
    aside = folder.path / f"{FILE_NAME}.damaged-{stamp}.{moment % 10**9:09d}Z"
    # The WAL goes before the file: the new one must never meet it.
    for path, there in zip(_with_beside(old)[::-1], _with_beside(aside)[::-1], strict=True):
        if path.exists():
            path.rename(there)
    folder.sync()
    new.rename(old)
    folder.sync()
    return aside


def _with_beside(path: Path) -> list[Path]:
    """A file of SQLite's and those that belong to it."""
    return [Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]


def _readable(folder: StorageFolder) -> Path:
    """The damaged file, or a copy whose first page was made anew if that is what is damaged.

    It says where each table begins, which is the same in all files of a version.
    """
    path = folder.path / FILE_NAME
    with suppress(sqlite3.DatabaseError), closing(open_reader(path)) as connection:
        if has_our_tables(connection):
            return path
    copy = folder.file(_COPY)
    for source, target in zip(_with_beside(path)[:2], _with_beside(copy)[:2], strict=True):
        if source.exists():
            shutil.copyfile(source, target)
    page = bytearray((folder.path / _MAKING).read_bytes()[:PAGE])
    page[_PAGE_COUNT] = (copy.stat().st_size // PAGE).to_bytes(4, "big")
    with copy.open("r+b") as file:
        file.write(page)
    return copy


def _copy(path: Path, target: sqlite3.Connection) -> None:
    """Copy each row that can be read, and of payloads those that are what they were."""
    with closing(open_reader(path)) as source:
        for table, key in {"payloads": "id", "deliveries": "number", "keys": "id"}.items():
            rows = _rows(source, table, key)
            _fill(target, table, filter(_is_whole, rows) if table == "payloads" else rows)
        for table in ("retained", "given", "books", "meta"):
            _fill(target, table, _until_damage(source, table))


def _rows(source: sqlite3.Connection, table: str, key: str) -> Iterator[Row]:
    """Rows in the order of their key, over the places that cannot be read."""
    start: int | None = -1
    while start is not None:
        at = start
        query = f"SELECT * FROM {table} WHERE {key} > ? ORDER BY {key}"
        try:
            for row in source.execute(query, [at]):
                at = row[0]
                yield row
        except sqlite3.DatabaseError:
            start = _behind(source, f"SELECT 1 FROM {table} WHERE {key} > ? LIMIT 1", at)
        else:
            return


def _behind(source: sqlite3.Connection, probe: str, at: int) -> int | None:
    """From where on rows can be read again; None if nowhere."""
    unreadable, readable = at, at + 1
    while not _answers(source, probe, readable):
        # Not much further each time, so as not to step over what lies between two damages.
        unreadable, readable = readable, readable + 1 + (readable - at) // _STEP
        if readable > _LARGEST:
            return None
    while readable - unreadable > 1:
        middle = (readable + unreadable) // 2
        if _answers(source, probe, middle):
            readable = middle
        else:
            unreadable = middle
    return readable


def _answers(source: sqlite3.Connection, probe: str, at: int) -> bool:
    try:
        source.execute(probe, [at]).fetchone()
    except sqlite3.DatabaseError:
        return False
    return True


def _until_damage(source: sqlite3.Connection, table: str) -> Iterator[Row]:
    try:
        yield from source.execute(f"SELECT * FROM {table}")
    except sqlite3.DatabaseError:
        return


def _is_whole(row: Row) -> bool:
    number, _, *about, _, digest, body = row
    return is_whole(number, About(*about), digest, body)  # type: ignore[arg-type]  # it looks


def _fill(target: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        with transaction(target):
            insert(target, table, batch, verb="INSERT OR IGNORE")  # also what is NULL by damage
