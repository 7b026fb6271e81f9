"""What is said over the control API: JSON objects, described once, here and in `status.py`.

The OpenAPI document is made from these structs. No field holds a value of a document.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..payloads.document import DocumentType
from .status import RouteStatus, TrustSaid
from .vocabulary import Answer, Id, Moment, Names, NotWritten, Order, Why

JobState = Literal["waiting", "running", "done", "stopped", "failed"]


class Trouble(Answer, frozen=True, kw_only=True):
    """Why a request was not done."""

    error: Annotated[str, Meta(description="A sentence.")]
    kind: Annotated[str, Meta(description="A word for programs.")]


# What people say about destinations.


class TrustOrder(Order, frozen=True, kw_only=True):
    """A word about some destinations."""

    names: Names
    why: Why = ""


class TrustOf(Answer, frozen=True, kw_only=True):
    """What counts for one destination now."""

    id: str
    trust: TrustSaid


FleetVersion = Annotated[
    int | None, Meta(description="Of the control document that says so to those who follow.")
]


class TrustChanged(Answer, frozen=True, kw_only=True):
    """What counts now for the destinations that were named."""

    destinations: list[TrustOf]
    not_written: NotWritten
    fleet_version: FleetVersion = None


class SwapOrder(Order, frozen=True, kw_only=True):
    """Move what goes to one destination to another one, its standby, or back."""

    from_: Id = msgspec.field(name="from")
    to: Id
    why: Why = ""


class Swapped(Answer, frozen=True, kw_only=True):
    """Where what comes in goes now."""

    routes: list[RouteStatus]
    not_written: NotWritten


class PurgeOrder(Order, frozen=True, kw_only=True):
    """Destroy what waits for a destination."""

    destination: Id
    confirm: Annotated[
        str,
        Meta(description="The destination's id once more; without it, it is only said how much."),
    ] = ""
    why: Why = ""


class Purged(Answer, frozen=True, kw_only=True):
    """What was destroyed, or would be."""

    destination: str
    done: bool
    documents: int
    bytes: int
    traces: Annotated[
        bool,
        Meta(
            description="Whether traces of it are left on the disk, because somebody reads "
            "queue.db: purge again."
        ),
    ] = False


# What is sent again.


class ReplayOrder(Order, frozen=True, kw_only=True):
    """Send what waits for a destination, or was delivered to it and kept, to another one."""

    from_: Id = msgspec.field(name="from")
    to: Id
    delivered: Annotated[bool, Meta(description="What was delivered and kept, not what waits.")] = (
        False
    )
    since: Annotated[
        float, Meta(description="Received at or after this: seconds since the epoch.")
    ] = 0.0
    until: Annotated[
        float | None, Meta(description="Received before this; in any case before it was ordered.")
    ] = None
    types: Annotated[list[DocumentType], Meta(description="Only these. None: all.")] = (
        msgspec.field(default_factory=list)
    )
    projects: Annotated[
        list[Annotated[str, Meta(max_length=1000)]], Meta(description="Only of these. None: all.")
    ] = msgspec.field(default_factory=list)
    policy: Annotated[
        Literal["strict"] | None,
        Meta(description="`strict`: it passes `redact` with the profile strict as well."),
    ] = None
    move: Annotated[
        bool, Meta(description="What the other one takes whole waits at the first no more.")
    ] = False
    why: Why = ""


class Job(Answer, frozen=True, kw_only=True):
    """How far a replay is."""

    id: str
    from_: Id = msgspec.field(name="from")
    to: Id
    by: str
    why: str
    state: JobState
    trouble: Annotated[str | None, Meta(description="Why it failed, in a word.")]
    ordered: Moment
    total: Annotated[int, Meta(description="Payloads.")]
    done: Annotated[int, Meta(description="Payloads.")]
    documents: Annotated[int, Meta(description="Documents that were handed over.")]
    moved: Annotated[int, Meta(description="Documents that wait at the first one no more.")]
    sent: Annotated[
        int,
        Meta(description="Documents that were just being sent to the first one, which ended them."),
    ]
    damaged: Annotated[int, Meta(description="Payloads that could not be read.")]
    linkable: Annotated[
        int, Meta(description="Payloads with pseudonyms, which the first one has as well.")
    ]


class Jobs(Answer, frozen=True, kw_only=True):
    """The replays that have not ended, and the last ones that have."""

    replays: list[Job]


# Its configuration.


class PlainOrder(Order, frozen=True, kw_only=True):
    """Something that needs no more than a reason."""

    why: Why = ""


class Reloaded(Answer, frozen=True, kw_only=True):
    """What a reload changed."""

    changes: Annotated[list[str], Meta(description="A line for each. None: nothing differs.")]


class Tightened(Answer, frozen=True, kw_only=True):
    """Whether everything passes the strict profile as well."""

    strict: bool
    not_written: NotWritten


# Incident plans.


class Plan(Answer, frozen=True, kw_only=True):
    """A plan as it is configured."""

    name: str
    distrust: list[str]
    hold: list[str]
    activate: list[str]
    tighten: Literal["strict"] | None


class Plans(Answer, frozen=True, kw_only=True):
    """Every plan."""

    plans: list[Plan]


class PlanOrder(Order, frozen=True, kw_only=True):
    """Run a plan."""

    name: Annotated[str, Meta(max_length=1100)]
    drill: Annotated[
        bool, Meta(description="Only rehearse its standbys; nobody gets less meanwhile.")
    ] = False
    why: Why = ""


class Step(Answer, frozen=True, kw_only=True):
    """One step of a plan."""

    what: str
    seconds: Annotated[float, Meta(description="From the start of the plan to its end.")]
    trouble: Annotated[str | None, Meta(description="What kept it from being done as it should.")]


class PlanRun(Answer, frozen=True, kw_only=True):
    """What a plan did."""

    name: str
    steps: list[Step]
    fleet_version: FleetVersion = None
