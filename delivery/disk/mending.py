"""At each start: what refers to nothing goes, and the books are made to agree with what is there.

In a sound file there is nothing to do. After damage, what is missing is booked as dropped, by its
number, so that accepted = delivered + queued + dropped holds again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from ..store import Booking
from .transactions import UNUSED, book, transaction

_QUEUED = (
    "SELECT destination, key, sum(value) FROM deliveries, json_each(deliveries.counts)"
    " GROUP BY destination, key"
)
_NO_PAYLOAD = "NOT EXISTS (SELECT 1 FROM payloads WHERE id = payload)"
_KEPT = ("payloads", "deliveries", "retained", "given", "books", "meta")
_UNRELATED = (
    f"DELETE FROM deliveries WHERE NOT json_valid(counts) OR {_NO_PAYLOAD}",
    f"DELETE FROM retained WHERE {_NO_PAYLOAD}",
    f"DELETE FROM payloads WHERE {UNUSED}",
    "DELETE FROM given WHERE origin NOT IN (SELECT origin FROM payloads)",
)


def mend(connection: sqlite3.Connection) -> Counter[str]:
    """Returns how many documents were found to be lost, by destination. Raises sqlite3.Error."""
    with transaction(connection):
        for table in _KEPT:
            _delete_of_another_kind(connection, table)
        for statement in _UNRELATED:
            connection.execute(statement)
        missing = _missing(connection)
        books: Counter[Booking] = Counter()
        lost: Counter[str] = Counter()
        for (destination, type_), amount in missing.items():
            if amount > 0:
                books[Booking(destination, "dropped", type_, 1, "damaged")] = amount
                lost[destination] += amount
            else:  # it is the books that are missing something
                books[Booking(destination, "accepted", type_, 1)] = -amount
        book(connection, books)
    return lost


def _delete_of_another_kind(connection: sqlite3.Connection, table: str) -> None:
    """Delete rows with a value that is not of its column's type.

    One flipped bit makes bytes of a text, of which SQLite's own check thinks nothing.
    """
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    wrong = [
        f"typeof({name}) <> lower('{type_}'){'' if must else f' AND {name} IS NOT NULL'}"
        for _, name, type_, must, _, _ in columns
    ]
    connection.execute(f"DELETE FROM {table} WHERE {' OR '.join(wrong)}")


def queued(connection: sqlite3.Connection) -> Counter[tuple[str, Any]]:
    """Documents in the queues by destination and type: counted, not remembered."""
    rows = connection.execute(_QUEUED)
    return Counter({(destination, type_): amount for destination, type_, amount in rows})


def _missing(connection: sqlite3.Connection) -> Counter[tuple[str, Any]]:
    """What was accepted and neither delivered nor dropped, less what is there."""
    missing: Counter[tuple[str, Any]] = Counter()
    for destination, kind, type_, amount in connection.execute(
        "SELECT destination, kind, type, amount FROM books"
    ):
        missing[destination, type_] += amount if kind == "accepted" else -amount
    missing.subtract(queued(connection))
    return missing
