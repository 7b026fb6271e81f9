"""Operations as SQL: a batch of them is one transaction, all or nothing.

The interpreter's lock is let go in every call of SQLite and may be long in coming back while the
event loop works, so a batch takes a few statements over sets of rows, not some for each operation.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ...pipeline.payloads.document import DocumentType
from ..store import Booking, BookKey, Counts, Record
from .ages import Ages
from .operations import Ending, Given, Operation, Put, Settle, Update
from .packing import About, checksum
from .sealing import Seals

# A stored payload, a destination that has documents of it, or may, and their type.
_Got = tuple[int, str, DocumentType]

# Bytes of a record beside its payload: so much it takes in memory, and less on the disk.
RECORD = 512

# Rows of one statement at most; it is compiled anew for each number of rows, so powers of two.
_ROWS = 32

# Of a payload: nothing refers to it.
UNUSED = (
    "NOT EXISTS (SELECT 1 FROM deliveries WHERE payload = payloads.id)"
    " AND NOT EXISTS (SELECT 1 FROM retained WHERE payload = payloads.id)"
)
# The origins of payloads that are not the last of theirs, or wait elsewhere.
_BESIDE = (
    "SELECT id, origin FROM payloads AS it WHERE id IN (SELECT value FROM json_each(?))"
    " AND (EXISTS (SELECT 1 FROM deliveries WHERE payload = it.id)"
    " OR EXISTS (SELECT 1 FROM payloads WHERE origin = it.origin AND id <> it.id))"
)
_DELETE_UNUSED = f"DELETE FROM payloads WHERE id IN (SELECT value FROM json_each(?)) AND {UNUSED}"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done in it, or nothing when it raises."""
    if connection.in_transaction:  # of the last one not even the rollback went well
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Transactions:
    """Carries out batches on the writing connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        seals: Seals | None,
        retain: float,
        now: Callable[[], float],
        ages: Ages,
    ) -> None:
        """Keep what was delivered for `retain` seconds; `now` is the wall clock."""
        self._connection = connection
        self._seals = seals
        self._retain = retain
        self._now = now
        self._ages = ages
        # Numbers are never given twice, whatever was deleted or rolled back meanwhile.
        self._last_payload = highest(connection, "payloads")
        self._last_record = highest(connection, "deliveries")

    def go_on_from(self, before: Transactions) -> None:
        """Give no number that those before it, of the same queues, have given."""
        self._last_payload = max(self._last_payload, before._last_payload)
        self._last_record = max(self._last_record, before._last_record)

    def run(self, batch: Sequence[Operation]) -> None:
        """Do all of it and set the results, or nothing. Raises sqlite3.Error."""
        puts = [each for each in batch if isinstance(each, Put)]
        policies = {shipment.policy for put in puts for shipment in put.shipments}
        keys = {}
        if self._seals is not None:
            keys = {each: self._seals.key_for(each, self._connection) for each in policies}
        books: Counter[Booking] = Counter()
        with transaction(self._connection):
            self._update([each for each in batch if isinstance(each, Update)], books)
            # What goes leaves its pages to what comes: they are written once.
            self._mark_given(puts)
            settled = [(each.record, each.bookings) for each in batch if isinstance(each, Settle)]
            self._settle(settled, books)
            self._put(puts, keys, books)
            # What takes a payload's place is of the same request, whose marks go with the last one.
            self._settle([ending for put in puts for ending in put.ended], books)
            book(self._connection, books)
            remember(self._connection, self._ages.noted())

    def _update(self, updates: Sequence[Update], books: Counter[Booking]) -> None:
        if not updates:
            return
        self._connection.executemany(
            "UPDATE deliveries SET counts = ?, due = ?, first_attempt = ?, attempts = ?, begun = ?,"
            " sent = ? WHERE number = ?",
            [each.values for each in updates],
        )
        booked = [each for each in updates if each.bookings]
        if booked:
            rows = self._connection.execute(
                "SELECT number, payload FROM deliveries"
                " WHERE number IN (SELECT value FROM json_each(?))",
                [json.dumps([each.number for each in booked])],
            )
            there = dict(rows.fetchall())
            got: list[_Got] = []
            for each in booked:
                if each.number in there:
                    count(each.bookings, books)
                    got += _got(there[each.number], each.bookings)
            _mark_beside(self._connection, got)

    def _mark_given(self, puts: Iterable[Put]) -> None:
        """Before anything ends: a mark goes with its payload."""
        _mark(self._connection, [row for put in puts for row in put.given])

    def _settle(self, settled: Sequence[Ending], books: Counter[Booking]) -> None:
        """Book only what was still there: settled twice, or purged meanwhile, it counts once."""
        if not settled:
            return
        rows = self._connection.execute(
            "DELETE FROM deliveries WHERE number IN (SELECT value FROM json_each(?))"
            " RETURNING number",
            [json.dumps([record.number for record, _ in settled])],
        )
        ended = {number for (number,) in rows.fetchall()}
        got: list[_Got] = []
        retained: list[tuple[object, ...]] = []
        for record, bookings in settled:
            if record.number not in ended:
                continue
            ended.remove(record.number)
            count(bookings, books)
            got += _got(record.payload, bookings)
            if self._retain and any(one.kind == "delivered" for one in bookings):
                counts = json.dumps(dict(record.counts))
                retained.append((record.payload, record.destination, counts, self._now()))
        _mark_beside(self._connection, got)
        insert(self._connection, "retained", retained)
        delete_unused(self._connection, {record.payload for record, _ in settled})

    def _put(self, puts: Sequence[Put], keys: Mapping[str, int], books: Counter[Booking]) -> None:
        payloads: list[tuple[object, ...]] = []
        records: list[Record] = []
        remembered: dict[str, str] = {}
        for put in puts:
            count(put.bookings, books)
            remembered |= put.remember
            put.result = []
            own = self._last_payload + 1  # what comes together is of one request
            for shipment, packed in zip(put.shipments, put.packed, strict=True):
                self._last_payload += 1
                about = About.of(shipment.payload, shipment.policy)
                key = keys.get(shipment.policy)
                row = self._payload(self._last_payload, about, packed, key)
                payloads.append((self._last_payload, shipment.origin or own, *row))
                for destination, counts in shipment.deliveries.items():
                    self._last_record += 1
                    put.result.append(
                        Record(
                            self._last_record, self._last_payload, destination, shipment.policy,
                            counts_of(_text(counts)), len(packed) + RECORD,
                            enqueued=put.now, due=put.now, sent=shipment.sent,
                        )
                    )  # fmt: skip
            records += put.result
        insert(self._connection, "payloads", payloads)
        insert(self._connection, "deliveries", [self._delivery(record) for record in records])
        remember(self._connection, remembered)

    def _delivery(self, record: Record) -> tuple[object, ...]:
        return (
            record.number, record.payload, record.destination, _text(record.counts),
            record.size, self._ages.stored(record.enqueued), record.due, record.first_attempt, 0, 0,
            record.sent,
        )  # fmt: skip

    def _payload(
        self, number: int, about: About, packed: bytes, key: int | None
    ) -> tuple[object, ...]:
        bound = about.bound(number)
        body = packed
        if key is not None:
            assert self._seals is not None
            body = self._seals.seal(key, packed, bound)
        return (
            about.protocol, about.signal, about.project, about.received, about.policy,
            key, checksum(bound, body), body,
        )  # fmt: skip


def _got(payload: int, bookings: Iterable[Booking]) -> list[_Got]:
    """What the destination has, or may have, of a payload."""
    return [
        (payload, one.destination, one.type)
        for one in bookings
        if one.kind == "delivered" or one.reason == "unclear"
    ]


def _mark_beside(connection: sqlite3.Connection, got: Sequence[_Got]) -> None:
    """Mark what destinations got of payloads that still wait elsewhere, or of whose request others
    are here: that is not sent again.
    """
    if not got:
        return
    rows = connection.execute(_BESIDE, [json.dumps([payload for payload, *_ in got])])
    origins = dict(rows.fetchall())
    _mark(
        connection,
        [
            (origins[payload], destination, type_)
            for payload, destination, type_ in got
            if payload in origins
        ],
    )


def _mark(connection: sqlite3.Connection, given: Sequence[Given]) -> None:
    insert(connection, "given", given, "ON CONFLICT DO NOTHING")


def count(bookings: Iterable[Booking], books: Counter[Booking]) -> None:
    """Add bookings up by account: as bookings of one."""
    for each in bookings:
        books[Booking(each.destination, each.kind, each.type, 1, each.reason)] += each.amount


def book(connection: sqlite3.Connection, books: Counter[Booking]) -> None:
    """Add to the books, within a transaction."""
    rows = [
        (each.destination, each.kind, each.type, each.reason or "", amount)
        for each, amount in books.items()
        if amount
    ]
    insert(connection, "books", rows, "ON CONFLICT DO UPDATE SET amount = amount + excluded.amount")


def booked(connection: sqlite3.Connection, destination: str) -> Counter[BookKey]:
    """The books of a destination."""
    rows = connection.execute(
        "SELECT kind, type, reason, amount FROM books WHERE destination = ?", [destination]
    )
    return Counter({(kind, type_, reason or None): n for kind, type_, reason, n in rows})


def remember(connection: sqlite3.Connection, values: Mapping[str, str]) -> None:
    """Write into the table of what others want remembered."""
    conflict = "ON CONFLICT DO UPDATE SET value = excluded.value"
    insert(connection, "meta", list(values.items()), conflict)


def delete_unused(connection: sqlite3.Connection, payloads: Iterable[int]) -> None:
    """Delete those of the payloads that nothing refers to any more."""
    connection.execute(_DELETE_UNUSED, [json.dumps(sorted(payloads))])


def insert(
    connection: sqlite3.Connection,
    table: str,
    rows: Sequence[Sequence[object]],
    conflict: str = "",
    verb: str = "INSERT",
) -> None:
    """Insert rows with all columns of a table, in few statements."""
    at = 0
    while at < len(rows):
        size = min(_ROWS, 1 << (len(rows) - at).bit_length() - 1)
        marks = ", ".join(["(" + ", ".join("?" * len(rows[at])) + ")"] * size)
        values = [value for row in rows[at : at + size] for value in row]
        connection.execute(f"{verb} INTO {table} VALUES {marks} {conflict}", values)
        at += size


@lru_cache(maxsize=1024)
def counts_of(text: str) -> Counts:
    """A record's documents as a row has them: in memory once for all that wait with the same."""
    counts: Counts = json.loads(text)
    return counts


def _text(counts: Counts) -> str:
    return json.dumps(dict(counts))


def highest(connection: sqlite3.Connection, table: str) -> int:
    """The last number that a row of a table got, also of one that is gone; 0: none has."""
    row: Any = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = ?", [table]
    ).fetchone()
    return int(row[0]) if row else 0
