"""Sums over rows of the account, with bounds where a row crosses the window's edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil, floor

from ...pipeline.payloads.document import CONTEXT_TYPES
from ..account.sketches import Sketch
from ..account.store import MINUTE, Row
from .counted import ZERO, Count, Estimate


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` to before `until`: seconds since the epoch, whole minutes."""

    since: int
    until: int

    @classmethod
    def around(cls, since: datetime, until: datetime) -> Span:
        """The whole minutes that a window touches."""
        return cls(_minute(since.timestamp()), -_minute(-until.timestamp()))

    def holds(self, row: Row) -> bool | None:
        """Whether a row is in it, by its first and last document. None: a part of it may be.

        Where that was not when it was booked, since a clock was wrong, nobody knows which is true.
        """
        first, end = _minute(row.figures.first), _minute(row.figures.last) + MINUTE
        told, start, stop = self._has(first, end), row.start, row.start + row.span
        if (start <= first and end <= stop) or told == self._has(start, stop):
            return told
        return None

    def _has(self, start: int, end: int) -> bool | None:
        """Whether it has all of a time; None: a part."""
        if self.since <= start and end <= self.until:
            return True
        return None if start < self.until and end > self.since else False

    def __contains__(self, seconds: float) -> bool:
        return self.since <= seconds < self.until


@dataclass(slots=True)
class Tally:
    """What is counted of one kind: what is in the window, and what rows at its edge add at most."""

    documents: Count = ZERO
    occurrences: Count = ZERO
    size: Count = ZERO  # bytes of documents as they came in
    unjudged: Count = ZERO  # of these, text that no detector could judge in full
    untold: int = 0  # occurrences of values that nobody told apart
    sampled: int = 0  # thousandths of documents that these stand for beside themselves
    detectors: dict[str, Count] = field(default_factory=dict)  # documents in which each found it
    policies: set[str] = field(default_factory=set)
    _times: tuple[float, float] | None = None
    _sure: Sketch = field(default_factory=Sketch)
    _maybe: Sketch = field(default_factory=Sketch)

    def add(self, row: Row, span: Span, sure: bool) -> None:
        """Count one more row."""
        figures = row.figures
        self.documents = _plus(self.documents, figures.documents, sure)
        self.occurrences = _plus(self.occurrences, figures.occurrences, sure)
        self.size = _plus(self.size, figures.size, sure)
        self.unjudged = _plus(self.unjudged, figures.unjudged, sure)
        self.untold += figures.occurrences if figures.sketch is None else 0
        self.sampled += figures.sampled
        if figures.sketch is not None:
            (self._sure if sure else self._maybe).join(figures.sketch)
        times = [t for t in (figures.first, figures.last) if sure or t in span]
        if times:
            times += self._times or ()
            self._times = min(times), max(times)
        series = row.series
        if series.detector:
            known = self.detectors.get(series.detector, Count())
            exact = sure and series.type not in CONTEXT_TYPES
            self.detectors[series.detector] = _plus(known, figures.documents, exact)
        self.policies.add(series.policy)

    @property
    def carriers(self) -> Count:
        """In how many documents a class was found: several detectors may have found it in one."""
        by_detector = list(self.detectors.values())
        return Count(
            at_least=max((each.at_least for each in by_detector), default=0),
            at_most=total(by_detector).at_most,
        )

    @property
    def first(self) -> datetime | None:
        """When the first one went that is known to be in the window."""
        return moment(self._times[0]) if self._times else None

    @property
    def last(self) -> datetime | None:
        """When the last one went that is known to be in the window."""
        return moment(self._times[1]) if self._times else None

    @property
    def distinct(self) -> Estimate | None:
        """How many different values, or people. None: nobody told them apart."""
        return distinct_in([self])


def distinct_in(tallies: Iterable[Tally]) -> Estimate | None:
    """How many different values in several together; None: nobody told them apart."""
    sure, all_ = Sketch(), Sketch()
    for tally in tallies:
        inside = bytes(tally._sure)
        sure.join(inside)
        all_.join(inside)
        all_.join(bytes(tally._maybe))
    if not all_:
        return None
    middle, low, _ = (sure or all_).estimate()
    high = all_.estimate().high
    if not sure:
        low = 0.0
    return Estimate(estimate=round(middle), at_least=ceil(low), at_most=floor(high))


def moment(seconds: float) -> datetime:
    """A time, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC)


def total(counts: Iterable[Count]) -> Count:
    """Their sum."""
    found = list(counts)
    return Count(
        at_least=sum(each.at_least for each in found), at_most=sum(each.at_most for each in found)
    )


def _minute(seconds: float) -> int:
    return int(seconds // MINUTE) * MINUTE


def _plus(count: Count, amount: int, sure: bool) -> Count:
    return Count(at_least=count.at_least + (amount if sure else 0), at_most=count.at_most + amount)
