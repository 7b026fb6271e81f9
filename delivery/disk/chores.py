"""What the writing thread does besides: forget what was kept long enough, give room back."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .failures import kind_of
from .reserve import Reserve
from .schema import PAGE
from .sealing import Seals
from .transactions import delete_unused, transaction

# Deliveries forgotten, or pages given back, in one go: others wait as long.
_DELIVERIES = 200
_PAGES = 500
# The file is made smaller when this many pages, and half of all, are empty.
_WORTH_IT = 16 * 1024 * 1024 // PAGE
# Seconds.
_AT_ONCE = 0.0
_SOON = 1.0
_LATER = 10.0


@dataclass(slots=True)
class Copies:
    """What was delivered and is kept for a while. Written by one thread; any may look."""

    seconds: float  # for so long
    size: int  # bytes of the file above which they give way
    oldest: float | None = None  # when the first of them was delivered
    lost: int = 0  # deliveries of which the copy went before its time


class Chores:
    """Belongs to the writing thread, as everything that writes."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        reserve: Reserve,
        seals: Seals | None,
        copies: Copies,
        is_full: Callable[[], bool],
        now: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        """`is_full` says whether nothing is taken because the disk is full."""
        self._connection = connection
        self._reserve = reserve
        self._seals = seals
        self._copies = copies
        self._is_full = is_full
        self._now = now
        self._log = log

    def __call__(self) -> float:
        """Do a little. Returns in how many seconds there is more. Raises sqlite3.Error."""
        if not self._reserve.whole:
            return self._restore()
        try:
            if self._forget() or self._give_way():
                return _AT_ONCE
        except sqlite3.Error as error:
            # What is deleted is written first: on a full disk the reserve has the room for it.
            if kind_of(error) != "full" or not self._reserve.release():
                raise
            return _AT_ONCE
        if self._shrink(at_least=max(_WORTH_IT, self._ask("page_count") // 2)):
            return _AT_ONCE
        if self._seals is not None:
            today = time.strftime("%Y-%m-%d", time.gmtime())
            destroy_keys(self._connection, self._seals, before=today)
        if self._reserve.told:  # and there was, all the time since the chores before
            self._reserve.told = False
            self._log.info("there is room on the disk again")
        return _LATER

    def _restore(self) -> float:
        """Give back what the file does not need, and hold the reserve back again."""
        if self._shrink(at_least=1):
            return _AT_ONCE
        checkpoint(self._connection)
        if not self._reserve.restore():
            return _AT_ONCE if self._forget() or self._give_way() else _SOON
        return _LATER

    def _forget(self) -> bool:
        """Delete delivered payloads that were kept long enough. True: there are more."""
        until = self._now() - self._copies.seconds
        _, more = delete_kept(self._connection, "delivered <= ?", [until], self._reserve.step)
        oldest = self._connection.execute("SELECT min(delivered) FROM retained").fetchone()
        self._copies.oldest = oldest[0]
        return more

    def _give_way(self) -> bool:
        """Delete the oldest ones before their time, as long as there is no room. True: it did."""
        copies, used = self._copies, self._ask("page_count") - self._ask("freelist_count")
        if copies.oldest is None or not (self._is_full() or used * PAGE > copies.size):
            return False
        why = "the disk is full" if self._is_full() else "service.retain_delivered_size"
        count, _ = delete_kept(self._connection, "TRUE", [], self._reserve.step)
        if not copies.lost:
            self._log.warning("copies of what was delivered go before their time: %s", why)
        copies.lost += count
        return True

    def _shrink(self, at_least: int) -> bool:
        """Give empty pages back to the disk. False: there are not so many."""
        if self._ask("freelist_count") < at_least:
            return False
        # execute() frees one page only: it takes the first row without columns for the end.
        self._connection.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
        return True

    def _ask(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def delete_kept(
    connection: sqlite3.Connection, which: str, values: Sequence[object], step: int
) -> tuple[int, bool]:
    """Delete some of what was delivered and kept: how many deliveries, and whether there are more.

    Payloads are overwritten with zeros, by way of the WAL: so many bytes at once that a full disk
    has the room for it in the reserve whose `step` this is. Raises sqlite3.Error.
    """
    found = connection.execute(
        "SELECT payload, destination, ifnull(length(body), 0) FROM retained"
        f" LEFT JOIN payloads ON id = payload WHERE {which} ORDER BY delivered LIMIT ?",
        [*values, _DELIVERIES],
    ).fetchall()
    sizes = accumulate(size for _, _, size in found)
    some = max(1, sum(size <= step // 2 for size in sizes))
    rows = [(payload, destination) for payload, destination, _ in found[:some]]
    if rows:
        with transaction(connection):
            connection.executemany(
                "DELETE FROM retained WHERE payload = ? AND destination = ?", rows
            )
            delete_unused(connection, {payload for payload, _ in rows})
    return len(rows), len(rows) < len(found) or len(found) == _DELIVERIES


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Empty the WAL, so that nothing that was deleted is in it. False: somebody still reads."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def destroy_keys(connection: sqlite3.Connection, seals: Seals, before: str) -> int:
    """Destroy data keys of days before this one that seal nothing any more. Returns how many."""
    with transaction(connection):
        rows = connection.execute(
            "DELETE FROM keys WHERE day < ?"
            " AND NOT EXISTS (SELECT 1 FROM payloads WHERE sealed = keys.id) RETURNING id",
            [before],
        ).fetchall()
    seals.forget(number for (number,) in rows)
    return len(rows)
