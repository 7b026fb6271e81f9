"""The exposure report as machines read it; what people read is rendered from it.

The letters are those of its sections, in every rendering. A count is exact when both its bounds are
the same; None is what nobody could know from the record. It stands on the record of one collector,
or on those of several.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from .counted import (
    ClassRow,
    Code,
    Comparison,
    Consequence,
    Count,
    Inventory,
    Part,
    Secret,
    Subjects,
    Volume,
    Withheld,
)
from .facts import Facts

FORMAT = "errlock exposure report 1"


class Window(Part, frozen=True, kw_only=True):
    """From `since` to before `until`, in whole minutes."""

    since: datetime
    until: datetime
    asked_since: datetime
    asked_until: datetime
    finest: int  # the shortest and longest span of a record in it, in seconds; 0: there is none
    coarsest: int
    crossing: int  # records that cross an edge, so that only bounds can be told


class Identity(Part, frozen=True, kw_only=True):
    """A. What this report is."""

    id: str
    generated_at: datetime
    generator: str
    format: str = FORMAT
    entries: int  # of the journals, when this was written
    heads: list[str]  # theirs: COUNT:HASH
    recorded_since: datetime | None  # the first entry
    recorded_until: datetime | None
    query: str  # the command that makes this report again


class Deadline(Part, frozen=True, kw_only=True):
    """When a rule wants something done."""

    regime: str
    duty: str
    term: str
    starts: str  # what starts it
    due: datetime | None  # None: nobody said when it started
    left: int | None  # seconds, when the report was written; below 0: it has passed


class Clock(Part, frozen=True, kw_only=True):
    """B. When what became known and what was done."""

    window: Window
    first_delivery: datetime | None
    last_delivery: datetime | None
    contained_at: datetime | None  # the first word of hold or distrust that was not taken back
    contained_by: str | None
    contained_record: int | None
    contained_entry: int | None
    after_containment: Count | None  # documents delivered later than that
    deadlines: list[Deadline]


class Backend(Part, frozen=True, kw_only=True):
    """C. A destination, as errlock is configured to reach it now."""

    destination: str
    type: str | None = None
    hosts: list[str] = msgspec.field(default_factory=list)
    operators: list[str] = msgspec.field(default_factory=list)
    standby_for: str | None = None
    configured: bool = False


class Unknown(Part, frozen=True, kw_only=True):
    """J. Something that the record cannot tell."""

    kind: str
    text: str
    since: datetime | None = None
    until: datetime | None = None
    record: int | None = None  # None: of none of them alone
    entry: int | None = None
    lacks: bool = False  # whether more may have left than was booked: numbers are the least


class Measure(Part, frozen=True, kw_only=True):
    """L. What was done, as the journal tells it."""

    time: datetime
    kind: str
    text: str
    by: str | None
    why: str | None
    ours: bool  # about the destination of this report
    record: int
    entry: int
    entry_hash: str
    body: dict[str, Any]


class Evidence(Part, frozen=True, kw_only=True):
    """N. A record that the report stands on, that of one collector, and whether it is whole."""

    journal: str
    account: str
    head: str | None
    entries: int
    vouched_from: int
    vouched_to: int
    vouched_by: str
    findings: list[str]
    account_minutes: int | None  # compared with what the journal says
    account_forgotten: int
    account_open: int  # not compared: they went on after a restart, and were not told again yet
    intact: bool
    command: str  # checks it again


class Task(Part, frozen=True, kw_only=True):
    """O. A ticket."""

    kind: Literal["rotate", "fix", "vendor", "tell", "check", "key"]
    title: str
    text: str
    priority: int


class Outputs(Part, frozen=True, kw_only=True):
    """O. Texts to start from."""

    article_33: list[Answer] = msgspec.field(default_factory=list)
    article_34: list[str] = msgspec.field(default_factory=list)
    questions: list[str] = msgspec.field(default_factory=list)
    tasks: list[Task] = msgspec.field(default_factory=list)


class Answer(Part, frozen=True, kw_only=True):
    """What a form asks, and what can be said to it."""

    ask: str
    say: list[str]


class Report(Part, frozen=True, kw_only=True):
    """All of it."""

    destinations: list[str]
    facts: Facts
    only_you_know: list[str]
    summary: list[Answer] = msgspec.field(default_factory=list)  # the first page
    identity: Identity
    clock: Clock
    backends: list[Backend]
    volume: Volume
    classes: list[ClassRow]
    subjects: Subjects
    secrets: list[Secret]
    inventory: Inventory | None  # None: none was given
    code: Code
    withheld: Withheld
    uncertainty: list[Unknown]
    consequences: list[Consequence]
    measures: list[Measure]
    comparison: Comparison
    evidence: list[Evidence]  # `record`, elsewhere in the report, is a number in here, from 1
    outputs: Outputs = Outputs()

    @property
    def lacks(self) -> bool:
        """Whether more may have left than was booked, in the time that the records are of."""
        return any(each.lacks for each in self.uncertainty)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong with any record."""
        return all(each.intact for each in self.evidence)
