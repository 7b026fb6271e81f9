"""What the journal says of a closed minute of the account."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .figures import Figures, Series
from .store import Row

# By destination, and by what was counted: see `totals`.
Totals = Mapping[str, Mapping[str, int]]
_ALWAYS = ("documents", "occurrences", "bytes")


def closed_minute(minute: int, rows: Sequence[Row]) -> dict[str, Any]:
    """What the journal says of a minute: totals by destination, and a digest of its rows."""
    return {
        "minute": minute,
        "rows": len(rows),
        "sha256": _digest(rows),
        "destinations": totals((row.series, row.figures) for row in rows),
    }


def totals(lines: Iterable[tuple[Series, Figures]]) -> dict[str, dict[str, int]]:
    """Sums by destination: documents, occurrences, bytes and, where there are any, more.

    Of what was not delivered they stand below `OUTCOME/REASON/`.
    """
    found: dict[str, dict[str, int]] = {}
    for series, figures in lines:
        sums = found.setdefault(series.destination, {})
        delivered = series.outcome == "delivered"
        below = "" if delivered else f"{series.outcome}/{series.reason}/"
        for name, amount in (
            ("documents", 0 if series.class_ else figures.documents),
            ("occurrences", figures.occurrences),
            ("bytes", figures.size),
            ("unjudged", figures.unjudged),
            ("sampled", figures.sampled),
        ):
            if amount or (delivered and name in _ALWAYS):
                sums[below + name] = sums.get(below + name, 0) + amount
    return found


def _digest(rows: Iterable[Row]) -> str:
    """SHA-256 over rows in their order."""
    found = hashlib.sha256(b"errlock account minute 2\n")
    for _, start, series, figures in rows:
        sketch = hashlib.sha256(figures.sketch).hexdigest() if figures.sketch else ""
        line = [
            start, *series, figures.documents, figures.occurrences, figures.size,
            figures.unjudged, figures.sampled, repr(figures.first), repr(figures.last), sketch,
        ]  # fmt: skip
        found.update("\x1f".join(map(str, line)).encode() + b"\n")
    return found.hexdigest()
