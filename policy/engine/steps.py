"""The steps of an exact pattern, and what can be seen in them of every match."""

from __future__ import annotations

import re
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


# -- of a whole pattern: False where it cannot be seen ---------------------------------------------


@cache
def has_literal(pattern: str) -> bool:
    """Whether every match has two certain characters in a row."""
    steps = _seen(pattern)
    return any(step.operation is c.BRANCH and is_literal(step) for step in steps) or any(
        one.operation is two.operation is c.LITERAL for one, two in pairwise(steps)
    )


@cache
def is_beyond_ascii(pattern: str) -> bool:
    """Whether every match has a certain character that is not ASCII."""
    return any(
        step.operation is c.LITERAL and not _any_ascii(chr(step.argument))
        for step in _seen(pattern)
    )


@cache
def needs_digit(pattern: str) -> bool:
    """Whether every match has a digit of ASCII in it."""
    return any(_is_digit(step.operation, step.argument) for step in _seen(pattern))


def _seen(pattern: str) -> list[Step]:
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
