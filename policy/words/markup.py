"""Names and values that stand apart: XML, HTML, multipart forms, name/value pairs. In bytes."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from ..named import KINDS
from .innocence import is_innocent
from .values import (
    BY_SHAPE,
    KEY,
    MAX_VALUE,
    Value,
    compile_bytes,
    is_street,
    looks_random,
    read_value,
    reads_as_value,
    span_of,
    text_of,
)

_ELEMENT = compile_bytes(
    rb"<(?:[\w.-]{1,40}:)?([\w.-]{1,60})(?:\s[^<>]{0,300})?>"
    rb"(?:\s{0,80}<(?:[\w.-]{1,40}:)?(?i:value|string|text)>)?(?:<!\[CDATA\[)?([^<\]]+)"
)
_OF_A_KIND = rb"(?:(?:" + "|".join(KINDS).encode() + rb")_?)?"
_NAMED = compile_bytes(
    rb"(?i)(?:^|[^\w])"
    + _OF_A_KIND
    + rb"""(?:(?:friendly_?)?name|key|id|field|param|parameter|header|variable)"""
    rb"""\\{0,15}["']?\s*[=:]\s*\\{0,15}["']?(?:https?://[\w./-]{1,100}/)?("""
    + KEY
    + rb""")(?:\[\])?\\{0,15}["']?"""
)
_ITS_VALUE = compile_bytes(
    rb"""(?i)^[^<>{}\r\n]{0,200}?(?:\r?\n[ \t]{0,40})?[\s,"']"""
    + _OF_A_KIND
    + rb"""(?:value|val|content)\\{0,15}["']?\s*(?:[=:]|\{\s{0,40}\w{0,20}value\s*:)\s*"""
)
_ITS_TEXT = compile_bytes(  # of SAML, too: it has an element around each value
    rb"^[^<>{}\r\n]{0,200}>(?:\s{0,80}<(?:[\w.-]{1,40}:)?AttributeValue(?:\s[^<>]{0,200})?>)?([^<>]+)<"
)
_ITS_PART = compile_bytes(
    rb"^(?:;[^\r\n]{0,200}|\\?\")?(?:(?:\r?\n|\\r\\n|\\n)[A-Za-z-]{1,40}:[^\r\n\\]{0,200}){0,4}"
    rb"(?:\r?\n\r?\n|\\r\\n\\r\\n|\\n\\n)"
)
# `<password value="x"/>`, as settings have it and FHIR.
_VALUED = compile_bytes(
    rb"<(?:[\w.-]{1,40}:)?([\w.-]{1,60})\s(?:[^<>]{0,300}?\s)?(?i:value)\s*=\s*"
)
_PART_END = compile_bytes(rb"\r?\n--|\\r\\n--|\\n--")


def find_in_markup(data: bytes) -> Iterator[Span]:
    """Find values that an element, an attribute or a part of a form names."""
    if b"</" in data:
        for match in _ELEMENT.finditer(data):
            class_ = classify_key(text_of(match.group(1)))
            if class_ is None or class_ in BY_SHAPE:
                continue
            if not is_innocent(match.group(2), class_):
                yield span_of(match.span(2), class_, "words.element")
        yield from _neighbours(data)
        yield from _behind_labels(data)
    if b"<" in data:
        yield from _valued(data)
    for match in _NAMED.finditer(data) if b"=" in data or b":" in data else ():
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        if data[match.start(1) - 1 : match.start(1)] == b" " and b'"' in match.group(0):
            continue  # `"key": cookie.key`: code
        bounds = _its_value(data, match.start(), match.end(), class_)
        if bounds and not is_innocent(data[bounds[0] : bounds[1]], class_):
            yield span_of(bounds, class_, "words.named")


def _valued(data: bytes) -> Iterator[Span]:
    """The values of elements whose name tells what they are."""
    for match in _VALUED.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        value = read_value(data, match.end(), "=", class_)
        text = value.text(data)
        token = class_.startswith("secret.") and class_ != "secret.password"
        if value.quoted and not is_innocent(text, class_) and (looks_random(text) or not token):
            yield Span(value.start, value.end, class_, "words.element")


# `<td>Password</td><td>x</td>`, `<key>password</key><string>x</string>`.
_LABEL = compile_bytes(
    rb">\s*([A-Za-z_\x80-\xff][\w.\- \x80-\xff]{0,40}?)\s*:?\s*</[\w:]{1,40}>\s{0,80}"
    rb"<[\w:]{1,40}(?:\s[^<>]{0,200})?"
)
_CONTENT = compile_bytes(rb">\s*(?:<\w{1,20}>\s*)?([^<]{1,1000}[^<\s])\s*</")


def _neighbours(data: bytes) -> Iterator[Span]:
    """The elements after those whose whole content is a telling name."""
    for match in _LABEL.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        content = _CONTENT.match(data, match.end())
        if content is None:
            continue
        # In a property list nothing else stands there.
        separator = "=" if data.startswith(b"<string>", match.end() - 7) else ": "
        value = Value(content.start(1), content.end(1), False, separator)
        text = value.text(data)
        prose = class_.startswith("secret.") and " " in text
        if not prose and reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.neighbour")


# `<b>Password:</b> x<br>`: the pages of mails.
_BEHIND = compile_bytes(
    rb">\s{0,20}([A-Za-z_\x80-\xff][\w.\- \x80-\xff]{0,40}?)\s{0,4}:\s{0,4}"
    rb"</(?i:b|strong|label|em|i|span|u)>(?:&nbsp;|\s){0,8}([^<\s][^<\r\n]{0,200})"
)


def _behind_labels(data: bytes) -> Iterator[Span]:
    """What follows an element whose whole content is a telling name and a colon."""
    for match in _BEHIND.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        value = Value(match.start(2), match.start(2) + len(match.group(2).rstrip()), False, ": ")
        text = value.text(data)
        word = class_.startswith("secret.") and " " in text
        street = class_ == "pii.address" and is_street(data, value.start, value.end)
        if not word and (street or reads_as_value(data, value, class_)):
            yield Span(value.start, value.end, class_, "words.neighbour")


def _its_value(data: bytes, start: int, end: int, class_: str) -> tuple[int, int] | None:
    """Where the value stands that belongs to the name that ends at `end`."""
    ahead = data[end : end + 1200]
    if found := _ITS_VALUE.search(ahead):
        value = read_value(data, end + found.end(), "=", class_)
        return value.start, value.end
    if found := _ITS_PART.search(ahead):
        begin = end + found.end()
        stop = _PART_END.search(data, begin, min(len(data), begin + MAX_VALUE))
        return begin, stop.start() if stop else min(len(data), begin + MAX_VALUE)
    if found := _ITS_TEXT.search(ahead):
        return end + found.start(1), end + found.end(1)
    opened = data.rfind(b"<", max(0, start - 400), start)  # <input value="…" name="password">
    if opened >= 0 and data.find(b">", opened, start) < 0:
        before = _ITS_VALUE.search(data[opened + 1 : start + 1])
        if before:
            value = read_value(data, opened + 1 + before.end(), "=", class_)
            return value.start, value.end
    return None
