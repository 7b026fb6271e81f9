"""Characters of an exact pattern as bytes that Hyperscan looks for, in each of three dialects.

- `text`: strings of a document, joined by line feeds: what stands around a match is real.
- `json`: JSON as received: a character may be written as an escape (`\\n`, `\\"`, `\\/`), and what
  stands before a match may be the letter of one. Escapes by number (`\\u0041`) are not followed:
  a document that has them is always read.
- `wire`: protobuf: strings as they are, but behind a length that may look like a letter: whatever
  must stand before a match may also be a tag and a length.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from re import _constants as c  # type: ignore[attr-defined]  # see `steps`
from typing import Any, Literal

Dialect = Literal["text", "json", "wire"]

ANY_BYTE = frozenset(range(0x100))
_HIGH = frozenset(range(0x80, 0x100))
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGIT = frozenset(b"0123456789")
_SPACE = frozenset(b"\t\n\f\r ")
# What stands before the length of a string, or is the first part of it: a tag (protobuf.dev,
# "Encoding") of wire type 2, or the end of a longer one. `b` is the only letter among them.
TAGS = frozenset((*range(0x10), 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, ord("b"), *_HIGH))
_ESCAPED = {0x22: '"', 0x5C: "\\\\", 0x2F: "/", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 9: "t"}


class Underivable(ValueError):  # noqa: N818  a fact about a pattern
    """The exact pattern has something that no trigger can be derived from."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a trigger: its text, and how many bytes of the exact match it stands for."""

    text: str
    least: int
    fixed: bool


def literal(code: int, dialect: Dialect, caseless: bool) -> Piece:
    """One character."""
    char = chr(code)
    if code >= 0x80:
        forms = {char, char.lower(), char.upper()} if caseless else {char}
        texts = sorted("".join(f"\\x{b:02x}" for b in form.encode()) for form in forms)
        return Piece(f"(?:{'|'.join(texts)})", len(char.encode()), False)
    found = {code}
    if caseless and char.isalpha():
        found = {ord(char.lower()), ord(char.upper())}
    return characters(frozenset(found), False, dialect)


def bytes_of(code: int) -> frozenset[int]:
    """A character that is one byte; nothing for others."""
    return frozenset({code}) if code < 0x80 else frozenset()


def class_of(items: Iterable[Any], dialect: Dialect, caseless: bool) -> Piece:
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
        return characters((ANY_BYTE - wanted) | _HIGH, True, dialect)
    if others and not wanted & _HIGH:
        texts = ["".join(f"\\x{b:02x}" for b in char.encode()) for char in others]
        if wanted:
            texts.insert(0, characters(frozenset(wanted), False, dialect).text)
        return Piece(f"(?:{'|'.join(texts)})", 1, False)
    return characters(frozenset(wanted), bool(wanted & _HIGH), dialect)


def _category(name: Any) -> frozenset[int]:
    found = {
        c.CATEGORY_DIGIT: _DIGIT, c.CATEGORY_WORD: _WORD, c.CATEGORY_SPACE: _SPACE,
        c.CATEGORY_NOT_DIGIT: ANY_BYTE - _DIGIT, c.CATEGORY_NOT_WORD: ANY_BYTE - _WORD,
        c.CATEGORY_NOT_SPACE: ANY_BYTE - _SPACE,
    }.get(name)  # fmt: skip
    if found is None:
        raise Underivable(str(name))
    return found


@cache
def characters(wanted: frozenset[int], wide: bool, dialect: Dialect) -> Piece:
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
                return Piece(r"\\?/", 1, False)
            text = f"(?:{byte_class(plain)}|{escape})" if plain else f"(?:{escape})"
            return Piece(text, 1, False)
    return Piece(text, 1, not wide)


def byte_class(wanted: Iterable[int]) -> str:
    """A class of bytes, or the byte itself when it is one, in Hyperscan's syntax."""
    return _byte_class(frozenset(wanted))


@cache
def _byte_class(wanted: frozenset[int]) -> str:
    codes = sorted(wanted)
    if len(codes) == 1:
        return _byte(codes[0])
    inside = "[" + "".join(_ranges(codes)) + "]"
    others = sorted(ANY_BYTE.difference(codes))
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
