"""The account and the journal for who reads them: what left, what may have, what did not, and when
a control was off.

Open the account with `AccountStore.to_read`, take rows within `snapshot`, and pass them on here.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.component import Outcome
from ..sqlite_file import why
from .figures import SEEN
from .store import Row


@contextmanager
def named(account: Path) -> Iterator[None]:
    """What SQLite raises within it becomes an OSError that names the account."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(0, f"cannot be read as an account: {why(error)}", account) from None


def of_outcomes(rows: Iterable[Row], *outcomes: Outcome) -> list[Row]:
    """The rows of documents that came to one of these ends; by default what was certainly seen."""
    wanted = outcomes or SEEN
    return [row for row in rows if row.series.outcome in wanted]


@dataclass(frozen=True, slots=True)
class Volume:
    """How much a destination was sent."""

    documents: int  # that it certainly has seen
    refused: int  # of these, it answered that it does not keep them
    perhaps: int  # more, that it may have
    size: int  # bytes as they came in, of all of them
    unjudged: int  # bytes of text that no detector could judge in full, of all of them
    before_sampling: float  # an estimate: as many as there would have been without `sample`


def volume(rows: Iterable[Row]) -> Volume:
    """Of any rows."""
    documents: Counter[str] = Counter()
    size = unjudged = sampled = 0
    for row in rows:
        if row.series.outcome == "withheld" or row.series.class_:
            continue
        documents[row.series.outcome] += row.figures.documents
        size += row.figures.size
        unjudged += row.figures.unjudged
        sampled += row.figures.sampled
    seen = sum(documents[outcome] for outcome in SEEN)
    return Volume(
        seen,
        documents["refused"],
        documents["perhaps"],
        size,
        unjudged,
        documents.total() + sampled / 1000,
    )


def withheld(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    """Documents that did not leave, by item type and reason."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.series.outcome == "withheld":
            found[row.series.type, row.series.reason] += row.figures.documents
    return found
