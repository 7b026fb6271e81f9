"""What the journal says of a closed day of the code that was disclosed, or of thirty that were
joined, and whether the account is so.

Nothing is added to a closed day. When days are joined the journal is told of the thirty, and then
that stands for them: their sums must still be those of the days.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from .tables import DAY, MONTH, CodeTables

_NO_DAY = 1 << 36  # seconds: in the year 4147

_encode = msgspec.json.Encoder().encode


def closed_span(tables: CodeTables, span: int, start: int) -> dict[str, Any]:
    """A digest of its rows, and of how many documents they are, by destination.

    A document counts once for each name that it has.
    """
    return {
        "start": start,
        "days": span // DAY,
        "sha256": _digest(tables, span, start),
        "documents": tables.documents(span, start),
    }


def _digest(tables: CodeTables, span: int, start: int) -> str:
    """SHA-256 over rows in their order."""
    digest = hashlib.sha256(b"errlock account code 1\n")
    for row in tables.of_span(span, start):
        digest.update(_encode(row) + b"\n")
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal says of spans (how long, since when), from entries of kind `code`."""

    digests: dict[tuple[int, int], str]
    documents: dict[tuple[int, int], Mapping[str, int]]

    def add(self, body: Mapping[str, Any]) -> None:
        """What a newer entry says."""
        try:
            span = int(body["days"]) * DAY, int(body["start"])
            documents = {str(name): int(number) for name, number in body["documents"].items()}
            self.digests[span] = str(body["sha256"])
            self.documents[span] = documents
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # nothing that a collector wrote; then what it is about is not told


def compare(told: Told, forgotten: int, tables: CodeTables) -> tuple[int, list[str]]:
    """How many days are as the journal says, and what is not. Before `forgotten` none has to be.

    What ended after the last span that was told is not closed yet.
    """
    spans = told.digests
    if not spans:
        return 0, []  # of an errlock that told none
    closed = max(map(sum, spans))
    there = {(span, start) for span, start in tables.spans() if span != DAY or start < closed}
    found: list[str] = []
    for span in sorted(there, key=sum):
        if span not in spans:
            found.append(f"{_named(*span)} is in the account and not in the journal")
        elif _digest(tables, *span) != spans[span]:
            found.append(f"{_named(*span)} is not as the journal says: it was changed")
    for length, start in sorted(spans.keys() - there, key=sum):
        if start + length > forgotten and not _joined(length, start, there):
            found.append(
                f"{_named(length, start)} is in the journal and not in the account: it was removed"
            )
    found += _other_sums(told, forgotten)
    return sum(length // DAY for length, _ in there & spans.keys()), found


def _joined(length: int, start: int, there: set[tuple[int, int]]) -> bool:
    """Whether rows are there in another form: days that were joined, or not joined after all."""
    if length == DAY:
        return (MONTH, start // MONTH * MONTH) in there
    return any((DAY, day) in there for day in range(start, start + length, DAY))


def _other_sums(told: Told, forgotten: int) -> Iterator[str]:
    """Thirty days that were joined after some of them had been changed."""
    for length, start in sorted(told.documents):
        days = [
            told.documents[DAY, day]
            for day in range(start, start + length, DAY)
            if (DAY, day) in told.documents
        ]
        if length == MONTH and days and start >= forgotten:
            sums: Counter[str] = Counter()
            for documents in days:
                sums.update(documents)
            if sums != told.documents[length, start]:
                yield f"{_named(length, start)} has other sums than its days had"


def _named(length: int, start: int) -> str:
    if length not in (DAY, MONTH) or start % DAY or not 0 <= start < _NO_DAY:
        return "what is of no day"
    day = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d")
    return day if length == DAY else f"{day} and the {length // DAY - 1} days after it"
