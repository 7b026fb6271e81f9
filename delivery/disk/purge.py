"""Destroying what waits or was kept, for good: rows, payloads, data keys, the WAL.

Rows are overwritten with zeros when they are deleted (`secure_delete`). What the disk itself still
has of overwritten blocks only encryption keeps from being read.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .chores import checkpoint, delete_kept, destroy_keys
from .schema import BUSY_TIMEOUT, FILE_NAME
from .sealing import Seals
from .transactions import delete_unused, highest, transaction

# How often, and after how many seconds again, readers are asked to let go of the WAL.
_CHECKPOINTS = 50
_BETWEEN = 0.1
_NEVER = "9999-12-31"  # later than all days


@dataclass(frozen=True, slots=True)
class Purged:
    """What was destroyed."""

    kept: int  # deliveries that had been made and were kept
    data_keys: int
    complete: bool  # False: traces of it are still in the WAL, because somebody kept reading


async def purge(
    call: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]],
    folder: Path,
    seals: Seals | None,
    destination: str,
    ended: Callable[[str], Sequence[int]],
    step: int,
) -> Purged:
    """Destroy what was delivered to a destination until now and kept.

    `call` has the writing thread do something once all is written that was settled before: that
    is gone then, too. `ended` says, in that thread, which of its records no disk takes the end of:
    they go without their bookings. `step` is that of the reserve.
    """
    last = await call(partial(highest, table="payloads"))
    await call(lambda connection: _purge_ended(connection, ended(destination)))
    kept = data_keys = 0
    which, values = "destination = ? AND payload <= ?", [destination, last]
    more = True
    while more:
        count, more = await call(partial(delete_kept, which=which, values=values, step=step))
        kept += count
    if seals is not None:
        data_keys = await call(lambda connection: destroy_keys(connection, seals, before=_NEVER))
    await call(lambda _: _remove_damaged(folder))
    for _ in range(_CHECKPOINTS):
        if await call(_empty_wal):
            return Purged(kept, data_keys, complete=True)
        await asyncio.sleep(_BETWEEN)
    return Purged(kept, data_keys, complete=False)


def _empty_wal(connection: sqlite3.Connection) -> bool:
    """As `checkpoint`, but for those who read it waits no time: others wait for this thread."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return checkpoint(connection)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")


def _remove_damaged(folder: Path) -> None:
    for path in folder.glob(f"{FILE_NAME}.damaged-*"):
        path.unlink()


def _purge_ended(connection: sqlite3.Connection, records: Sequence[int]) -> None:
    with transaction(connection):
        rows = connection.execute(
            "DELETE FROM deliveries WHERE number IN (SELECT value FROM json_each(?))"
            " RETURNING payload",
            [json.dumps(records)],
        ).fetchall()
        delete_unused(connection, {payload for (payload,) in rows})
