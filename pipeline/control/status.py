"""How a collector is, as the control API tells it. No field holds a value of a document."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...delivery.health import HealthState
from ...delivery.standby import Cause
from ...delivery.trust.states import TrustState
from .vocabulary import Answer, Moment

CollectorState = Literal["starting", "running", "stopping", "stopped"]
StorageFault = Literal["full", "io", "damaged", "hangs", "gone"]


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
    dropped: Annotated[
        dict[str, int],
        Meta(description="Documents that it did not get, since the start, by reason."),
    ] = msgspec.field(default_factory=dict)


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
    receivers: list[ReceiverStatus] = msgspec.field(default_factory=list)
    routes: list[RouteStatus]
    destinations: list[DestinationStatus]
    unclaimed: Annotated[
        dict[str, int],
        Meta(
            description="Documents that wait for exporters that are not configured, by id, as "
            "counted after the last start or reload."
        ),
    ] = msgspec.field(default_factory=dict)
    fleet: Annotated[
        FleetStatus | None, Meta(description="Null where no control document is published.")
    ] = None
    following: Annotated[
        FollowingStatus | None, Meta(description="Null where none is followed.")
    ] = None
