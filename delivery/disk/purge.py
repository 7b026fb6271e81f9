"""Destroying what waits or was kept, for good: rows, payloads, data keys, the WAL.

Rows are overwritten with zeros when they are deleted (`secure_delete`). What the disk itself still
has of overwritten blocks only encryption keeps from being read.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..store import Booking
from .chores import checkpoint, destroy_keys
from .reader import Selection
from .schema import FILE_NAME
from .sealing import Seals
from .transactions import book, delete_unused, transaction

# Deliveries that are destroyed in one transaction: others wait as long.
_BATCH = 200
# How often, and after how many seconds again, readers are asked to let go of the WAL.
_CHECKPOINTS = 50
_BETWEEN = 0.1
_NEVER = "9999-12-31"  # later than all days


@dataclass(frozen=True, slots=True)
class Purged:
    """What was destroyed."""

    records: frozenset[int]  # numbers of the delivery records that waited
    documents: int  # in them; those that were delivered and kept are not counted
    kept: int  # deliveries that had been made and were kept
    data_keys: int
    complete: bool  # False: traces of it are still in the WAL, because somebody kept reading


async def purge(
    call: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]],
    folder: Path,
    seals: Seals | None,
    selection: Selection,
    spared: Collection[int],
) -> Purged:
    """Destroy a selection, but for some records; `call` has the writing thread do something."""
    records: set[int] = set()
    documents = kept = data_keys = 0
    while purged := await call(lambda connection: _purge_waiting(connection, selection, spared)):
        records.update(number for number, _ in purged)
        documents += sum(amount for _, amount in purged)
    while count := await call(lambda connection: _purge_delivered(connection, selection)):
        kept += count
    if seals is not None:
        data_keys = await call(lambda connection: destroy_keys(connection, seals, before=_NEVER))
    await call(lambda _: _remove_damaged(folder))
    for _ in range(_CHECKPOINTS):
        if await call(checkpoint):
            return Purged(frozenset(records), documents, kept, data_keys, complete=True)
        await asyncio.sleep(_BETWEEN)
    return Purged(frozenset(records), documents, kept, data_keys, complete=False)


def _remove_damaged(folder: Path) -> None:
    for path in folder.glob(f"{FILE_NAME}.damaged-*"):
        path.unlink()


def _purge_waiting(
    connection: sqlite3.Connection, selection: Selection, spared: Collection[int]
) -> list[tuple[int, int]]:
    """Destroy some. Returns numbers of records and of their documents; empty: there are no more.

    They are booked as `purged`. Raises sqlite3.Error.
    """
    with transaction(connection):
        rows = connection.execute(
            "SELECT number, payload, destination, counts FROM deliveries"
            " JOIN payloads ON payloads.id = payload"
            " WHERE (?1 IS NULL OR destination = ?1) AND received >= ?2 AND received < ?3"
            " AND number NOT IN (SELECT value FROM json_each(?4)) LIMIT ?5",
            [
                selection.destination, selection.since, selection.until,
                json.dumps(list(spared)), _BATCH,
            ],
        ).fetchall()  # fmt: skip
        books: Counter[Booking] = Counter()
        purged = []
        for number, _, destination, text in rows:
            counts = json.loads(text)
            purged.append((number, sum(counts.values())))
            for type_, amount in counts.items():
                books[Booking(destination, "dropped", type_, 1, "purged")] += amount
        connection.execute(
            "DELETE FROM deliveries WHERE number IN (SELECT value FROM json_each(?))",
            [json.dumps([number for number, _ in purged])],
        )
        delete_unused(connection, {payload for _, payload, *_ in rows})
        book(connection, books)
    return purged


def _purge_delivered(connection: sqlite3.Connection, selection: Selection) -> int:
    """Destroy some of what was delivered and kept. Returns how many; raises sqlite3.Error."""
    with transaction(connection):
        rows = connection.execute(
            "DELETE FROM retained WHERE (payload, destination) IN"
            " (SELECT payload, destination FROM retained JOIN payloads ON payloads.id = payload"
            " WHERE (?1 IS NULL OR destination = ?1) AND received >= ?2 AND received < ?3 LIMIT ?4)"
            " RETURNING payload",
            [selection.destination, selection.since, selection.until, _BATCH],
        ).fetchall()
        delete_unused(connection, {payload for (payload,) in rows})
    return len(rows)
