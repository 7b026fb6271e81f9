"""The file of the queues in its folder, and what whoever writes to it works with."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...pipeline.host.file_places import identity
from .ages import Ages
from .chores import Chores, Copies
from .folder import StorageFolder
from .opening import open_queues
from .reserve import Reserve
from .schema import FILE_NAME
from .sealing import Seals, refuse_key_inside
from .transactions import Transactions
from .writer import Tools

_RESERVE = "reserve"


class QueueFile:
    """Belongs to the thread that writes; others may use what says so."""

    def __init__(
        self,
        folder: Path,
        copies: Copies,
        *,
        reserve: int,
        key: bytes | None,
        is_full: Callable[[], bool],
        now: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        """`reserve` is in bytes. `is_full` says whether nothing is taken because the disk is full;
        `now` is the wall clock. Nothing is opened yet.
        """
        self.path = folder / FILE_NAME
        self.reserve = Reserve(folder / _RESERVE, reserve)
        self.seals = Seals(key) if key is not None else None
        self.ages = Ages(now)
        self._folder = StorageFolder(folder)
        self._copies = copies
        self._key = key
        self._is_full = is_full
        self._now = now
        self._log = log
        self._files: list[tuple[int, int] | None] = []  # which are open; empty: just none

    def open(self) -> Tools:
        """Lock the folder, mend what is damaged, get ready. Raises OSError, sqlite3.Error."""
        self._folder.open()
        self._folder.file(_RESERVE)
        if self._key is not None:
            refuse_key_inside(self._folder.path, self._key)
        tools = self.reopen()
        with suppress(sqlite3.Error):  # records may seem older then, and are tried all the same
            self.ages.go_on(tools.connection)
        return tools

    def reopen(self) -> Tools:
        """Mend what is damaged in a folder that is open. Raises as `open`."""
        self._files = []  # a damaged one is about to be replaced
        connection = open_queues(self._folder, self.reserve, self.seals, self._log)
        try:
            self._files = self._there()
            transactions = Transactions(
                connection, self.seals, self._copies.seconds, self._now, self.ages
            )
            chores = Chores(
                connection, self.reserve, self.seals, self._copies, self._is_full, self._now,
                self._log,
            )  # fmt: skip
        except BaseException:
            connection.close()
            raise
        return Tools(connection, transactions, chores)

    def close(self) -> None:
        """Let the next process have the folder. Idempotent."""
        self._folder.close()

    def is_gone(self) -> bool:
        """Whether the open file is not any more where the next start looks for it, or its WAL.

        Somebody deleted or replaced it, or its folder: what is written to it nobody will read. Any
        thread may ask. Looks at the disk. Raises OSError when that cannot be seen.
        """
        open_files = self._files
        return bool(open_files) and self._there() != open_files

    def _there(self) -> list[tuple[int, int] | None]:
        return [identity(path) for path in (self.path, Path(f"{self.path}-wal"))]
