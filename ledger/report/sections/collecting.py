"""What the account says of some destinations in a window, in one pass over its rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from ...account.reading import named
from ...account.store import DAY, HOUR, MINUTE, AccountStore, Row
from ...record import Record
from ..counted import ZERO, Count
from ..tallies import Span, Tally

Key = tuple[str, ...]

# What a bar of the chart over time may stand for; at most so many of them.
_BUCKETS = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 28 * DAY)
_MOST_BUCKETS = 100


@dataclass(slots=True)
class Between:
    """Counts the documents that were delivered from one moment to another."""

    since: float
    until: float
    count: Count = ZERO

    def add(self, row: Row) -> None:
        """Count a row, if it is one of documents that left."""
        if row.series.class_ or row.series.outcome == "withheld":
            return
        first, last, documents = row.figures.first, row.figures.last, row.figures.documents
        if first >= self.until or last < self.since:
            return
        inside = self.since <= first and last < self.until and row.series.outcome != "perhaps"
        self.count = Count(
            at_least=self.count.at_least + (documents if inside else 0),
            at_most=self.count.at_most + documents,
        )


@dataclass
class Collected:
    """Tallies by what they are apart in. Those of documents, then those of classes."""

    span: Span
    bucket: int
    finest: int = 0
    coarsest: int = 0
    crossing: int = 0
    end: int = 0  # of the last row
    all: Tally = field(default_factory=Tally)
    withheld: dict[Key, Tally] = field(default_factory=dict)  # type, reason: did not leave
    outcomes: dict[str, Tally] = field(default_factory=dict)
    types: dict[Key, Tally] = field(default_factory=dict)
    origins: dict[Key, Tally] = field(default_factory=dict)  # service, environment
    services: dict[Key, Tally] = field(default_factory=dict)
    destinations: dict[Key, Tally] = field(default_factory=dict)
    policies: dict[Key, Tally] = field(default_factory=dict)
    buckets: dict[int, Tally] = field(default_factory=dict)
    classes: dict[Key, Tally] = field(default_factory=dict)  # class, form with its epoch
    sources: dict[Key, Tally] = field(default_factory=dict)  # in clear: service, …, type, class
    secrets: dict[Key, Tally] = field(default_factory=dict)  # in clear: class, detector, service, …
    policy_roots: dict[Key, Tally] = field(default_factory=dict)  # in clear: policy, root
    bucket_roots: dict[tuple[int, str], Tally] = field(default_factory=dict)  # in clear

    def add(self, row: Row, aside: Sequence[Between] = ()) -> None:
        """Count a row, if any of it is in the window; also what goes on aside."""
        holds = self.span.holds(row)
        if holds is False:
            return
        # What a destination may have, it has at most.
        sure = bool(holds) and row.series.outcome != "perhaps"
        if row.series.outcome == "withheld":
            key = (row.series.type, row.series.reason)
            self.withheld.setdefault(key, Tally()).add(row, self.span, sure)
            return
        self.finest = min(self.finest or row.span, row.span)
        self.coarsest = max(self.coarsest, row.span)
        self.crossing += holds is None
        self.end = max(self.end, row.start + row.span)
        for tally in self._tallies(row):
            tally.add(row, self.span, sure)
        for between in aside:
            between.add(row)

    def _tallies(self, row: Row) -> Iterable[Tally]:
        series = row.series
        origin = (series.service, series.environment)
        begins = max(min(int(row.figures.first), self.span.until - 1), self.span.since)
        bucket = begins // self.bucket
        if not series.class_:
            yield self.all
            yield self.outcomes.setdefault(series.outcome, Tally())
            yield self.types.setdefault((series.type,), Tally())
            yield self.origins.setdefault(origin, Tally())
            yield self.services.setdefault((series.service,), Tally())
            yield self.destinations.setdefault((series.destination,), Tally())
            yield self.policies.setdefault((series.policy,), Tally())
            yield self.buckets.setdefault(bucket, Tally())
            return
        yield self.classes.setdefault((series.class_, series.form), Tally())
        if series.form != "clear":
            return
        root = series.class_.partition(".")[0]
        yield self.sources.setdefault((*origin, series.type, series.class_), Tally())
        yield self.policy_roots.setdefault((series.policy, root), Tally())
        yield self.bucket_roots.setdefault((bucket, root), Tally())
        if root == "secret":
            yield self.secrets.setdefault((series.class_, series.detector, *origin), Tally())


def booked_until(records: Iterable[Record], destinations: Container[str], now: float) -> float:
    """Until when anything is booked of some destinations: after now where a clock was ahead.

    Raises OSError.
    """
    until = now
    for record in records:
        with named(record.account), closing(AccountStore.to_read(record.account)) as store:
            for row in store.touching(int(now), 2**62):
                if row.series.destination in destinations:
                    until = max(until, row.start + row.span, row.figures.last + 1)
    return until


def bucket_for(span: Span, coarsest: int) -> int:
    """How many seconds a bar of a chart is."""
    length = span.until - span.since
    fits = [each for each in _BUCKETS if each >= coarsest and length <= each * _MOST_BUCKETS]
    return fits[0] if fits else _BUCKETS[-1]
