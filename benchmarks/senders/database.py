"""The shop's database in SQLite, straight from the standard library."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from benchmarks.senders.shop import SCHEMA, Query, rows


def opened(connect: Any = sqlite3.connect) -> Query:
    """A filled database in memory; `connect` may be an instrumented one."""
    connection = connect(":memory:", check_same_thread=False)
    for statement in SCHEMA:
        connection.execute(statement)
    for statement, values in rows():
        connection.execute(statement, values)

    def query(statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        cursor = connection.cursor()
        cursor.execute(statement, values)
        return list(cursor.fetchall())

    return query
