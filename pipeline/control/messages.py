"""What is said over the control API: JSON objects, described once, here.

The OpenAPI document is made from these structs. No field holds a value of a document.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...delivery.health import HealthState

Seconds = Annotated[float, Meta(description="Seconds.")]
Moment = Annotated[float, Meta(description="Seconds since the epoch.")]
Id = Annotated[str, Meta(description="An id or operator as configured.", max_length=1100)]
Why = Annotated[str, Meta(description="The reason, for those who come after.", max_length=1000)]
CollectorState = Literal["starting", "running", "stopping", "stopped"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector says. Later versions may say more."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the collector is told to do."""


class Trouble(Answer, frozen=True, kw_only=True):
    """Why a request was not done."""

    error: Annotated[str, Meta(description="A sentence without any value of the request.")]
    kind: Annotated[str, Meta(description="A word for programs.")]


class RouteStatus(Answer, frozen=True, kw_only=True):
    """One pipeline."""

    id: str
    receivers: list[str]
    processors: list[str]
    exporters: list[str]


class DestinationStatus(Answer, frozen=True, kw_only=True):
    """How one destination is."""

    id: str
    operators: Annotated[list[str], Meta(description="Who runs it, as `distrust` takes it.")]
    standby_for: Annotated[str | None, Meta(description="Whose place it can take.")]
    health: Annotated[HealthState, Meta(description="As its own answers show.")]
    queued_documents: int
    queued_bytes: int
    capacity_bytes: int
    oldest_age: Annotated[float, Meta(description="Seconds that the oldest one has waited.")]
    accepted_per_second: Annotated[float, Meta(description="Documents, over the last minute.")]
    delivered_per_second: Annotated[float, Meta(description="Documents, over the last minute.")]
    last_error: Annotated[str | None, Meta(description="The kind of the last failed attempt.")]


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
    started: Moment
    routes: list[RouteStatus]
    destinations: list[DestinationStatus]
