"""What people can tell a collector to do, whoever carries their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from ...ledger.embedded.handover import HandOver, Taken
from .messages import (
    Job,
    Jobs,
    PlanRun,
    Plans,
    Purged,
    Reloaded,
    ReplayOrder,
    Swapped,
    Tightened,
    TrustChanged,
)
from .status import Status


class Refused(Exception):  # noqa: N818  an answer to who asks, not a fault of ours
    """Something is not done. `status` is HTTP's, `kind` a word for programs.

    The text is a sentence that holds names of the configuration at most, and what was asked for.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Operations(Protocol):
    """What the control API carries out. Its methods are called on the API's own event loop.

    `by` is who says it, `why` their reason. Each may raise Refused; then nothing has changed.
    """

    async def sample(self) -> None:
        """Look at the counters from time to time, for ever: rates are known whoever asks."""

    def status(self) -> Status:
        """How everything is, right now. Never waits for the pipeline."""

    async def tighten(
        self, names: Sequence[str], state: Literal["held", "distrusted"], by: str, why: str
    ) -> TrustChanged:
        """Hold or distrust exporters, by id or operator. In force before anything is waited for."""

    async def resume(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """Let go what is held."""

    async def trust(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """Trust exporters again, by id or operator."""

    async def swap(self, from_: str, to: str, by: str, why: str) -> Swapped:
        """Have one destination get what another one would have got."""

    async def purge(self, destination: str, *, really: bool, by: str, why: str) -> Purged:
        """Destroy what waits for a destination; or only say what that would destroy."""

    async def reload(self) -> Reloaded:
        """Read the configuration again and run it; refused, the old one goes on."""

    async def set_strict(self, *, strict: bool, by: str, why: str) -> Tightened:
        """Have everything pass the strict profile as well, or no longer."""

    async def replay(self, order: ReplayOrder, by: str) -> Job:
        """Begin a replay; the same one again, while it has not ended, is that one."""

    def replays(self) -> Jobs:
        """How far replays are."""

    def replay_job(self, id_: str) -> Job:
        """How far one is."""

    async def stop_replay(self, id_: str) -> Job:
        """Stop one where it is."""

    async def take(self, handover: HandOver, by: str) -> Taken:
        """Book what an embedded pipeline hands over."""

    def plans(self) -> Plans:
        """The incident plans that are configured."""

    async def run_plan(self, name: str, by: str, why: str) -> PlanRun:
        """Do all that a plan says, and tell how long each step took."""

    async def drill(self, name: str) -> PlanRun:
        """Rehearse the standbys of a plan."""
