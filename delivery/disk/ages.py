"""How long records have waited, counted in time that a process ran.

On the disk they have times of a clock that stands still while nobody could deliver them. What the
machine's clock was set to between two processes, or how long there was none, makes none older.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress

from ..store import Record

_AWAY, _SEEN = "away", "seen"  # in the table `meta`, in seconds
_EVERY = 10.0  # seconds between two notes; a crash makes records younger by as much


class Ages:
    """From the start of a process to its end."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is the clock of this process."""
        self._now = now
        self._next_note = float("-inf")
        self._away = 0.0  # seconds by which it is ahead of times on the disk

    def go_on(self, connection: sqlite3.Connection) -> None:
        """Begin where the last process was when it noted something. Raises sqlite3.Error."""
        wanted = "SELECT name, value FROM meta WHERE name IN (?, ?)"
        noted = dict(connection.execute(wanted, (_AWAY, _SEEN)).fetchall())
        with suppress(KeyError, ValueError):  # there was none
            self._away = float(noted[_AWAY]) + self._now() - float(noted[_SEEN])

    def stored(self, moment: float) -> float:
        """A time as it is written; 0, which is none, stays."""
        return moment and moment - self._away

    def read(self, records: Iterable[Record]) -> None:
        """Give records the times that they have by the clock of this process.

        Those of what came after the last note may lie ahead.
        """
        for record in records:
            record.enqueued += self._away
            record.first_attempt = record.first_attempt and record.first_attempt + self._away

    def noted(self) -> dict[str, str]:
        """What is to be remembered for the next process, now and then; else nothing."""
        now = self._now()
        if now < self._next_note:
            return {}
        self._next_note = now + _EVERY
        return {_AWAY: repr(self._away), _SEEN: repr(now)}
