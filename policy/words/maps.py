"""Maps and lists of properties as Scala and Erlang print them. Offsets in bytes.

Map(user -> jroe, firstName -> Jane, street -> 5 Elm Street)
[{user,<<"jroe">>},{first_name,<<"Jane">>}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from .innocence import is_innocent
from .values import BY_SHAPE, KEY, class_of, compile_bytes, looks_random, text_of

_MAP = compile_bytes(rb"\b(?:Map|Map[1-4]|HashMap|ListMap|TreeMap)\(")
# A value goes on to the next name, or to the bracket that closes the map. It cannot go back.
_ENTRY = re.compile(
    rb"\"?("
    + KEY
    + rb")\"? -> ((?:[^,()\"\r\n]++|\([^()\r\n]*+\)|,(?! ?\"?[\w.\-]{1,60}\"? ->))*+)"
    rb"(?:, ?|(?=\)))"
)
_MOST = 4096  # bytes of one
_PROPERTY = compile_bytes(
    rb"\{(?:<<\")?(" + KEY + rb")(?:\">>)?,\s?<<\"((?:[^\"\\\r\n]|\\.){1,400})\">>\}"
)


def find_in_maps(data: bytes) -> Iterator[Span]:
    """Find the values of telling names."""
    for match in _MAP.finditer(data) if b"->" in data else ():
        at, limit = match.end(), match.end() + _MOST
        while (entry := _ENTRY.match(data, at, limit)) is not None and entry.end() > at:
            yield from _value(data, entry.group(1), *entry.span(2))
            at = entry.end()
    for match in _PROPERTY.finditer(data) if b'<<"' in data else ():
        yield from _value(data, match.group(1), *match.span(2))


def _value(data: bytes, key: bytes, start: int, end: int) -> Iterator[Span]:
    class_ = class_of(key)
    if class_ is None or class_ in BY_SHAPE:
        return
    text = text_of(data[start:end])
    if not is_innocent(text, class_) and classify_key(text) is None and _is_entered(text, class_):
        yield Span(start, end, class_, "words.map")


def _is_entered(text: str, class_: str) -> bool:
    """Whether it is no name of a type, as code has it: `password -> Label`."""
    if class_ == "pii.address":
        return any(map(str.isdigit, text))
    if class_.startswith("secret.") and class_ != "secret.password":
        return looks_random(text) or (class_ == "secret.otp" and text.isdigit())
    if class_ == "secret.password":
        return any(map(str.isdigit, text)) or not text.isalpha() or text.islower()
    return class_ != "pii.user_id" or any(map(str.isdigit, text))
