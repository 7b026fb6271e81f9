"""What is said over the control API: JSON objects, described once, here.

The OpenAPI document is made from these structs. No field holds a value of a document.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...delivery.health import HealthState
from ...delivery.standby import Cause
from ...delivery.trust.states import TrustState
from ..payloads.document import DocumentType

Moment = Annotated[float, Meta(description="Seconds since the epoch.")]
Name = Annotated[str, Meta(description="An exporter's id, or an operator.", max_length=1100)]
Names = Annotated[list[Name], Meta(min_length=1, max_length=100)]
Id = Annotated[str, Meta(description="An exporter's id.", max_length=1100)]
Why = Annotated[str, Meta(description="The reason, for those who come after.", max_length=1000)]
NotWritten = Annotated[
    str | None,
    Meta(description="Why it could not be written down: in force until the collector ends."),
]
JobState = Literal["waiting", "running", "done", "stopped", "failed"]
CollectorState = Literal["starting", "running", "stopping", "stopped"]
StorageFault = Literal["full", "io", "damaged", "hangs", "gone"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector says. Later versions may say more."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the collector is told to do."""


class Trouble(Answer, frozen=True, kw_only=True):
    """Why a request was not done."""

    error: Annotated[str, Meta(description="A sentence.")]
    kind: Annotated[str, Meta(description="A word for programs.")]


# How a collector is.


class StandsIn(Answer, frozen=True, kw_only=True):
    """A destination that gets what another one would have got."""

    id: str
    instead_of: str
    cause: Cause


class RouteStatus(Answer, frozen=True, kw_only=True):
    """One pipeline."""

    id: str
    receivers: list[str]
    processors: list[str]
    exporters: list[str]
    stand_ins: list[StandsIn]


class TrustSaid(Answer, frozen=True, kw_only=True):
    """What counts for a destination, who said so, why and when."""

    state: TrustState
    by: str
    why: str
    since: Moment
    about: Annotated[
        str,
        Meta(
            description="Of what that was said: the exporter, its operator, `EXPORTER@fleet` for "
            "the control document that is followed, or nothing: every exporter."
        ),
    ] = ""


class ReceiverStatus(Answer, frozen=True, kw_only=True):
    """Who is connected to a receiver."""

    id: str
    transport: str
    connections: int
    max_connections: Annotated[int, Meta(description="As many as there may be at one time.")]


class DestinationStatus(Answer, frozen=True, kw_only=True):
    """How one destination is."""

    id: str
    operators: Annotated[list[str], Meta(description="Who runs it, as `distrust` takes it.")]
    standby_for: Annotated[str | None, Meta(description="Whose place it can take.")]
    trust: TrustSaid
    health: Annotated[HealthState, Meta(description="As its own answers show.")]
    queued_documents: int
    queued_bytes: int
    capacity_bytes: int
    oldest_age: Annotated[float, Meta(description="Seconds that the oldest one has waited.")]
    accepted_per_second: Annotated[float, Meta(description="Documents, over the last minute.")]
    delivered_per_second: Annotated[float, Meta(description="Documents, over the last minute.")]
    last_error: Annotated[str | None, Meta(description="The kind of the last failed attempt.")]


class JournalStatus(Answer, frozen=True, kw_only=True):
    """The head of a collector's journal: whoever keeps a copy can show that it was rewritten."""

    head: Annotated[str | None, Meta(description="`COUNT:HASH`, for `errlock exposure verify`.")]
    signature: Annotated[str | None, Meta(description="Of the head, if there is a key.")]
    sent: Annotated[str | None, Meta(description="The newest head that arrived elsewhere.")]
    send_failed: Annotated[str | None, Meta(description="Why the last one did not.")]
    gaps: Annotated[
        int, Meta(description="How many entries since the start say that something is missing.")
    ]
    last_gap: Annotated[str | None, Meta(description="What the last of them is.")]


class KeyringStatus(Answer, frozen=True, kw_only=True):
    """A keyring file that pseudonyms are made with."""

    id: Annotated[str, Meta(description="As `errlock key list` shows it.")]
    events: Annotated[
        int, Meta(description="How many of its rotations and destructions are obeyed and told.")
    ]
    trouble: Annotated[str | None, Meta(description="What came in the way at the last look.")]


class CopiesStatus(Answer, frozen=True, kw_only=True):
    """What was delivered and is kept for replays."""

    oldest: Annotated[Moment | None, Meta(description="When the first of it was delivered.")]
    lost: Annotated[
        int,
        Meta(description="How many deliveries since the start had none until its time was over."),
    ]


class FollowerStatus(Answer, frozen=True, kw_only=True):
    """Somebody who follows the control document, by the name they give."""

    name: str
    seen: Moment
    version: Annotated[int, Meta(description="Of the document that is in force there.")]


class FleetStatus(Answer, frozen=True, kw_only=True):
    """Who follows this collector."""

    version: Annotated[int, Meta(description="Of the document that says what is in force here.")]
    followers: Annotated[
        list[FollowerStatus], Meta(description="Those who asked within the last half minute.")
    ]
    release_lost: Annotated[
        str | None, Meta(description="Why the last release is published no more, if so.")
    ] = None


class FollowingStatus(Answer, frozen=True, kw_only=True):
    """How this collector follows another one's control document."""

    fresh: Annotated[bool, Meta(description="Else every destination is held.")]
    age: Annotated[float | None, Meta(description="Seconds since a valid document was seen.")]
    version: int
    trouble: Annotated[str | None, Meta(description="What came in the way at the last look.")]


class Status(Answer, frozen=True, kw_only=True):
    """How a collector is."""

    version: str
    state: CollectorState
    degraded: Annotated[
        bool, Meta(description="Whether too many documents of the last minute were refused.")
    ]
    refused_share: Annotated[
        float, Meta(description="The share of the last minute's documents nobody could judge.")
    ]
    storage_fault: Annotated[
        StorageFault | None, Meta(description="Why nothing is taken that comes in, if so.")
    ]
    trust_fault: Annotated[str | None, Meta(description="What is wrong with the trust file.")]
    journal: Annotated[
        JournalStatus | None, Meta(description="None with `storage: memory`, which keeps none.")
    ]
    keyrings: list[KeyringStatus]
    copies: Annotated[
        CopiesStatus | None, Meta(description="Null where what was delivered is not kept.")
    ] = None
    strict: Annotated[bool, Meta(description="Whether people had the policy tightened.")]
    started: Moment
    receivers: list[ReceiverStatus] = []
    routes: list[RouteStatus]
    destinations: list[DestinationStatus]
    unclaimed: Annotated[
        dict[str, int],
        Meta(
            description="Documents that wait for exporters that are not configured, by id, as "
            "counted after the last start or reload."
        ),
    ] = {}
    fleet: Annotated[
        FleetStatus | None, Meta(description="Null where no control document is published.")
    ] = None
    following: Annotated[
        FollowingStatus | None, Meta(description="Null where none is followed.")
    ] = None


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
    types: Annotated[list[DocumentType], Meta(description="Only these. None: all.")] = []
    projects: Annotated[
        list[Annotated[str, Meta(max_length=1000)]], Meta(description="Only of these. None: all.")
    ] = []
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
