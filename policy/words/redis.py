"""Commands of Redis as clients and spans show them. Offsets in bytes.

AUTH default wintertime
HSET user:17 password wintertime tries 3
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..named import classes_of_columns
from .innocence import is_innocent
from .values import (
    BY_SHAPE,
    Value,
    compile_bytes,
    looks_random,
    reads_as_value,
    span_of,
    text_of,
)

COMMANDS = r"(?:^|[\s\"'`(\[:])(?:AUTH|HMSET|HSET|HSETNX|hmset|hset|hsetnx) "
_AUTH = compile_bytes(
    rb"""(?:^|[\s"'`(\[:])AUTH (?:(default)|[\w.@-]{1,60})? ?([^\s"'`]{4,200})(?:["'`\r\n]|$)"""
)
_HSET = compile_bytes(rb"(?:^|[\s\"'`(\[:])(?:HM?SET|HSETNX|hm?set|hsetnx) ")
_KEY = re.compile(rb"[^\s]{1,200}+ ")
# A field and its value, in quotes or not. It cannot go back.
_FIELD = re.compile(
    rb"""["']?+([A-Za-z_][\w.:-]{0,60}+)["']?+ (?:\\{0,3}+"([^"\\\r\n]*+)\\{0,3}+"|'([^'\r\n]*+)'"""
    rb"""|([^\s"'\\]++))(?: |\Z|[\r\n"'`)\]\\])"""
)
_MOST_FIELDS = 100


def find_in_redis(data: bytes) -> Iterator[Span]:
    """Find what a client logs in with, and the telling fields of hashes that it writes."""
    if b"AUTH " in data:
        for match in _AUTH.finditer(data):
            text = text_of(match.group(2))
            given = match.group(1) is not None or looks_random(text)
            if given and not is_innocent(text, "secret.password"):
                yield span_of(match.span(2), "secret.password", "words.redis")
    end = 0
    for match in _HSET.finditer(data):
        key = _KEY.match(data, match.end()) if match.start() >= end else None
        if key is not None:
            fields, end = _fields(data, key.end())
            yield from fields


def _fields(data: bytes, at: int) -> tuple[list[Span], int]:
    """The values of a hash, whose fields and values take turns from `at` on, and where it ends."""
    names: list[str] = []
    values: list[Value] = []
    while len(names) < _MOST_FIELDS and (match := _FIELD.match(data, at)) is not None:
        names.append(text_of(match.group(1)))
        values.append(Value(*match.span(match.lastindex or 1), True, "="))
        at = match.end() - 1 + data[match.end() - 1 : match.end()].isspace()
    found = [
        Span(value.start, value.end, class_, "words.redis")
        for class_, value in zip(classes_of_columns(names), values, strict=True)
        if class_ is not None and class_ not in BY_SHAPE and reads_as_value(data, value, class_)
    ]
    return found, at
