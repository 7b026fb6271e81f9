"""What is to be done in an incident, written down and checked before there is one: `incident`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..errors import Problem
from ..options import Duration
from .service import Section


class PlanOptions(Section, frozen=True, kw_only=True):
    """A plan: what `errlock incident run` does, in one go and in this order."""

    distrust: Annotated[
        tuple[str, ...],
        Meta(description="Ids or operators of exporters that get nothing more, not a byte."),
    ] = ()
    hold: Annotated[
        tuple[str, ...],
        Meta(description="Ids or operators of exporters whose documents wait."),
    ] = ()
    activate: Annotated[
        tuple[str, ...],
        Meta(description="Ids of standbys that take over from those they stand by for."),
    ] = ()
    tighten: Annotated[
        Literal["strict"] | None,
        Meta(
            description="`strict`: everything passes `redact` with the profile strict as well, "
            "what waits included."
        ),
    ] = None

    def problems(self) -> Iterable[Problem]:
        """A plan that does nothing, or two things at once."""
        if not (self.distrust or self.hold or self.activate or self.tighten):
            yield Problem("", "expected at least one of distrust, hold, activate and tighten")
        for index, name in enumerate(self.activate):
            if name in self.distrust or name in self.hold:
                yield Problem(f"activate[{index}]", "is distrusted or held by the same plan")
        for index, name in enumerate(self.hold):
            if name in self.distrust:
                yield Problem(f"hold[{index}]", "is distrusted by the same plan")


class DrillOptions(Section, frozen=True, kw_only=True):
    """A rehearsal of a plan: `errlock incident run PLAN --drill`."""

    share: Annotated[
        float,
        Meta(
            description="The share of what comes in that goes to the standbys as well.", gt=0, le=1
        ),
    ] = 0.05
    duration: Annotated[
        Duration, Meta(description="How long a standby may take to store a document.")
    ] = Duration("30s")


class IncidentOptions(Section, frozen=True, kw_only=True):
    """Plans for incidents."""

    plans: Annotated[dict[str, PlanOptions], Meta(description="Plans by name.")] = msgspec.field(
        default_factory=dict
    )
    drill: Annotated[DrillOptions, Meta(description="How a plan is rehearsed.")] = DrillOptions()
