"""The sections of the report that say what left and what did not: D to I, K and M."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ...policy.findings import Form


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the report."""


class Count(Part, frozen=True, kw_only=True):
    """A number with its bounds: they differ where older records cross the window's edge."""

    at_least: int = 0
    at_most: int = 0


ZERO = Count()


class Estimate(Part, frozen=True, kw_only=True):
    """A number of different values, estimated; the bounds hold in 95 of 100 cases."""

    estimate: int
    at_least: int
    at_most: int


class Volume(Part, frozen=True, kw_only=True):
    """D. How much was delivered."""

    documents: Count  # that it has seen; at most: and those that it may have
    bytes: Count
    refused: Count  # of these, it answered that it does not keep them
    perhaps: Count  # that it may have: an attempt ended unclear, and they were given up
    unjudged_bytes: Count  # of text that no detector could judge in full
    sampled: Count  # that sampling left out here
    before_sampling: int  # an estimate, by weights: as many as there were before any sampling
    by_type: list[Amount]
    by_origin: list[Amount]  # service and environment
    by_destination: list[Amount]
    over_time: list[Bucket]
    bucket: int  # seconds


class Amount(Part, frozen=True, kw_only=True):
    """Documents of one kind."""

    names: list[str]
    documents: Count
    bytes: Count
    people: Estimate | None = None
    first: datetime | None = None
    last: datetime | None = None


class Bucket(Part, frozen=True, kw_only=True):
    """A span of time: how much was delivered in it, and what stood in it in clear, by root."""

    start: datetime
    documents: Count
    clear: dict[str, Count]  # occurrences by root: secret, financial, pii, code, custom


class ClassRow(Part, frozen=True, kw_only=True):
    """E. A class of data in one form."""

    class_: str = msgspec.field(name="class")
    form: Form
    epoch: str | None = None  # of a pseudonym's key
    tags: list[str]  # what rules say about the class
    documents: Count  # bounds, too, where several detectors found it
    occurrences: Count
    distinct: Estimate | None  # None: values were not told apart
    first: datetime | None
    last: datetime | None
    detectors: list[str]
    evidence: list[str]  # what they went by: checksum, structure, pattern, key, words, …
    policies: list[str]
    harm: str  # what somebody could do with it in this form


class Subjects(Part, frozen=True, kw_only=True):
    """F. Who the documents are about."""

    about: Estimate | None  # different people, however their identity left
    identifiable: Estimate | None  # by a value in clear: from the most of one class to their sum
    by_class: list[ClassRow]  # that identify people
    by_service: list[Amount]


class Secret(Part, frozen=True, kw_only=True):
    """G. Credentials of one kind that left in clear, the most urgent first."""

    class_: str = msgspec.field(name="class")
    detector: str
    service: str
    environment: str
    occurrences: Count
    distinct: Estimate | None
    first: datetime | None
    last: datetime | None
    priority: int  # 1: now
    why: str


class Rotate(Part, frozen=True, kw_only=True):
    """G. A secret of your inventory, by its name: whether it must be replaced."""

    destination: str
    priority: int  # 1: first; 0: it need not be
    group: Literal["rotate", "not_needed", "absent", "not_seen", "unknown"]
    name: str
    verdict: str
    class_: str = msgspec.field(name="class")
    forms: list[str]
    services: list[str]
    first: datetime | None  # the hour
    last: datetime | None
    requests: int


class NeedleGap(Part, frozen=True, kw_only=True):
    """A time in which something may have left that cannot be found."""

    since: datetime
    until: datetime
    what: str
    documents: int | None
    record: int


class Inventory(Part, frozen=True, kw_only=True):
    """G. An inventory of secrets, held against what was sent."""

    values: int
    rows: list[Rotate]
    kept_since: datetime  # from when to when it can be found
    kept_until: datetime
    gaps: list[NeedleGap]


class Disclosed(Part, frozen=True, kw_only=True):
    """H. A name that documents disclosed of the code behind them; of whole days."""

    kind: str
    name: str
    detail: str
    services: list[str]
    documents: int
    lines: int  # of a file, that were shown
    first: datetime
    last: datetime


class CodeKind(Part, frozen=True, kw_only=True):
    """How many names of a kind."""

    kind: str
    names: int
    lines: int


class Code(Part, frozen=True, kw_only=True):
    """H. What was learnt of the code."""

    kinds: list[CodeKind]
    names: list[Disclosed]


class KeptBack(Part, frozen=True, kw_only=True):
    """Documents of one type that did not leave at all."""

    type: str
    reason: str
    documents: Count


class PseudonymKey(Part, frozen=True, kw_only=True):
    """A key of pseudonyms: once it is destroyed, nobody can tell what they stand for."""

    epoch: str
    destination: str | None  # None: all
    made_at: datetime | None
    destroyed_at: datetime | None  # when the last record told so; None as long as one has not
    left_in: list[int]  # the records that have not, where another one has
    by: str | None
    why: str | None
    record: int
    entry: int
    entry_hash: str


class Withheld(Part, frozen=True, kw_only=True):
    """I. What was kept from the destination."""

    by_class: list[ClassRow]
    whole_documents: list[KeptBack]
    pseudonym_keys: list[PseudonymKey]
    occurrences: Count
    share: float | None  # of all occurrences of secrets, financial and personal data
    policies: list[PolicyPeriod]
    controls_off: list[ControlOff]


class PolicyPeriod(Part, frozen=True, kw_only=True):
    """A policy in force, and what changed with it."""

    since: datetime
    until: datetime | None
    sha256: str | None
    by: str | None
    why: str | None
    changes: list[str]
    record: int
    entry: int
    entry_hash: str


class ControlOff(Part, frozen=True, kw_only=True):
    """What stood in the way of a destination, and did not for a time."""

    destination: str
    pipeline: str
    controls: list[str]  # `processor redact`, `class pii.email`, `redaction`: anything at all
    since: datetime
    until: datetime | None
    documents: Count  # delivered meanwhile
    record: int
    entry: int
    entry_hash: str


class Consequence(Part, frozen=True, kw_only=True):
    """K. What may come of a kind of data that left in clear."""

    class_: str = msgspec.field(name="class")
    harm: str
    severity: Severity | None  # None: it is not about people


class Severity(Part, frozen=True, kw_only=True):
    """ENISA's for a breach of personal data: data x identification + circumstances."""

    data: float  # its data processing context, 1 to 4
    identification: float  # its ease of identification, 0.25 to 1
    circumstances: float  # its circumstances of the breach
    score: float
    level: Literal["low", "medium", "high", "very high"]


class PolicyRate(Part, frozen=True, kw_only=True):
    """M. What one policy version let out, by root, for a thousand documents."""

    policy: str
    documents: Count
    first: datetime | None
    last: datetime | None
    clear: dict[str, Count]
    per_thousand: dict[str, float]


class Source(Part, frozen=True, kw_only=True):
    """M. A place that a class of data left from in clear."""

    service: str
    environment: str
    type: str
    class_: str = msgspec.field(name="class")
    occurrences: Count
    documents: Count
    last: datetime | None


class Comparison(Part, frozen=True, kw_only=True):
    """M. Before and after, and what to mend first."""

    by_policy: list[PolicyRate]
    sources: list[Source]
