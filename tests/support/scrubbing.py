"""A plan on one document, as tests of the policy need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from errlock.policy.parts import Part, default_parts
from errlock.policy.plan import Findings, Plan, Rendered, Subject


def rendered(
    tree: Any, *, parts: Sequence[Part] | None = None, type_: str = "event", scope: str = ""
) -> Rendered:
    """Scrub one document. Raises what `detect` returned in its place."""
    plan = Plan(default_parts() if parts is None else parts, scope)
    subject = Subject(type_, tree)
    [findings] = plan.detect([subject])
    if not isinstance(findings, Findings):
        raise findings
    return plan.render(subject, findings)


def scrubbed(
    tree: Any, *, parts: Sequence[Part] | None = None, type_: str = "event", scope: str = ""
) -> Any:
    """The tree of one document after the plan, without the `_meta` that tells of it."""
    new = rendered(tree, parts=parts, type_=type_, scope=scope).tree
    if isinstance(new, dict) and "_meta" not in tree:
        return {key: value for key, value in new.items() if key != "_meta"}
    return new


def scrubbed_text(text: str, parts: Sequence[Part] | None = None) -> Any:
    """A text in a place where nothing is known about it, after the plan."""
    return scrubbed({"extra": {"note": text}}, parts=parts)["extra"]["note"]
