"""What an embedded pipeline hands over of its account: counts and fingerprints, never a value.

A hand-over has a number: the same one again, because its answer was lost, is booked once. It comes
from an application's process: bounds stand here, what is in bounds is judged by `taking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from ...pipeline.component import Outcome
from ..code.names import Kind

SUFFIX = ".handover"  # of files with one each
MOST_ROWS = 2_000
MOST_VALUES = 20_000
MOST_NAMES = 2_000
MOST_BORDERS = 20_000  # of lines, of all names together
_MOST = 2**31
_END = r"$(?!\n)"  # `$` alone would let a line feed pass

DESTINATION = rf"^[a-z][a-z0-9_]{{0,31}}(/[A-Za-z0-9_.-]{{1,31}})?{_END}"  # an exporter's id

Count = Annotated[int, Meta(ge=0, lt=_MOST)]
Word = Annotated[str, Meta(max_length=64)]
Fingerprint = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Moment = Annotated[float, Meta(ge=0, lt=1e11, description="Seconds since the epoch.")]


class HandedRow(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A line of the account: see docs/ledger.md. Without a class it is the documents themselves."""

    minute: Annotated[int, Meta(ge=0, lt=10**11, multiple_of=60)]
    destination: Annotated[str, Meta(pattern=DESTINATION)]
    type: Word
    service: Word
    environment: Word
    policy: Annotated[str, Meta(pattern=rf"^embedded:[0-9a-f]{{16}}{_END}")]
    class_: Word = ""
    form: Annotated[
        str,
        Meta(pattern=rf"^(clear|generalised|masked|removed|pseudonym(:e[0-9]{{1,6}})?)?{_END}"),
    ] = ""
    detector: Annotated[str, Meta(pattern=rf"^[A-Za-z0-9_.-]{{0,64}}{_END}")] = ""
    outcome: Outcome = "delivered"
    reason: Annotated[str, Meta(pattern=rf"^[a-z_]{{0,32}}{_END}")] = ""
    documents: Count = 0
    occurrences: Count = 0
    bytes: Annotated[int, Meta(ge=0, lt=2**40)] = 0
    unjudged: Annotated[int, Meta(ge=0, lt=2**40)] = 0
    sampled: Annotated[int, Meta(ge=0, lt=2**40)] = 0
    first: Moment
    last: Moment
    values: Annotated[
        Mapping[Fingerprint, Annotated[int, Meta(ge=1, lt=_MOST)]],
        Meta(max_length=MOST_VALUES, description="Fingerprints, and how many requests had each."),
    ] = {}


class HandedName(msgspec.Struct, frozen=True, array_like=True):
    """A name of the code that documents disclosed: see docs/ledger.md."""

    destination: Annotated[str, Meta(pattern=DESTINATION)]
    service: Word
    environment: Word
    kind: Kind
    name: Annotated[str, Meta(max_length=402)]
    detail: Annotated[str, Meta(max_length=240)]
    documents: Count
    first: Moment
    last: Moment
    lines: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=65_536)], ...],
        Meta(max_length=2_000, description="Of a file: from, up to and without, from, …"),
    ] = ()


class Missing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a process could not keep until it could hand it over."""

    documents: Count
    values: Annotated[Count, Meta(description="Fingerprints.")]
    names: Annotated[Count, Meta(description="Of code, or pieces with several of them.")] = 0
    since: Moment


class HandOver(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Part of the account of one process. Holds no value of a document."""

    process: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{32}}{_END}", description="Made up by it.")]
    number: Annotated[int, Meta(ge=1, lt=2**53, description="Each is one more than the last.")]
    service: Word
    name: Annotated[Word, Meta(description="Of the process: for people.")] = ""
    every: Annotated[float, Meta(gt=0, le=3600, description="Seconds until the next one.")]
    made: Moment
    key: (
        Annotated[
            str,
            Meta(pattern=rf"^[0-9a-f]{{8}}{_END}", description="What fingerprints are made with."),
        ]
        | None
    ) = None
    rows: Annotated[list[HandedRow], Meta(max_length=MOST_ROWS)] = []
    code: Annotated[list[HandedName], Meta(max_length=MOST_NAMES)] = []
    missing: Missing | None = None
    ended: Annotated[bool, Meta(description="Nothing more comes: the process ends.")] = False


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """It is in the account, on disk."""

    number: int


def encoded(handover: HandOver) -> bytes:
    """As JSON."""
    return msgspec.json.encode(handover)


def decoded(data: bytes) -> HandOver:
    """The reverse. Raises one of UNREADABLE, whose texts may quote it."""
    return msgspec.json.decode(data, type=HandOver)
