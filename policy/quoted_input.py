"""What validators quote of the input they refuse. Offsets in bytes.

The field's name and the refused value stand apart in such a message:

    password\\n  String should have at least 12 characters [type=…, input_value='x', …]   pydantic
    {'loc': ('body', 'password'), 'msg': '…', 'input': 'x'}                              FastAPI
    Field error in object 'form' on field 'password': rejected value [x]; codes […]      Spring
    On instance['password']:\\n    'x'                                                    jsonschema
    "password" with value "x" fails to match …                                           Joi
"""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Span
from .keys import classify_key, is_innocent
from .values import BY_SHAPE, KEY, MAX_VALUE, Value, compile_bytes, read_value, text_of

_FIELD = rb"(?:[\w\x80-\xff.\-]{1,100}\.)?(" + KEY + rb")"
_PATTERNS = (
    (
        b"input_value=",
        compile_bytes(rb"(?m)^" + _FIELD + rb"\r?\n[ \t]+[^\r\n]{0,300}\binput_value="),
    ),
    (
        b"loc",
        compile_bytes(
            rb"""["']loc["']: ?[(\[][^()\[\]\r\n]{0,200}?["'](""" + KEY + rb""")["'],?[)\]]"""
            rb"""[^{}\r\n]{0,300}?["']input["']: ?"""
        ),
    ),
    (
        b"rejected value",
        compile_bytes(rb"""field ['"]""" + _FIELD + rb"""['"]: rejected value ?"""),
    ),
    (
        b"On instance",
        compile_bytes(rb"""On instance[^\r\n]{0,300}\[['"](""" + KEY + rb""")['"]\]:\s+"""),
    ),
    (b" with value ", compile_bytes(rb"""["'](""" + KEY + rb""")\\?["'] with value """)),
)


def find_quoted_input(data: bytes) -> Iterator[Span]:
    """Find the values of telling fields in the messages of validators."""
    for needed, pattern in _PATTERNS:
        if needed not in data:
            continue
        for match in pattern.finditer(data):
            class_ = classify_key(text_of(match.group(1)))
            if class_ is None or class_ in BY_SHAPE:
                continue
            value = _value(data, match.end(), class_)
            if value.text(data)[:1] not in ("{", "[") and not is_innocent(value.text(data), class_):
                yield Span(value.start, value.end, class_, "words.refused")


def _value(data: bytes, at: int, class_: str) -> Value:
    if data[at : at + 1] == b"[":
        end = data.find(b"]; codes", at, at + MAX_VALUE)
        if end > at:
            return Value(at + 1, end, False, "=")
    return read_value(data, at, "=", class_)
