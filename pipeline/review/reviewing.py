"""A review: all samples through the policy in force, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...policy.selectors import Selector, Trail
from ..api import Format
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
    detection = policy.detection

    def cut(text: str) -> str:
        for held in reversed(detection.placeholders(text)):
            text = f"{text[: held.start]} {text[held.end :]}"
        return text

    safe = [*detection.safe, *ignored]

    def is_safe(trail: Trail) -> bool:
        ends = range(1, len(trail) + 1) if safe else ()
        return any(each.matches(trail[:end]) for end in ends for each in safe)

    seen = Review(policy, Tally(cut, is_safe))
    for done, (name, line, payload) in enumerate(payloads(files, format_), 1):
        damage = payload if isinstance(payload, Unreadable) else None
        if not isinstance(payload, Unreadable):
            try:
                for judged in policy.judge(payload):
                    seen.tally.add(judged)
                seen.files.add(name)
            except Exception as failure:  # noqa: BLE001  the rest goes on; its text may quote a document
                damage = Unreadable(name, f"cannot be judged ({type(failure).__name__})", line)
        if damage is not None:
            seen.unreadable.append(damage)
            tell(damage)
        step(done)
    seen.leaving = leaving(seen.tally, policy.keeps)
    return seen
