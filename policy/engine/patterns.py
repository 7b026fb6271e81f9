"""Triggers: for an exact pattern, one that Hyperscan takes and that fires wherever it could match.

A trigger says *that* a string may hold something, never where it ends. It is derived from the
exact pattern, and is wider: it drops what it need not check, and repeats only as often as every
match must. Three dialects, one for each kind of bytes that are scanned:

- `text`: strings of a document, joined by line feeds: what stands around a match is real.
- `json`: JSON as received: a character may be written as an escape (`\\n`, `\\"`, `\\/`), and what
  stands before a match may be the letter of one. Escapes by number (`\\u0041`) are not followed:
  a document that has them is always read.
- `wire`: protobuf: strings as they are, but behind a length that may look like a letter: whatever
  must stand before a match may also be a tag and a length.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from re import _constants as c  # type: ignore[attr-defined]  # the parser of the standard library
from re import _parser  # type: ignore[attr-defined]  # has no other name in 3.11
from typing import Any, Literal

Dialect = Literal["text", "json", "wire"]

# A trigger that has so many bytes is telling enough: it ends there.
_ENOUGH = 12
# Before a gap of so many bytes a name of so many: a gap between literals takes long to compile.
_NAMED, _GAP = 7, 16
_MOST_AT_AN_END = 20  # of a repetition there, this much
# One that begins with a sign must go on for so many.
_FROM_A_SIGN = 6
# Longer repetitions are not counted: a run of a class costs nothing, a counter does.
_MOST_COUNTED = 32
_HIGH = frozenset(range(0x80, 0x100))
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGIT = frozenset(b"0123456789")
_SPACE = frozenset(b"\t\n\f\r ")
_ALL = frozenset(range(0x100))
# What stands before the length of a string, or is the first part of it: a tag (protobuf.dev,
# "Encoding") of wire type 2, or the end of a longer one. `b` is the only letter among them.
TAGS = frozenset((*range(0x10), 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, ord("b"), *_HIGH))
_ESCAPED = {0x22: '"', 0x5C: "\\\\", 0x2F: "/", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 9: "t"}


class Underivable(ValueError):  # noqa: N818  a fact about a pattern
    """The exact pattern has something that no trigger can be derived from."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a trigger: its text, and how many bytes of the exact match it stands for."""

    text: str
    least: int
    fixed: bool


def trigger(pattern: str, dialect: Dialect) -> str:
    """The trigger of an exact pattern (RE2 syntax). Raises Underivable."""
    try:
        tree = _parser.parse(_readable(pattern))
    except re.error as wrong:
        raise Underivable(str(wrong)) from None
    text = _folded(_trimmed(_flat(tree, _is_caseless(tree.state.flags)), dialect))
    if not text:
        raise Underivable("every part is optional")
    return text


@cache
def has_literal(pattern: str) -> bool:
    """Whether every match has two certain characters in a row."""
    try:
        tree = _parser.parse(_readable(pattern))
    except re.error:
        return False
    items = _flat(tree, _is_caseless(tree.state.flags))
    return any(item.operation is c.BRANCH and _is_literal(item) for item in items) or any(
        one.operation is two.operation is c.LITERAL for one, two in pairwise(items)
    )


@cache
def is_beyond_ascii(pattern: str) -> bool:
    """Whether every match has a certain character that is not ASCII."""
    try:
        tree = _parser.parse(_readable(pattern))
    except re.error:
        return False
    items = _flat(tree, _is_caseless(tree.state.flags))
    return any(item.operation is c.LITERAL and not _any_ascii(chr(item.argument)) for item in items)


def _any_ascii(char: str) -> bool:
    return any(form.isascii() for form in (char, char.lower(), char.upper()))


@cache
def needs_digit(pattern: str) -> bool:
    """Whether every match has a digit of ASCII in it. False when that is not plain to see."""
    try:
        tree = _parser.parse(_readable(pattern))
    except re.error:
        return False
    return any(_is_digit(item.operation, item.argument) for item in _flat(tree, caseless=False))


def _is_digit(operation: Any, argument: Any) -> bool:
    if operation is c.LITERAL:
        return chr(argument).isdigit() and argument < 0x80
    if operation in _REPEATS:
        low, _, inner = argument
        return low > 0 and len(inner) == 1 and _is_digit(*inner[0])
    return operation is c.IN and all(
        (kind is c.RANGE and what[0] >= 0x30 and what[1] <= 0x39)
        or (kind is c.LITERAL and 0x30 <= what <= 0x39)
        or (kind is c.CATEGORY and what is c.CATEGORY_DIGIT)
        for kind, what in argument
    )


def whole(pattern: str, dialect: Dialect) -> str:
    """A pattern that was written as a trigger, in a dialect; nothing is left out."""
    tree = _parser.parse(_readable(pattern))
    return _folded(_joined(tree, _is_caseless(tree.state.flags), dialect).text)


_EITHER_CASE = re.compile(
    "(?:" + "|".join(rf"\[{chr(code)}{chr(code + 32)}\]" for code in range(65, 91)) + ")+"
)


def _folded(text: str) -> str:
    """The same, shorter: Hyperscan takes 16,000 characters."""
    return _EITHER_CASE.sub(lambda m: f"(?i:{m[0].replace('[', '').replace(']', '')[1::2]})", text)


_HEXADECIMAL = re.compile(r"\\x\{([0-9A-Fa-f]{1,8})\}")


def _readable(pattern: str) -> str:
    """RE2 syntax that Python's parser does not know, as what it does know."""
    pattern = _HEXADECIMAL.sub(lambda m: f"\\U{int(m[1], 16):08x}", pattern)
    letters = "a-zA-Z\\x80-\\U0010ffff"
    return pattern.replace("\\pL", f"[{letters}]").replace("\\pN", "[0-9\\x80-\\U0010ffff]")


def _is_caseless(flags: int) -> bool:
    return bool(flags & re.IGNORECASE)


# -- emission ----------------------------------------------------------------------------------

_REPEATS = (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT)


@dataclass(frozen=True, slots=True)
class _Item:
    """A step of a pattern, with whether case counts there."""

    operation: Any
    argument: Any
    caseless: bool


def _flat(tree: Any, caseless: bool) -> list[_Item]:
    """The steps of a sequence, groups opened."""
    items: list[_Item] = []
    for operation, argument in tree:
        if operation is c.SUBPATTERN:
            _, added, removed, inner = argument
            inside = (caseless or _is_caseless(added)) and not _is_caseless(removed)
            items += _flat(inner, inside)
        else:
            items.append(_Item(operation, argument, caseless))
    return items


def _trimmed(items: list[_Item], dialect: Dialect) -> str:
    """The steps as a trigger: without what only widens it at its ends."""
    pieces = [_piece(item, dialect) for item in items]
    while pieces and pieces[-1].least == 0:
        items, pieces = items[:-1], pieces[:-1]
    first = _first(items, pieces)
    literal = next((i for i, item in enumerate(items) if _is_literal(item)), first)
    out = []
    if first < len(items):
        begins_a_repeat = items[first].operation in _REPEATS or first == len(items) - 1
        head = _shortest(items[first], pieces[first], dialect) if begins_a_repeat else None
        out = [head or pieces[first]]
    least = out[0].least if out else 0
    for index in range(first + 1, len(items)):
        item, piece = items[index], pieces[index]
        if index > literal and (least >= _ENOUGH or (least >= _NAMED and _is_gap(item))):
            break
        last = index == len(items) - 1 or (index >= literal and least + piece.least >= _ENOUGH)
        out.append(_shortest(item, piece, dialect) if last else piece)
        least += piece.least
    while out and out[-1].least == 0:
        out.pop()
    return "".join(piece.text for piece in out)


def _first(items: list[_Item], pieces: list[_Piece]) -> int:
    """Where a trigger begins: behind what may be of any length before the first literal."""
    literal = next((i for i, item in enumerate(items) if _is_literal(item)), None)
    first = 0
    while first < len(items) and pieces[first].least == 0 and not _is_context(items[first]):
        first += 1
    if literal is None:
        return first
    # A sign is rarer than the classes before it, where enough follows it.
    if literal > first and sum(piece.least for piece in pieces[literal:]) >= _FROM_A_SIGN:
        return literal
    for index in range(literal - 1, first - 1, -1):
        if not pieces[index].fixed:
            return index if items[index].operation in _REPEATS else index + 1
    return first


def _is_literal(item: _Item) -> bool:
    if item.operation is c.BRANCH:
        return all(
            sum(operation is c.LITERAL for operation, _ in branch) > 1
            for branch in item.argument[1]
        )
    if item.operation is c.IN:  # one of two or three signs
        return len(item.argument) <= 3 and all(
            operation is c.LITERAL and not chr(code).isalnum() for operation, code in item.argument
        )
    return item.operation is c.LITERAL


def _is_gap(item: _Item) -> bool:
    """Whether a step may be left out, and may be long."""
    if item.operation not in _REPEATS:
        return False
    low, high, _ = item.argument
    return bool(low == 0 and _GAP <= high < c.MAXREPEAT)


def _is_context(item: _Item) -> bool:
    """Whether a step is what must stand before a match: `^`, a boundary, `(?:^|[^x])`."""
    if item.operation is c.AT:
        return item.argument is not c.AT_END
    return item.operation is c.BRANCH and any(
        len(branch) == 1 and branch[0][0] is c.AT for branch in item.argument[1]
    )


def _shortest(item: _Item, piece: _Piece, dialect: Dialect) -> _Piece:
    """A step at an end of a trigger: of a repetition what every match must have."""
    if item.operation in _REPEATS and (not piece.fixed or piece.least > _MOST_AT_AN_END):
        low, _, inner = item.argument
        one = _joined(inner, item.caseless, dialect)
        low = min(low, max(1, _MOST_AT_AN_END // max(1, one.least)))
        return _Piece(f"(?:{one.text}){{{low}}}" if low else "", one.least * low, True)
    if item.operation is c.BRANCH and not _is_context(item):
        heads = [_head(branch, item.caseless, dialect) for branch in item.argument[1]]
        least = min(head.least for head in heads)
        return _Piece("(?:" + "|".join(head.text for head in heads) + ")", least, False)
    return piece


def _head(tree: Any, caseless: bool, dialect: Dialect) -> _Piece:
    """The beginning of a sequence: as long as is telling, and with a literal if it has one."""
    items = _flat(tree, caseless)
    literal = next((i for i, item in enumerate(items) if _is_literal(item)), 0)
    out: list[_Piece] = []
    least = 0
    for index, item in enumerate(items):
        piece = _piece(item, dialect)
        ends = index >= literal and least + piece.least >= _ENOUGH
        out.append(_shortest(item, piece, dialect) if ends else piece)
        if ends:
            break
        least += piece.least
    return _Piece("".join(p.text for p in out), sum(p.least for p in out), False)


def _joined(tree: Any, caseless: bool, dialect: Dialect) -> _Piece:
    """A whole sequence, nothing left out."""
    pieces = [_piece(item, dialect) for item in _flat(tree, caseless)]
    return _Piece(
        "".join(piece.text for piece in pieces),
        sum(piece.least for piece in pieces),
        all(piece.fixed for piece in pieces),
    )


def _piece(item: _Item, dialect: Dialect) -> _Piece:
    operation, argument, caseless = item.operation, item.argument, item.caseless
    if operation is c.LITERAL:
        return _literal(argument, dialect, caseless)
    if operation is c.NOT_LITERAL:
        return _characters(_ALL - _bytes_of(argument), True, dialect)
    if operation is c.ANY:
        return _characters(_ALL - {0x0A}, True, dialect)
    if operation is c.IN:
        return _class(argument, dialect, caseless)
    if operation is c.BRANCH:
        return _branch(argument[1], dialect, caseless)
    if operation in _REPEATS:
        low, high, inner = argument
        return _repeat(low, high, inner, dialect, caseless)
    if operation is c.AT:
        return _anchor(argument, dialect)
    raise Underivable(str(operation))


def _anchor(where: Any, dialect: Dialect) -> _Piece:
    """Anchors hold in text only."""
    text = ""
    if where is c.AT_BOUNDARY:
        text = r"\b" if dialect == "text" else ""
    elif dialect == "text" and where not in (c.AT_END, c.AT_END_STRING):
        text = "^"
    return _Piece(text, 0, True)


def _branch(branches: Sequence[Any], dialect: Dialect, caseless: bool) -> _Piece:
    if any(len(branch) == 1 and branch[0][0] is c.AT for branch in branches):
        return _boundary(branches, dialect, caseless)
    pieces = [_joined(branch, caseless, dialect) for branch in branches]
    least = min(piece.least for piece in pieces)
    same = all(piece.fixed and piece.least == least for piece in pieces)
    return _Piece("(?:" + "|".join(piece.text for piece in pieces) + ")", least, same)


def _boundary(branches: Sequence[Any], dialect: Dialect, caseless: bool) -> _Piece:
    """`(?:^|[^x])` and `(?:[^x]|$)`: the letter of an escape or a length may stand there."""
    ends = any(
        len(branch) == 1 and branch[0][0] is c.AT and branch[0][1] in (c.AT_END, c.AT_END_STRING)
        for branch in branches
    )
    if ends:
        return _Piece("", 0, False)
    # The byte before, whatever it is a part of.
    bare: Dialect = "wire" if dialect == "json" else dialect
    texts = [text for branch in branches if (text := _joined(branch, caseless, bare).text)]
    if dialect == "json":
        texts.append(r"\\[bfnrt]")
    if dialect == "wire":
        texts.append(f"{byte_class(TAGS)}[\\x00-\\xff]")
    return _Piece("(?:" + "|".join(texts) + ")", 0, True)


def _repeat(low: int, high: int, inner: Any, dialect: Dialect, caseless: bool) -> _Piece:
    one = _joined(inner, caseless, dialect)
    if high is not c.MAXREPEAT:
        character = len(inner) == 1 and inner[0][0] in (c.IN, c.ANY, c.NOT_LITERAL, c.LITERAL)
        high = int(high) * 4 if character and not one.fixed else int(high)  # bytes of UTF-8
    if high is c.MAXREPEAT or high > _MOST_COUNTED:
        count = "*" if low == 0 else f"{{{low},}}"
    else:
        count = f"{{{low},{high}}}" if low != high else f"{{{low}}}"
    return _Piece(f"(?:{one.text}){count}", one.least * low, one.fixed and low == high)


# -- characters --------------------------------------------------------------------------------


def _literal(code: int, dialect: Dialect, caseless: bool) -> _Piece:
    char = chr(code)
    if code >= 0x80:
        forms = {char, char.lower(), char.upper()} if caseless else {char}
        texts = sorted("".join(f"\\x{b:02x}" for b in form.encode()) for form in forms)
        return _Piece(f"(?:{'|'.join(texts)})", len(char.encode()), False)
    found = {code}
    if caseless and char.isalpha():
        found = {ord(char.lower()), ord(char.upper())}
    return _characters(frozenset(found), False, dialect)


def _bytes_of(code: int) -> frozenset[int]:
    return frozenset({code}) if code < 0x80 else frozenset()


def _class(items: Iterable[Any], dialect: Dialect, caseless: bool) -> _Piece:
    """A class of characters as a class of bytes: every byte that one of them may begin with."""
    wanted: set[int] = set()
    others: list[str] = []  # characters beyond ASCII that stand in it one by one
    negated = False
    for operation, argument in items:
        if operation is c.NEGATE:
            negated = True
        elif operation is c.LITERAL:
            if argument < 0x80:
                wanted.add(argument)
            else:
                others.append(chr(argument))
        elif operation is c.RANGE:
            low, high = argument
            wanted.update(range(low, min(high, 0x7F) + 1))
            if high >= 0x80:
                wanted |= _HIGH
        elif operation is c.CATEGORY:
            wanted |= _category(argument)
        else:
            raise Underivable(str(operation))
    if caseless:
        wanted |= {ord(x) for b in wanted if b < 0x80 for x in (chr(b).lower(), chr(b).upper())}
    if negated:
        return _characters((_ALL - wanted) | _HIGH, True, dialect)
    if others and not wanted & _HIGH:
        texts = ["".join(f"\\x{b:02x}" for b in char.encode()) for char in others]
        if wanted:
            texts.insert(0, _characters(frozenset(wanted), False, dialect).text)
        return _Piece(f"(?:{'|'.join(texts)})", 1, False)
    return _characters(frozenset(wanted), bool(wanted & _HIGH), dialect)


def _category(name: Any) -> frozenset[int]:
    found = {
        c.CATEGORY_DIGIT: _DIGIT, c.CATEGORY_WORD: _WORD, c.CATEGORY_SPACE: _SPACE,
        c.CATEGORY_NOT_DIGIT: _ALL - _DIGIT, c.CATEGORY_NOT_WORD: _ALL - _WORD,
        c.CATEGORY_NOT_SPACE: _ALL - _SPACE,
    }.get(name)  # fmt: skip
    if found is None:
        raise Underivable(str(name))
    return found


@cache
def _characters(wanted: frozenset[int], wide: bool, dialect: Dialect) -> _Piece:
    """One of these bytes. `wide`: it may begin a longer character."""
    if not wanted:
        raise Underivable("a class without characters")
    text = byte_class(wanted)
    if dialect == "json":
        escapes = [letter for byte, letter in _ESCAPED.items() if byte in wanted]
        if escapes:
            # A class of most bytes may take the backslash of an escape by itself: it is shorter so.
            most = len(wanted) > len(_HIGH)
            plain = wanted - ({0x22} if most else {0x22, 0x5C, *range(0x20)})
            escape = "\\\\[" + "".join(escapes) + "]"
            if wanted == {0x2F}:
                return _Piece(r"\\?/", 1, False)
            text = f"(?:{byte_class(plain)}|{escape})" if plain else f"(?:{escape})"
            return _Piece(text, 1, False)
    return _Piece(text, 1, not wide)


def byte_class(wanted: Iterable[int]) -> str:
    """A class of bytes, or the byte itself when it is one, in Hyperscan's syntax."""
    return _byte_class(frozenset(wanted))


@cache
def _byte_class(wanted: frozenset[int]) -> str:
    codes = sorted(wanted)
    if len(codes) == 1:
        return _byte(codes[0])
    inside = "[" + "".join(_ranges(codes)) + "]"
    others = sorted(_ALL.difference(codes))
    outside = "[^" + "".join(_ranges(others)) + "]" if others else r"[\x00-\xff]"
    return min(inside, outside, key=len)


def _ranges(codes: Sequence[int]) -> Iterator[str]:
    start = last = codes[0]
    for code in [*codes[1:], sys.maxsize]:
        if code == last + 1:
            last = code
            continue
        yield _byte(start) if start == last else f"{_byte(start)}-{_byte(last)}"
        start = last = code


def _byte(code: int) -> str:
    return chr(code) if chr(code).isalnum() and code < 0x80 else f"\\x{code:02x}"
