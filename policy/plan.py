"""What a chain of redact, hash and generalize processors does together: one plan.

Detection happens once, on the value as received, for all of them; then the first processor that
claims the class of a finding acts on the whole of it. So the processors do not run one after the
other: each is a *part*, and the parts of a chain are compiled into a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .findings import FORMS as FORMS
from .findings import Form as Form
from .findings import PolicyLimit as PolicyLimit
from .findings import Tree as Tree
from .findings import Unsupported as Unsupported


@dataclass(frozen=True)
class Part:
    """What one processor adds to the plan of its chain."""


@dataclass(slots=True)
class Subject:
    """A document as the policy sees it: its kind, its content, what it shares with others."""

    type: str
    tree: Tree
    parents: tuple[Subject, ...] = ()


@dataclass(slots=True)
class Findings:
    """What was found in one subject: only the plan looks inside."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A subject after the actions, and how often what left in which form."""

    tree: Tree  # the input object itself when nothing was changed
    counts: Mapping[tuple[str, Form, str], int] = field(
        default_factory=dict
    )  # class, form, detector


class Plan:
    """The compiled policy of one chain for one destination."""

    def __init__(self, parts: Sequence[Part], scope: str = "") -> None:
        """Compile. `scope` separates the pseudonyms of one destination from another's."""
        raise NotImplementedError

    def detect(self, subjects: Sequence[Subject]) -> list[Findings | Exception]:
        """Find what is sensitive in documents that came together, copies included.

        One result a subject, in order; an exception where it could not be judged (a limit was
        met): that one must not go out. The result serves every plan with the same parts,
        whatever its scope.
        """
        raise NotImplementedError

    def render(self, subject: Subject, findings: Findings) -> Rendered:
        """Apply the actions. Changes nothing in place."""
        raise NotImplementedError
