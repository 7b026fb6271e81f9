"""What the journal says of a closed minute of the account."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from .account_store import Row


def closed_minute(minute: int, rows: Sequence[Row]) -> dict[str, Any]:
    """What the journal says of a minute: totals by destination, and a digest of its rows."""
    totals: dict[str, list[int]] = {}
    for row in rows:
        total = totals.setdefault(row.series.destination, [0, 0, 0])
        if row.series.class_:
            total[1] += row.figures.occurrences
        else:
            total[0] += row.figures.documents
            total[2] += row.figures.size
    return {
        "minute": minute,
        "rows": len(rows),
        "sha256": _digest(rows),
        "destinations": {
            name: {"documents": documents, "occurrences": occurrences, "bytes": size}
            for name, (documents, occurrences, size) in totals.items()
        },
    }


def moment(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _digest(rows: Iterable[Row]) -> str:
    """SHA-256 over rows in their order."""
    found = hashlib.sha256(b"errlock account minute 1\n")
    for _, start, series, figures in rows:
        sketch = hashlib.sha256(figures.sketch).hexdigest() if figures.sketch else ""
        line = [
            start, *series, figures.documents, figures.occurrences, figures.size,
            repr(figures.first), repr(figures.last), sketch,
        ]  # fmt: skip
        found.update("\x1f".join(map(str, line)).encode() + b"\n")
    return found.hexdigest()
