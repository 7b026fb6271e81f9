"""What detection yields: trees, spans of text with their classes, and the forms they leave in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from .classes import ROOTS, severity

Tree: TypeAlias = "None | bool | int | float | str | bytes | list[Tree] | dict[str, Tree]"

SELECTED = "selector"  # the detector's name for what a selector named
# The classes of fields for which a selector names an action instead of a class, and their tiers.
# The action claims them, so nothing stays because of them; but a mask shows the end of a number.
FIELD_ACTIONS = {"custom.field_remove": 0, "custom.field_replace": 0, "custom.field_mask": 2}

# How a finding leaves, from the most to the least telling.
Form = Literal["clear", "pseudonym", "generalised", "masked", "removed"]
FORMS: tuple[Form, ...] = ("clear", "pseudonym", "generalised", "masked", "removed")


class PolicyLimit(Exception):  # noqa: N818  a fact about data
    """Judging a document would take more work than the policy allows: it must not go out."""


class Unsupported(Exception):  # noqa: N818  a fact about data
    """A document is of a kind that the policy cannot judge: it must not go out."""


class Span(NamedTuple):
    """Characters `start` to `end` of a string are of a class, as a detector saw."""

    start: int
    end: int
    class_: str
    detector: str


class Mark(NamedTuple):
    """A finding at its place in a string of a document, mapped back through every encoding.

    `value` is what stands there once decoded: the same in every encoding. `form` is what an
    earlier chain left there; `quoted` says that text at this place needs quotation marks (a
    number inside JSON).
    """

    start: int
    end: int
    class_: str
    detector: str
    value: str
    form: Form = "clear"
    quoted: bool = False


class Found(NamedTuple):
    """A finding and what became of it. It has the value: it never leaves the process."""

    class_: str
    form: Form
    detector: str
    value: str
    before: Form = "clear"  # what an earlier chain had left there
    epoch: str = ""  # of the pseudonym that it became


class Taken:
    """Parts of a text, sorted once: whoever sends thousands of them has each asked about all."""

    def __init__(self, parts: Iterable[tuple[int, int]]) -> None:
        """`parts` are starts and ends, in any order; they may overlap."""
        ordered = sorted(parts)
        self._starts = [start for start, _ in ordered]
        self._reached = list(accumulate((end for _, end in ordered), max))

    def has_some_of(self, start: int, end: int) -> bool:
        """Whether one of them overlaps this one."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._reached[before - 1] > start


def outdoes_all(mark: Mark, text: str) -> bool:
    """Whether the union of a mark of this text and any others is that mark."""
    tier = FIELD_ACTIONS.get(mark.class_) if mark.detector == SELECTED else None
    return tier == 0 and mark.form == "clear" and (mark.start, mark.end) == (0, len(text))


def merge(marks: Iterable[Mark], text: str) -> list[Mark]:
    """Join marks that overlap: each union takes the most sensitive class in it.

    What a selector says of a field outdoes what the field's own meaning or its key says; an
    action it names outdoes every class, but a mask no secret and nothing financial.

    `text` is the string they stand in. The result is sorted and free of overlaps.
    """
    found = set(marks)
    if len(found) == 1:
        return list(found)
    merged: list[Mark] = []
    together: list[Mark] = []  # that overlap, each with one of those before it
    end = 0
    for mark in sorted(_without_outdone(found), key=_order):
        if together and mark.start >= end:
            merged.append(_union(together, end, text))
            together = []
        end = max(end, mark.end) if together else mark.end
        together.append(mark)
    if together:
        merged.append(_union(together, end, text))
    return merged


def _without_outdone(marks: set[Mark]) -> set[Mark]:
    selected = {mark for mark in marks if mark.detector == SELECTED}
    if not selected:
        return marks
    return selected | {
        mark
        for mark in marks - selected
        if mark.detector not in ("key", "field")
        or mark.class_.startswith(("secret.", "financial."))
        or not any(one.start <= mark.start and mark.end <= one.end for one in selected)
    }


def _union(marks: Sequence[Mark], end: int, text: str) -> Mark:
    """One mark of several that reach from the start of the first to `end`."""
    if len(marks) == 1:
        return marks[0]
    span = (marks[0].start, end)
    worst = min(marks, key=_rank)
    same = (worst.start, worst.end) == span
    return Mark(
        *span,
        worst.class_,
        worst.detector,
        worst.value if same else text[slice(*span)],
        worst.form,
        any(mark.quoted and (mark.start, mark.end) == span for mark in marks),
    )


def _order(mark: Mark) -> tuple[int, int, bool, str, str, str]:
    """By place, the longest first; what only repeats another finding last."""
    copy = mark.detector == "copy"
    return mark.start, -mark.end, copy, mark.class_, mark.detector, mark.value


def _rank(mark: Mark) -> tuple[bool, int, int, int]:
    """What an earlier chain left counts least, then what is only made coarser."""
    root, _, name = mark.class_.partition(".")
    # An id is the coarsest guess: a route or a statement says better what stands there.
    rank = severity(mark.class_) if root in ROOTS else (len(ROOTS), int(name == "id"))
    return (mark.form != "clear", _tier(mark, root), *rank)


def _tier(mark: Mark, root: str) -> int:
    if mark.detector == SELECTED and mark.class_ in FIELD_ACTIONS:
        return FIELD_ACTIONS[mark.class_]
    return 1 if root in ("secret", "financial") else 3
