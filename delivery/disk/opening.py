"""From a folder, in whatever state the last process left it, to a file that can be written to."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from . import salvage
from .failures import MEANING, kind_of
from .folder import StorageError, StorageFolder
from .mending import mend
from .reserve import Reserve
from .schema import FILE_NAME, open_writer
from .sealing import Seals


def open_queues(
    folder: StorageFolder,
    reserve: Reserve,
    seals: Seals | None,
    log: logging.Logger,
) -> sqlite3.Connection:
    """The connection that writes, to a sound file. Raises OSError (StorageError).

    Belongs to the calling thread. The folder is open.
    """
    salvage.finish(folder)
    path = folder.file(FILE_NAME)
    try:
        return _opened(folder, path, reserve, seals, log)
    except sqlite3.Error as error:
        raise not_opened(path, error) from None


def not_opened(path: Path, error: Exception) -> Exception:
    """What is told of what kept a file from being opened."""
    if isinstance(error, OSError | MemoryError):  # of memory there is nothing to be said of a file
        return error
    kind = kind_of(error) if isinstance(error, sqlite3.Error) else type(error).__name__
    return StorageError(path, f"cannot be opened ({kind})")


def _opened(
    folder: StorageFolder,
    path: Path,
    reserve: Reserve,
    seals: Seals | None,
    log: logging.Logger,
) -> sqlite3.Connection:
    try:
        connection = _sound(folder, path, reserve.step, log)
    except sqlite3.OperationalError:
        # Even to look at it takes a little room.
        if not reserve.release():
            raise
        connection = _sound(folder, path, reserve.step, log)
    try:
        if seals is not None:
            seals.learn(path, connection)
        elif connection.execute("SELECT 1 FROM payloads WHERE sealed IS NOT NULL").fetchone():
            raise StorageError(path, "is encrypted: service.encryption needs its key")
        lost = mend(connection)
        if not reserve.restore():
            reserve.told = True
            log.error("%s: %s", folder.path, MEANING["full"])
    except BaseException:
        connection.close()
        raise
    for destination, amount in sorted(lost.items()):
        log.error("%s: %d documents of %s were lost to damage", path, amount, destination)
    return connection


def _sound(folder: StorageFolder, path: Path, wal: int, log: logging.Logger) -> sqlite3.Connection:
    if not salvage.is_sound(path):
        log.error("%s is damaged: to take over what can be read takes as much room again", path)
        aside = salvage.salvage(folder)
        log.error("%s was damaged: what could be read was taken over; it is now %s", path, aside)
    return open_writer(path, wal)
