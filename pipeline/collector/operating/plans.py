"""Runs an incident plan: one step after the other, whatever becomes of the one before."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

from ...config.incident import PlanOptions
from ...control.messages import Step, Swapped, Tightened, TrustChanged
from ...control.operations import Operations, Refused

_Work = Callable[[], Awaitable[TrustChanged | Swapped | Tightened]]


async def run(
    operations: Operations,
    plan: PlanOptions,
    swaps: Sequence[tuple[str, str]],
    by: str,
    why: str,
    *,
    publishes: bool,
) -> list[Step]:
    """Do what a plan says. `swaps`: whose place each standby takes that it activates; `publishes`:
    whether others may follow, to whom no policy is told.
    """
    began = time.monotonic()
    steps = []
    for what, work in _steps(operations, plan, swaps, by, why, publishes):
        trouble = None
        try:
            if (not_written := (await work()).not_written) is not None:
                trouble = f"not written down: {not_written}"
        except Refused as no:
            trouble = str(no)
        seconds = round(time.monotonic() - began, 3)
        steps.append(Step(what=what, seconds=seconds, trouble=trouble))
    return steps


def _steps(
    operations: Operations,
    plan: PlanOptions,
    swaps: Sequence[tuple[str, str]],
    by: str,
    why: str,
    publishes: bool,
) -> list[tuple[str, _Work]]:
    """What is done, in words, and what does it: what stops a leak comes first."""

    def tighten(names: Sequence[str], state: Literal["held", "distrusted"]) -> _Work:
        return partial(operations.tighten, names, state, by, why)

    def swap(from_: str, to: str) -> _Work:
        return partial(operations.swap, from_, to, by, why)

    steps: list[tuple[str, _Work]] = []
    if plan.distrust:
        steps.append((f"distrust {', '.join(plan.distrust)}", tighten(plan.distrust, "distrusted")))
    if plan.hold:
        steps.append((f"hold {', '.join(plan.hold)}", tighten(plan.hold, "held")))
    steps += [(f"activate {to} for {from_}", swap(from_, to)) for from_, to in swaps]
    if plan.tighten:
        strict = partial(operations.set_strict, strict=True, by=by, why=why)
        whose = " of this collector (not of those that follow)" if publishes else ""
        steps.append((f"tighten the policy{whose}", strict))
    return steps
