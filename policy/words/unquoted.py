"""Where a value without quotes goes on: over the words of a name, the groups of a number, a street.

Offsets in bytes.
"""

from __future__ import annotations

import re

from .values import MAX_VALUE, NAME_BEGINS, STREET, Value, class_of, compile_bytes

_CLAUSE = compile_bytes(rb"(?: [^\s,;|{}()\[\]<>\"'=:]{1,40}){0,8}")  # more words of it


def whole_clause(data: bytes, value: Value) -> Value:
    """What is said of somebody's health goes on to the end of the clause."""
    return value._replace(end=_CLAUSE.match(data, value.end).end())


_CAPITALISED = compile_bytes(  # up to punctuation of any script
    rb"(?:" + NAME_BEGINS + rb"(?:[^\s,;=:&|\d()\[\]{}<>\"\xe3\xef]|\xe3[\x81-\xbf])* ?){1,4}"
)


def whole_name(data: bytes, value: Value) -> Value:
    """A name without quotes goes on over its capitalised words."""
    match = _CAPITALISED.match(data, value.start)
    if match is None or match.end() <= value.end:
        return value
    end = match.end()
    if data[end : end + 1] in (b"=", b":") and b" " in data[value.start : end]:  # the last is a key
        end = data.rindex(b" ", value.start, end)
    end = _before_labels(data, value.start, end)
    end = value.start + len(data[value.start : end].rstrip())
    return Value(value.start, max(end, value.end), False, value.separator)


_SPACED = re.compile(rb" ++([\x80-\xff]++)")


def _before_labels(data: bytes, start: int, end: int) -> int:
    """Where a name ends before the next label of a form: `氏名：山田太郎 電話番号 …`."""
    for word in _SPACED.finditer(data, start, end):
        if class_of(word.group(1)) is not None:
            return word.start()
    return end


_GROUPS = compile_bytes(rb"[+(]?[0-9](?:[ ()./\-]{0,2}[0-9]){6,14}")
_FEWEST_DIGITS = 7  # of a number in one piece


def whole_number(data: bytes, value: Value) -> Value:
    """A telephone's number goes on over its groups."""
    if value.end - value.start >= _FEWEST_DIGITS:
        return value
    match = _GROUPS.match(data, value.start)
    if match is None:
        return value
    # The bracket of an area is a part of it: `(415) 555-2671`.
    start = value.start - (b")" in match.group() and data[value.start - 1 : value.start] == b"(")
    return value._replace(start=start, end=max(match.end(), value.end))


# To the end of its field.
_STREET = re.compile(
    STREET + rb"(?=[,;&|)\]}<\"'\t\r\n\x01]| [A-Za-z_.\-]{2,40}[=:]| -|\\[nrt]|\Z)"
)
_NOT_OF_MACHINES = re.compile(rb"(?i)(?!addr|[a-z]{0,40}addr)")


def whole_street(data: bytes, value: Value, key: bytes) -> Value:
    """A street without quotes goes on to its number; `addr` may be that of a machine."""
    if value.separator == " = " or _NOT_OF_MACHINES.match(key) is None:
        return value
    match = _STREET.match(data, value.start, value.start + MAX_VALUE)
    return value if match is None else value._replace(end=match.end(), quoted=True)
