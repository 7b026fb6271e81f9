"""The steps of an exact pattern, and what can be seen in them of every match."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from re import _constants as c  # type: ignore[attr-defined]  # the parser of the standard library
from re import _parser  # type: ignore[attr-defined]  # has no other name in 3.11
from typing import Any

REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)
_HEXADECIMAL = re.compile(r"\\x\{([0-9A-Fa-f]{1,8})\}")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a pattern, with whether case counts there."""

    operation: Any
    argument: Any
    caseless: bool


def steps_of(pattern: str) -> list[Step]:
    """The steps of a pattern (RE2 syntax). Raises re.error."""
    tree = _parser.parse(_readable(pattern))
    return flat(tree, _is_caseless(tree.state.flags))


def flat(tree: Any, caseless: bool) -> list[Step]:
    """The steps of a part of a pattern, groups opened."""
    steps: list[Step] = []
    for operation, argument in tree:
        if operation is c.SUBPATTERN:
            _, added, removed, inner = argument
            inside = (caseless or _is_caseless(added)) and not _is_caseless(removed)
            steps += flat(inner, inside)
        else:
            steps.append(Step(operation, argument, caseless))
    return steps


def _readable(pattern: str) -> str:
    """RE2 syntax that Python's parser does not know, as what it does know."""
    pattern = _HEXADECIMAL.sub(lambda m: f"\\U{int(m[1], 16):08x}", pattern)
    letters = "a-zA-Z\\x80-\\U0010ffff"
    return pattern.replace("\\pL", f"[{letters}]").replace("\\pN", "[0-9\\x80-\\U0010ffff]")


def _is_caseless(flags: int) -> bool:
    return bool(flags & re.IGNORECASE)


def is_literal(step: Step) -> bool:
    """Whether a step is certain characters, a choice of such, or one of few signs."""
    if step.operation is c.BRANCH:
        return all(
            sum(operation is c.LITERAL for operation, _ in branch) > 1
            for branch in step.argument[1]
        )
    if step.operation is c.IN:  # one of two or three signs
        return len(step.argument) <= 3 and all(
            operation is c.LITERAL and not chr(code).isalnum() for operation, code in step.argument
        )
    return step.operation is c.LITERAL


def ways(steps: Sequence[Step]) -> list[list[Step]]:
    """The same, once for each word that a match can begin with.

    A choice of many words is an engine that watches every byte; each for itself is a literal.
    """
    for index, step in enumerate(steps):
        if step.operation is c.BRANCH:
            choices = [flat(each, step.caseless) for each in step.argument[1]]
            if not all(map(_begins_a_word, choices)):
                break
            before, behind = steps[:index], steps[index + 1 :]
            return [way for each in choices for way in ways([*before, *each, *behind])]
        if step.operation is not c.AT:
            break
    return [list(steps)]


def _begins_a_word(steps: Sequence[Step]) -> bool:
    """Whether a choice begins with a certain letter, small or not, or with another choice."""
    first = next((step for step in steps if step.operation is not c.AT), None)
    if first is None:
        return False
    if first.operation is c.BRANCH:
        return all(_begins_a_word(flat(each, first.caseless)) for each in first.argument[1])
    if first.operation is c.IN:  # `[Kk]`
        letters = {chr(code).lower() for kind, code in first.argument if kind is c.LITERAL}
        return len(letters) == 1 and all(kind is c.LITERAL for kind, _ in first.argument)
    return first.operation is c.LITERAL


# -- of whole patterns -----------------------------------------------------------------------------


def has_literal(steps: Sequence[Step]) -> bool:
    """Whether every match has two certain characters in a row."""
    return any(step.operation is c.BRANCH and is_literal(step) for step in steps) or any(
        one.operation is two.operation is c.LITERAL for one, two in pairwise(steps)
    )


def is_beyond_ascii(steps: Sequence[Step]) -> bool:
    """Whether every match has a certain character that is not ASCII."""
    return any(step.operation is c.LITERAL and not _any_ascii(chr(step.argument)) for step in steps)


def needs_digit(steps: Sequence[Step]) -> bool:
    """Whether every match has a digit of ASCII in it."""
    return any(_is_digit(step.operation, step.argument) for step in steps)


@cache
def seen(pattern: str) -> Sequence[Step]:
    """As `steps_of`; nothing where it cannot be read."""
    try:
        return steps_of(pattern)
    except re.error:
        return []


def _any_ascii(char: str) -> bool:
    return any(form.isascii() for form in (char, char.lower(), char.upper()))


def _is_digit(operation: Any, argument: Any) -> bool:
    if operation is c.LITERAL:
        return chr(argument).isdigit() and argument < 0x80
    if operation in REPEATS:
        low, _, inner = argument
        return low > 0 and len(inner) == 1 and _is_digit(*inner[0])
    return operation is c.IN and all(
        (kind is c.RANGE and what[0] >= 0x30 and what[1] <= 0x39)
        or (kind is c.LITERAL and 0x30 <= what <= 0x39)
        or (kind is c.CATEGORY and what is c.CATEGORY_DIGIT)
        for kind, what in argument
    )
