"""A review: all samples through the policy in force, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ...policy.selectors import Selector, Trail
from ..api import Format
from ..payloads.document import Payload
from .candidates import NOTHING, Leaving, leaving
from .in_force import PolicyInForce
from .samples import Unreadable, payloads
from .tally import Tally


@dataclass(slots=True)
class Review:
    """What was seen."""

    policy: PolicyInForce
    tally: Tally
    files: set[str] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)
    leaving: Leaving = NOTHING

    @property
    def anything_leaves(self) -> bool:
        """Whether something leaves in clear that looks sensitive, and nobody wrote that it may."""
        return bool(self.leaving.unclaimed or self.leaving.candidates)


def review(
    policy: PolicyInForce,
    files: Sequence[str],
    format_: Format,
    ignored: Sequence[Selector] = (),
    step: Callable[[int], None] = lambda done: None,
    tell: Callable[[Unreadable], None] = lambda damage: None,
) -> Review:
    """Read the samples and judge them. `ignored` are fields that somebody has looked at.

    `step` is told how many documents are done, `tell` what could not be read.
    """
    safe = [*policy.detection.safe, *ignored]
    seen = Review(policy, Tally(policy.cut, partial(_is_below, safe)))
    for done, (name, line, payload) in enumerate(payloads(files, format_), 1):
        damage = payload if isinstance(payload, Unreadable) else _add(seen, name, line, payload)
        if damage is not None:
            seen.unreadable.append(damage)
            tell(damage)
        step(done)
    seen.leaving = leaving(seen.tally, policy.keeps)
    return seen


def _add(seen: Review, name: str, line: int, payload: Payload) -> Unreadable | None:
    """Judge and count a payload; what is returned says why that could not be done."""
    try:
        for judged in seen.policy.judge(payload):
            seen.tally.add(judged)
    except Exception as failure:  # noqa: BLE001  the rest goes on; its text may quote a document
        return Unreadable(name, f"cannot be judged ({type(failure).__name__})", line)
    seen.files.add(name)
    return None


def _is_below(selectors: Sequence[Selector], trail: Trail) -> bool:
    """Whether a field is meant by one of these selectors, or stands in one that is."""
    ends = range(1, len(trail) + 1) if selectors else ()
    return any(each.matches(trail[:end]) for end in ends for each in selectors)
