"""Strings in JSON as received: where they begin and end, and what their keys are.

Nothing is decoded: it is asked of readable documents only, in which every string ends.
"""

from __future__ import annotations

import re

_LONGEST = 160  # bytes of a string that is remembered, and of its key
MOST_NAME = 130  # longer texts are no names (named.py)
BLANKS, QUOTE, BACKSLASH, COLON = b" \t\r\n", *b'"\\:'
BEHIND_KEY = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")


def opening(data: bytes, at: int, floor: int) -> int:
    """The quotation mark that opens the string around a byte (which may be the one that ends it).

    It is looked for back to `floor`, where the string before was seen to end.
    """
    start = data.rfind(b'"', floor, at)
    while start > floor and is_escaped(data, start):
        start = data.rfind(b'"', floor, start)
    return start


def closing(data: bytes, start: int) -> int:
    """The quotation mark that ends the string that begins at one."""
    end = data.find(b'"', start + 1)
    while end >= 0 and is_escaped(data, end):
        end = data.find(b'"', end + 1)
    return end if end >= 0 else len(data)


def is_escaped(data: bytes, at: int) -> bool:
    """Whether a byte of a string has a backslash before it that is not one itself."""
    slashes = 0
    while data[at - 1 - slashes : at - slashes] == b"\\":
        slashes += 1
    return slashes % 2 == 1


def sign_before(data: bytes, at: int) -> int:
    """The last byte before a place that is no blank. Something always stands there."""
    at -= 1
    while data[at] in BLANKS:
        at -= 1
    return at


def key_of(data: bytes, start: int) -> str | None:
    """The key of the value that begins at a quotation mark; None where it is not known."""
    colon = sign_before(data, start)
    end = sign_before(data, colon)
    if data[colon] != COLON or data[end] != QUOTE:
        return None
    key = data[data.rfind(b'"', 0, end) + 1 : end]
    return None if b"\\" in key or len(key) > MOST_NAME else key.decode("utf-8", "replace")


def with_key(data: bytes, start: int, end: int) -> bytes:
    """A string with its key, or with the sign before it, and the sign behind it.

    Nothing when it is long, or when blanks stand there.
    """
    if end - start > _LONGEST or end + 1 >= len(data) or data[end + 1] in BLANKS:
        return b""
    before = start - 1
    if data[before] in BLANKS:
        before -= 1  # some write one behind the colon or the comma
    if data[before] == COLON and data[before - 1] == QUOTE:
        before = data.rfind(b'"', 0, before - 1)
    if start - before > _LONGEST or data[before] in BLANKS or data[before - 1] == BACKSLASH:
        return b""
    return data[before : end + 2]
