"""Reading from the file of the queues, in a thread of its own, while the other one writes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any, Literal

from ...pipeline.payloads.document import DocumentType, Payload, Protocol
from ..store import Counts, Record
from .mending import queued
from .packing import About, Damaged, is_whole, unpack
from .schema import open_reader
from .sealing import Seals
from .transactions import counts_of, highest

_RECORD = (
    "SELECT number, payload, destination, policy, counts, size, enqueued, due, first_attempt,"
    " attempts, begun, sent FROM deliveries JOIN payloads ON payloads.id = payload"
)


LAST = 2**63 - 1  # no payload has a higher number


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored payload, and which documents of it went or go where."""

    payload: int  # its number
    origin: int  # the same for all that were made of one request
    protocol: Protocol
    project: str
    received: float  # seconds since the epoch
    policy: str  # the version of the policy that it passed
    deliveries: Mapping[str, Counts]  # by destination
    records: Mapping[str, int]  # the numbers of those that wait


@dataclass(frozen=True, slots=True)
class Selection:
    """Which payloads: of a destination, received in a span of time."""

    destination: str | None = None  # None: any
    since: float = 0.0  # when they were received, seconds since the epoch
    until: float = math.inf  # and before this
    last: int = LAST  # and none that was stored after this one


# What waits, or what was delivered and kept.
Among = Literal["waiting", "delivered"]
_TABLES: dict[Among, str] = {"waiting": "deliveries", "delivered": "retained"}
_DESTINATION = "AND (:destination IS NULL OR destination = :destination)"
_PAYLOADS = "payload IN (SELECT value FROM json_each(:payloads))"
_ORIGINS = "origin IN (SELECT value FROM json_each(:origins))"
# What a destination was given of requests, in whatever payload: it has it, or will, or it is kept.
_GIVEN = (
    f"SELECT origin, type FROM given WHERE destination = :without AND {_ORIGINS}"
    " UNION SELECT origin, key FROM payloads JOIN deliveries ON payload = payloads.id,"
    f" json_each(deliveries.counts) WHERE destination = :without AND {_ORIGINS}"
    " UNION SELECT origin, key FROM payloads JOIN retained ON payload = payloads.id,"
    f" json_each(retained.counts) WHERE destination = :without AND {_ORIGINS}"
)


class Reader:
    """All methods raise sqlite3.Error and belong to the thread that made it."""

    def __init__(self, path: Path, seals: Seals | None) -> None:
        self._connection = open_reader(path)
        self._seals = seals

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def payload(self, number: int) -> Payload:
        """A stored payload. Raises Damaged."""
        row = self._connection.execute(
            "SELECT protocol, signal, project, received, policy, sealed, checksum, body"
            " FROM payloads WHERE id = ?",
            [number],
        ).fetchone()
        if row is None:
            raise Damaged
        about = About(*row[:5])
        sealed, digest, body = row[5:]
        if not is_whole(number, about, digest, body):
            raise Damaged
        if sealed is not None:
            if self._seals is None:
                raise Damaged
            body = self._seals.open(sealed, body, about.bound(number))
        return unpack(about, body)

    def origin(self, number: int) -> int:
        """The first payload that was made of the request of a stored one. Raises Damaged."""
        row = self._connection.execute("SELECT origin FROM payloads WHERE id = ?", [number])
        if (found := row.fetchone()) is None:
            raise Damaged
        return int(found[0])

    def waiting(self, destination: str) -> list[Record]:
        """The delivery records of a destination, the oldest first."""
        rows = self._connection.execute(
            f"{_RECORD} WHERE destination = ? ORDER BY number", [destination]
        )
        return [_record(row) for row in rows]

    def queued(self) -> Counter[tuple[str, DocumentType]]:
        """Documents that wait, by destination and type: counted over the file."""
        return queued(self._connection)

    def last(self) -> int:
        """The last number that a payload got."""
        return highest(self._connection, "payloads")

    def recall(self, name: str) -> str | None:
        """What was remembered under a name."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def page(
        self, among: Among, selection: Selection, after: int, limit: int, without: str = ""
    ) -> list[Stored]:
        """The first payloads of a selection with a number above `after`, in their order.

        Documents that the destination `without` was given already are not counted.
        """
        rows = self._payloads(_TABLES[among], selection, after, limit)
        payloads = {number: _Deliveries(origin) for number, origin, *_ in rows}
        self._add_deliveries(among, selection.destination, payloads, without)
        return [
            Stored(*row, payloads[row[0]].counts, payloads[row[0]].records)  # type: ignore[call-arg]  # a row has the first six
            for row in rows
        ]

    def _payloads(
        self, table: str, selection: Selection, after: int, limit: int
    ) -> list[tuple[Any, ...]]:
        """What is kept of them but their content, in the order of the fields of `Stored`."""
        return self._connection.execute(
            "SELECT id, origin, protocol, project, received, policy FROM payloads"
            " WHERE id > :after AND id <= :last AND received >= :since AND received < :until"
            f" AND EXISTS (SELECT 1 FROM {table} WHERE payload = id {_DESTINATION})"
            " ORDER BY id LIMIT :limit",
            {
                "after": after, "last": selection.last, "since": selection.since,
                "until": selection.until, "limit": limit, "destination": selection.destination,
            },
        ).fetchall()  # fmt: skip

    def _add_deliveries(
        self,
        among: Among,
        destination: str | None,
        payloads: Mapping[int, _Deliveries],
        without: str,
    ) -> None:
        origins = json.dumps([each.origin for each in payloads.values()])
        given = {*self._connection.execute(_GIVEN, {"without": without, "origins": origins})}
        record = "number" if among == "waiting" else "NULL"
        for number, to, text, waits in self._connection.execute(
            f"SELECT payload, destination, counts, {record} FROM {_TABLES[among]}"
            f" WHERE {_PAYLOADS} {_DESTINATION}",
            {"payloads": json.dumps(list(payloads)), "destination": destination},
        ):
            payload = payloads[number]
            payload.counts[to] = {
                type_: amount
                for type_, amount in json.loads(text).items()
                if (payload.origin, type_) not in given
            }
            if waits is not None:
                payload.records[to] = waits


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """Of one payload: see `Stored`."""

    origin: int
    counts: dict[str, Counts] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)


def _record(row: tuple[Any, ...]) -> Record:
    number, payload, destination, policy, counts, size, enqueued, due, first, attempts, *marks = row
    begun, sent = marks
    return Record(
        number, payload, intern(destination), intern(policy), counts_of(counts), size, enqueued,
        due, first, attempts, bool(begun), sent,
    )  # fmt: skip
