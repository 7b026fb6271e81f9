"""What checks and tests say of a secret that they did not like. Offsets in bytes.

JWT_SECRET is too short: x1                                what is wrong with a setting
DB_PASSWORD must be longer, got x1
The field Password must have 8 characters. Attempted value: 'x1'
on var.db_password is "x1"                                 Terraform
expected password to equal 'x1' but got 'y2'               assertions
if ("x1" == password) or "x1".equals(token)                comparisons, the value first
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from .innocence import is_innocent
from .values import (
    BY_SHAPE,
    KEY,
    Value,
    closes,
    compile_bytes,
    looks_made_up,
    looks_random,
    read_value,
    span_of,
    text_of,
)

_NAME = rb"([\w.\-]{0,60}(?:password|passwd|passphrase|pwd|secret|token|key))"
_REFUSED = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff.\-])" + _NAME + rb"[\"'`]?"
    rb"(?: (?:is|was) (?:too (?:short|long|weak)|invalid|not valid|malformed|wrong|unknown):"
    rb"| (?:must|should|needs to|has to|may not|cannot|can't|does not)\b[^\r\n]{1,100}?"
    rb"(?:[.,;:] \(?| \()(?:but )?(?:got|was|received|given|found"
    rb"|(?:attempted|actual|current|given|provided|received) value(?: is| was)?):?)[ ]+"
)
# What follows a colon is the requirement or the password: `does not meet complexity: Pass123`.
_UNMET = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff.\-])"
    + _NAME
    + rb"[\"'`]? (?:is|does not|doesn't|did not|must|failed)\b"
    rb"[^\r\n:]{1,80}: ([^\s\"'`:]{6,200})(?:[\r\n]|$)"
)
# Terraform shows the values that a condition did not like.
_VARIABLE_IS = compile_bytes(rb"\b(?:var|local|each\.value)\." + _NAME + rb" is \"")
_ASSERTED = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff.\-])" + _NAME + rb"[\"'`]?(?: (?:should|must|to|does not|doesn't"
    rb"|did not|didn't)(?: strictly| deeply?)? (?:be|equal|eq|eql|match|have value)"
    rb"| (?:equals|mismatch|differs from|should))(?: to)?:? [\"'`]"
)
# Between the two values. It cannot go back.
_OTHER = re.compile(
    rb"""["'`][,;:]?+ ?+\(?+(?:(?:but|and|to|it|the|actual|actually|actual value|value|was|is|got"""
    rb"""|received|found|given|expected|equal|be|instead|of|vs\.?|[!=<>]{1,3}):?+ ){1,5}+["'`]"""
)
_MOST_VALUES = 4  # that are compared with each other
# There are bad tokens in every parser.
_PASSWORDS = re.compile(rb"(?i:pass|pwd|kennwort|mot de passe|contrase|senha|wachtwoord)")


def find_checked(data: bytes) -> Iterator[Span]:
    """Find secrets that are too short, too long, unknown, or another one than expected."""
    yield from _unmet(data)
    for pattern in (_REFUSED, _VARIABLE_IS, _ASSERTED):
        for match in pattern.finditer(data):
            class_ = classify_key(text_of(match.group(1)))
            if class_ is not None and class_.startswith("secret."):
                at = match.end() - (pattern is not _REFUSED)  # its quote
                yield from _values(data, at, class_, match.group(1), sure=pattern is _VARIABLE_IS)


def _unmet(data: bytes) -> Iterator[Span]:
    for match in _UNMET.finditer(data):
        class_, text = classify_key(text_of(match.group(1))), text_of(match.group(2))
        if class_ != "secret.password" or is_innocent(text, class_):
            continue
        if looks_random(text) and any(map(str.isdigit, text)):
            yield span_of(match.span(2), class_, "words.sentence")


def _values(data: bytes, at: int, class_: str, name: bytes, *, sure: bool) -> Iterator[Span]:
    """The value at `at` and those that it was compared with."""
    for _ in range(_MOST_VALUES):
        value = read_value(data, at, " ", class_)
        text = value.text(data)
        told = is_a_password(value, text, name) or looks_made_up(text)
        told = told or (sure and " " not in text) or (value.quoted and looks_random(text))
        if told and not is_innocent(text, class_):
            yield Span(value.start, value.end, class_, "words.sentence")
        other = _OTHER.match(data, value.end) if value.quoted else None
        if other is None:
            return
        at = other.end() - 1


# What stands between a literal and the name that it is compared with.
COMPARED = r"[\"'`]\)? ?(?:[!=]={1,2} ?|\.(?:equals(?:IgnoreCase)?|Equals)\( ?)[A-Za-z_$@(]"
_COMPARED = compile_bytes(
    rb"""(?:"([^"\\\r\n]{6,200})"|'([^'\\\r\n]{6,200})'|`([^`\\\r\n]{6,200})`)"""
    rb"""\)? ?(?:[!=]={1,2} ?|\.(?:equals(?:IgnoreCase)?|Equals)\( ?)[$@(]{0,2}("""
    + KEY
    + rb""")(?:[^\w(\[\x80-\xff]|$)"""
)


def find_compared(data: bytes) -> Iterator[Span]:
    """Find what looks made up and is compared with a secret that stands behind it."""
    if not any(sign in data for sign in (b"==", b"!=", b"quals(")):
        return
    for match in _COMPARED.finditer(data):
        class_ = classify_key(text_of(match.group(4)))
        group = next(each for each in (1, 2, 3) if match.start(each) >= 0)
        text = text_of(match.group(group))
        if class_ is None or not class_.startswith("secret.") or class_ in BY_SHAPE:
            continue
        if looks_random(text) and not is_innocent(text, class_) and classify_key(text) is None:
            yield span_of(match.span(group), class_, "words.compared")


def is_a_password(value: Value, text: str, name: bytes) -> bool:
    """Whether it is a word in quotes, and its name is that of a password."""
    if not value.quoted or " " in text or closes(text) or classify_key(text) is not None:
        return False
    return _PASSWORDS.search(name) is not None
