"""Triggers: for an exact pattern, one that Hyperscan takes and that fires wherever it could match.

A trigger says *that* a string may hold something, never where it ends. It is derived from the
exact pattern, and is wider: it drops what it need not check, and repeats only as often as every
match must.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants as c  # type: ignore[attr-defined]  # see `steps`
from typing import Any

from .characters import (
    ANY_BYTE,
    TAGS,
    Dialect,
    Piece,
    Underivable,
    byte_class,
    bytes_of,
    characters,
    class_of,
    literal,
)
from .steps import REPEATS, Step, flat, is_literal, steps_of

# A trigger that has so many bytes is telling enough: it ends there.
_ENOUGH = 12
# Before a gap of so many bytes a name of so many: a gap between literals takes long to compile.
_NAMED, _GAP = 7, 16
_MOST_AT_AN_END = 20  # of a repetition there, this much
# One that begins with a sign must go on for so many.
_FROM_A_SIGN = 6
# Longer repetitions are not counted: a run of a class costs nothing, a counter does.
_MOST_COUNTED = 32


def trigger(steps: Sequence[Step], dialect: Dialect) -> str:
    """The trigger of an exact pattern. Raises Underivable."""
    text = _folded(_trimmed(list(steps), dialect))
    if not text:
        raise Underivable("every part is optional")
    return text


def whole(pattern: str, dialect: Dialect) -> str:
    """A pattern that was written as a trigger, in a dialect; nothing is left out."""
    return _folded(_together(steps_of(pattern), dialect).text)


_EITHER_CASE = re.compile(
    "(?:" + "|".join(rf"\[{chr(code)}{chr(code + 32)}\]" for code in range(65, 91)) + ")+"
)


def _folded(text: str) -> str:
    """The same, shorter: Hyperscan takes 16,000 characters."""
    return _EITHER_CASE.sub(lambda m: f"(?i:{m[0].replace('[', '').replace(']', '')[1::2]})", text)


def _trimmed(steps: list[Step], dialect: Dialect) -> str:
    """The steps as a trigger: without what only widens it at its ends."""
    pieces = [_piece(step, dialect) for step in steps]
    while pieces and pieces[-1].least == 0:
        steps, pieces = steps[:-1], pieces[:-1]
    first = _first(steps, pieces)
    certain = next((i for i, step in enumerate(steps) if is_literal(step)), first)
    out = []
    if first < len(steps):
        begins_a_repeat = steps[first].operation in REPEATS or first == len(steps) - 1
        head = _shortest(steps[first], pieces[first], dialect) if begins_a_repeat else None
        out = [head or pieces[first]]
    least = out[0].least if out else 0
    for index in range(first + 1, len(steps)):
        step, piece = steps[index], pieces[index]
        if index > certain and (least >= _ENOUGH or (least >= _NAMED and _is_gap(step))):
            break
        last = index == len(steps) - 1 or (index >= certain and least + piece.least >= _ENOUGH)
        out.append(_shortest(step, piece, dialect) if last else piece)
        least += piece.least
    while out and out[-1].least == 0:
        out.pop()
    return "".join(piece.text for piece in out)


def _first(steps: list[Step], pieces: list[Piece]) -> int:
    """Where a trigger begins: behind what may be of any length before the first literal."""
    certain = next((i for i, step in enumerate(steps) if is_literal(step)), None)
    first = 0
    while first < len(steps) and pieces[first].least == 0 and not _is_context(steps[first]):
        first += 1
    if certain is None:
        return first
    # A sign is rarer than the classes before it, where enough follows it.
    if certain > first and sum(piece.least for piece in pieces[certain:]) >= _FROM_A_SIGN:
        return certain
    for index in range(certain - 1, first - 1, -1):
        if not pieces[index].fixed:
            return index if steps[index].operation in REPEATS else index + 1
    return first


def _is_gap(step: Step) -> bool:
    """Whether a step may be left out, and may be long."""
    if step.operation not in REPEATS:
        return False
    low, high, _ = step.argument
    return bool(low == 0 and _GAP <= high < c.MAXREPEAT)


def _is_context(step: Step) -> bool:
    """Whether a step is what must stand before a match: `^`, a boundary, `(?:^|[^x])`."""
    if step.operation is c.AT:
        return step.argument is not c.AT_END
    return step.operation is c.BRANCH and any(
        len(branch) == 1 and branch[0][0] is c.AT for branch in step.argument[1]
    )


def _shortest(step: Step, piece: Piece, dialect: Dialect) -> Piece:
    """A step at an end of a trigger: of a repetition what every match must have."""
    if step.operation in REPEATS and (not piece.fixed or piece.least > _MOST_AT_AN_END):
        low, _, inner = step.argument
        one = _together(flat(inner, step.caseless), dialect)
        low = min(low, max(1, _MOST_AT_AN_END // max(1, one.least)))
        return Piece(f"(?:{one.text}){{{low}}}" if low else "", one.least * low, True)
    if step.operation is c.BRANCH and not _is_context(step):
        heads = [_head(branch, step.caseless, dialect) for branch in step.argument[1]]
        least = min(head.least for head in heads)
        return Piece("(?:" + "|".join(head.text for head in heads) + ")", least, False)
    return piece


def _head(tree: Any, caseless: bool, dialect: Dialect) -> Piece:
    """The beginning of a sequence: as long as is telling, and with a literal if it has one."""
    steps = flat(tree, caseless)
    certain = next((i for i, step in enumerate(steps) if is_literal(step)), 0)
    out: list[Piece] = []
    least = 0
    for index, step in enumerate(steps):
        piece = _piece(step, dialect)
        ends = index >= certain and least + piece.least >= _ENOUGH
        out.append(_shortest(step, piece, dialect) if ends else piece)
        if ends:
            break
        least += piece.least
    return Piece("".join(p.text for p in out), sum(p.least for p in out), False)


def _together(steps: list[Step], dialect: Dialect) -> Piece:
    """A whole sequence, nothing left out."""
    pieces = [_piece(step, dialect) for step in steps]
    return Piece(
        "".join(piece.text for piece in pieces),
        sum(piece.least for piece in pieces),
        all(piece.fixed for piece in pieces),
    )


def _piece(step: Step, dialect: Dialect) -> Piece:
    operation, argument, caseless = step.operation, step.argument, step.caseless
    if operation is c.LITERAL:
        return literal(argument, dialect, caseless)
    if operation is c.NOT_LITERAL:
        return characters(ANY_BYTE - bytes_of(argument), True, dialect)
    if operation is c.ANY:
        return characters(ANY_BYTE - {0x0A}, True, dialect)
    if operation is c.IN:
        return class_of(argument, dialect, caseless)
    if operation is c.BRANCH:
        return _branch(argument[1], dialect, caseless)
    if operation in REPEATS:
        low, high, inner = argument
        return _repeat(low, high, inner, dialect, caseless)
    if operation is c.AT:
        return _anchor(argument, dialect)
    raise Underivable(str(operation))


def _anchor(where: Any, dialect: Dialect) -> Piece:
    """Anchors hold in text only."""
    text = ""
    if where is c.AT_BOUNDARY:
        text = r"\b" if dialect == "text" else ""
    elif dialect == "text" and where not in (c.AT_END, c.AT_END_STRING):
        text = "^"
    return Piece(text, 0, True)


def _branch(branches: Sequence[Any], dialect: Dialect, caseless: bool) -> Piece:
    if any(len(branch) == 1 and branch[0][0] is c.AT for branch in branches):
        return _boundary(branches, dialect, caseless)
    pieces = [_together(flat(branch, caseless), dialect) for branch in branches]
    least = min(piece.least for piece in pieces)
    same = all(piece.fixed and piece.least == least for piece in pieces)
    return Piece("(?:" + "|".join(piece.text for piece in pieces) + ")", least, same)


def _boundary(branches: Sequence[Any], dialect: Dialect, caseless: bool) -> Piece:
    """`(?:^|[^x])` and `(?:[^x]|$)`: the letter of an escape or a length may stand there."""
    ends = any(
        len(branch) == 1 and branch[0][0] is c.AT and branch[0][1] in (c.AT_END, c.AT_END_STRING)
        for branch in branches
    )
    if ends:
        return Piece("", 0, False)
    # The byte before, whatever it is a part of.
    bare: Dialect = "wire" if dialect == "json" else dialect
    texts = [text for branch in branches if (text := _together(flat(branch, caseless), bare).text)]
    if dialect == "json":
        texts.append(r"\\[bfnrt]")
    if dialect == "wire":
        texts.append(f"{byte_class(TAGS)}[\\x00-\\xff]")
    return Piece("(?:" + "|".join(texts) + ")", 0, True)


def _repeat(low: int, high: int, inner: Any, dialect: Dialect, caseless: bool) -> Piece:
    one = _together(flat(inner, caseless), dialect)
    if high is not c.MAXREPEAT:
        character = len(inner) == 1 and inner[0][0] in (c.IN, c.ANY, c.NOT_LITERAL, c.LITERAL)
        high = int(high) * 4 if character and not one.fixed else int(high)  # bytes of UTF-8
    if high is c.MAXREPEAT or high > _MOST_COUNTED:
        count = "*" if low == 0 else f"{{{low},}}"
    else:
        count = f"{{{low},{high}}}" if low != high else f"{{{low}}}"
    return Piece(f"(?:{one.text}){count}", one.least * low, one.fixed and low == high)
