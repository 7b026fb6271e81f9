"""What the writing thread is asked to do. Each is answered after the commit that did it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from ...pipeline.payloads.document import DocumentType
from ..store import Booking, Record, Shipment

# A delivery record, and what became of its documents.
Ending = tuple[Record, Sequence[Booking]]
# The origin of payloads, a destination that was given documents of one, and their type.
Given = tuple[int, str, DocumentType]


@dataclass(slots=True, eq=False, kw_only=True)
class Operation:
    """One of them."""

    answer: asyncio.Future[Any]
    result: Any = None

    @property
    def size(self) -> int:
        """Bytes that it writes, about."""
        return 0

    @property
    def answers(self) -> Iterable[asyncio.Future[Any]]:
        """All that wait for it, or did."""
        return (self.answer,)


@dataclass(slots=True, eq=False, kw_only=True)
class Put(Operation):
    """Store payloads and their delivery records; answers with the records."""

    shipments: Sequence[Shipment]
    bookings: Sequence[Booking]
    now: float
    remember: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[Given] = ()
    ended: Sequence[Ending] = ()
    packed: list[bytes] = field(default_factory=list)  # one a shipment

    @property
    def size(self) -> int:
        """See `Operation.size`."""
        return sum(map(len, self.packed))


@dataclass(slots=True, eq=False, kw_only=True)
class Call(Operation):
    """Do something that makes a transaction of its own."""

    function: Callable[[sqlite3.Connection], Any]
    # It fails as long as something that was asked for before cannot be written.
    in_turn: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Update(Operation):
    """Write a record as it is now. Never given up: a failure only puts it off."""

    values: tuple[Any, ...]  # counts, due, first_attempt, attempts, begun, sent, number
    bookings: Sequence[Booking]
    # Answers of those that it is done instead of, as long as somebody waits for them.
    earlier: WeakSet[asyncio.Future[Any]] | None = None

    @property
    def answers(self) -> Iterable[asyncio.Future[Any]]:
        """See `Operation.answers`."""
        return (self.answer, *(self.earlier or ()))

    def take_in(self, before: Update) -> None:
        """Be done instead of an earlier one of the same record, too."""
        self.bookings = [*before.bookings, *self.bookings]
        self.earlier = before.earlier or WeakSet()
        self.earlier.add(before.answer)

    @property
    def number(self) -> int:
        """Of the record."""
        number: int = self.values[-1]
        return number

    def apply(self, record: Record) -> None:
        """Bring the record, as it is on the disk, up to this."""
        counts, record.due, record.first_attempt, record.attempts, *marks, _ = self.values
        record.counts = json.loads(counts)
        record.begun, record.sent = marks


@dataclass(slots=True, eq=False, kw_only=True)
class Settle(Operation):
    """End a record's stay. Never given up: a failure only puts it off."""

    record: Record
    bookings: Sequence[Booking]

    @property
    def size(self) -> int:
        """See `Operation.size`: what goes is overwritten."""
        return self.record.size

    @property
    def number(self) -> int:
        """Of the record."""
        return self.record.number


def values_of(record: Record, first_attempt: float) -> tuple[Any, ...]:
    """What `Update` writes of a record; `first_attempt` as it is stored."""
    return (
        json.dumps(dict(record.counts)), record.due, first_attempt, record.attempts,
        record.begun, record.sent, record.number,
    )  # fmt: skip
