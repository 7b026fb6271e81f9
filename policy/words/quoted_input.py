"""What validators quote of the input they refuse. Offsets in bytes.

The field's name and the refused value stand apart in such a message:

    password\\n  String should have at least 12 characters [type=…, input_value='x', …]   pydantic
    {'loc': ('body', 'password'), 'msg': '…', 'input': 'x'}                              FastAPI
    {"path":["password"],"message":"…","input":"x"}                                      Zod
    Field error in object 'form' on field 'password': rejected value [x]; codes […]      Spring
    On instance['password']:\\n    'x'                                                    jsonschema
    "password" with value "x" fails to match …                                           Joi
    Path `password` (`x`) is shorter than the minimum allowed length (12).                Mongoose
    … name "password": converting driver.Value type string ("x") to a int: …             Go
    password: invalid type: string "x", expected u32                                     serde
    … (Parameter 'password')\\nActual value was x.                                       .NET
    Invalid type for parameter Password, value: x, type: …                               boto3
    argument --password: invalid int value: 'x'                                          argparse
    expected int for dictionary value @ data['pin']. Got 'x'                             voluptuous
    'Password' expected type 'int', got unconvertible type 'string', value: 'x'          Go
    Property: app.password\\n    Value: "x"                                              Spring Boot
    variable "db_password" { default = "x" }                                             Terraform

In others the value comes first:

    Cast to Number failed for value "x" (type string) at path "password"                 Mongoose
    Incorrect integer value: 'x' for column 'password' at row 1                          MySQL
    Duplicate entry 'x' for key 'users.api_token'                                        MySQL
    … from String "x": not a valid … (through reference chain: a.Form["password"])       Jackson
    Could not convert string to integer: x. Path 'auth.password', line 1                 Json.NET
    The value 'x' is not valid for Password.                                             ASP.NET
    invalid type: found string "x", expected u16 for key "db.password"                   figment
    invalid type: string "x", expected an integer for key `db.password`                  config-rs
    invalid literal for int() with base 10: 'x' (env DB_PASSWORD)                        settings
    Invalid isoformat string: 'x' for field birth_date                                   forms
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from .innocence import is_innocent
from .values import BY_SHAPE, KEY, MAX_VALUE, Value, compile_bytes, read_value, span_of, text_of

_FIELD = rb"(?:[\w\x80-\xff.\-]{1,100}\.)?(" + KEY + rb")"
_LOCATED = compile_bytes(
    rb"""["'](?:loc|path)["']: ?[(\[][^()\[\]\r\n]{0,200}?["'](""" + KEY + rb""")["'],?[)\]]"""
    rb"""[^{}\r\n]{0,300}?["']input["']: ?"""
)
_PATTERNS = (
    (
        b"input_value=",
        compile_bytes(rb"(?m)^" + _FIELD + rb"\r?\n[ \t]+[^\r\n]{0,300}\binput_value="),
    ),
    (b"loc", _LOCATED),
    (b"path", _LOCATED),
    (
        b"rejected value",
        compile_bytes(rb"""field ['"]""" + _FIELD + rb"""['"]: rejected value ?"""),
    ),
    (
        b"On instance",
        compile_bytes(rb"""On instance[^\r\n]{0,300}\[['"](""" + KEY + rb""")['"]\]:\s+"""),
    ),
    (
        b'variable "',
        compile_bytes(rb"""variable "(%b)"\s*\{[^{}]{0,400}?\bdefault\s*=\s*""" % KEY),
    ),
    (b" with value ", compile_bytes(rb"""["'`](""" + KEY + rb""")\\?["'`] with value """)),
    (b" with value ", compile_bytes(rb"""variable [`*]?%b[`*]? with value """ % _FIELD)),
    (
        b"was",  # `create.arg0.phone: must match "…" (was '1')`
        compile_bytes(
            rb"%b: (?:must|should|has to|size|length|invalid)\b[^\r\n]{1,200}?"
            rb"[ (,](?:but )?(?:it )?was:? [\"'`]" % _FIELD
        ),
    ),
    (
        b"Preview of field",  # Elasticsearch
        compile_bytes(rb"parse field \[%b\][^\r\n]{0,400}?Preview of field's value: " % _FIELD),
    ),
    (b"Path `", compile_bytes(rb"Path `%b` \(" % _FIELD)),
    (
        b"converting driver.Value",
        compile_bytes(rb'name "(%b)": converting driver\.Value type [^\s("]+ \(' % KEY),
    ),
    (b": invalid ", compile_bytes(rb"%b: invalid (?:type|value): (?:string|byte array) " % _FIELD)),
    (b"Invalid value: ", compile_bytes(rb"%b: Invalid value: " % _FIELD)),  # Kubernetes
    (b"for parameter ", compile_bytes(rb"for parameter %b, value: " % _FIELD)),
    (
        b"argument ",
        compile_bytes(rb"argument (?:-\w/)?-{0,2}%b: invalid [^\r\n:]{1,40}: " % _FIELD),
    ),
    (
        b"dictionary value @ ",
        compile_bytes(rb"dictionary value @ data[^\r\n]{0,200}?\['(%b)'\]\. Got " % KEY),
    ),
    (
        b"unconvertible type",
        compile_bytes(
            rb"'%b' expected type '[^'\r\n]*', got unconvertible type '[^'\r\n]*', value: " % _FIELD
        ),
    ),
    (b"Property: ", compile_bytes(rb"Property: %b\r?\n[ \t]+Value: " % _FIELD)),
    (b"Actual value was", compile_bytes(rb"\(Parameter '(%b)'\)\s+Actual value was " % KEY)),
)
_TEXT = rb"""(?:"((?:[^"\\\r\n]|\\.)*)"|'((?:[^'\\\r\n]|\\.|'')*)')"""
# MySQL puts a value between apostrophes, whatever is in it.
_RAW = rb"""(?:"((?:[^"\\\r\n]|\\.)*)"|'([^\r\n]*?)')"""
_VALUE_FIRST = (
    (
        b". Path '",
        compile_bytes(
            rb"""converting value %b to type '[^'\r\n]*'\. Path '%b'""" % (_TEXT, _FIELD)
        ),
    ),
    (
        b". Path '",
        compile_bytes(rb"convert string to [a-z]+: ([^\r\n]{1,500}?)()\. Path '%b'" % _FIELD),
    ),
    (
        b"The value '",
        compile_bytes(rb"The value %b is (?:not valid|invalid) for (%b)" % (_TEXT, KEY)),
    ),
    (
        b"at path",
        compile_bytes(rb"""for value %b [^"'\r\n]*at path "%b\"""" % (_TEXT, _FIELD)),
    ),
    (
        b"for column",
        compile_bytes(rb"value: %b for column [`'](?:[^\s']{1,100}`\.`)?(%b)[`']" % (_RAW, KEY)),
    ),
    (
        b"Duplicate entry",
        compile_bytes(
            rb"Duplicate entry %b for key '(%b?)(?i:_(?:unique|uniq|index|idx|key))?'" % (_RAW, KEY)
        ),
    ),
    (
        b"reference chain",
        compile_bytes(
            rb"""(?s)from [A-Z][a-z]+ %b: .*?reference chain: [^\r\n]*?\["(%b)"\]\)"""
            % (_TEXT, KEY)
        ),
    ),
    (
        b" ",
        compile_bytes(
            rb"%b \(?(?:for |from |in |of )?(?:the )?(?:[Ee]nv(?:ironment)?(?: variable| var)?"
            rb"|field|setting|option|parameter|property|attribute):? [\"'`]?%b" % (_TEXT, _FIELD)
        ),
    ),
    (
        b"for key",
        compile_bytes(
            rb"""invalid (?:type|value): (?:found )?string %b,[^"`\r\n]*for key ["`]%b["`]"""
            % (_TEXT, _FIELD)
        ),
    ),
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
            opened = data[match.end() - 1 : match.end()] in (b'"', b"'", b"`")
            value = _value(data, match.end() - opened, class_)
            text = value.text(data)
            if text[:1] not in ("{", "[") and not _says_nothing(text, class_):
                yield Span(value.start, value.end, class_, "words.refused")
    yield from _come_first(data)


# What people mistype: an address without its sign has their name all the same.
_MISTYPED = re.compile(r"[\w.+\-]{3,64}(?:[@#,.]|_?at_?|\(at\))[\w.\-]{2,64}")


def _says_nothing(text: str, class_: str) -> bool:
    """Whether what was entered is nothing. Of what should be an address not much is asked."""
    if class_ == "pii.email" and _MISTYPED.fullmatch(text) is not None:
        return False
    return is_innocent(text, class_)


def _come_first(data: bytes) -> Iterator[Span]:
    for needed, pattern in _VALUE_FIRST:
        if needed not in data:
            continue
        for match in pattern.finditer(data):
            class_ = classify_key(text_of(match.group(3))) or classify_key(
                text_of(data[match.start(3) : match.end() - 1])  # `api_key` is no key of a table
            )
            group = 1 if match.start(1) >= 0 else 2
            if class_ is None or class_ in BY_SHAPE:
                continue
            if not is_innocent(match.group(group), class_):
                yield span_of(match.span(group), class_, "words.refused")


def _value(data: bytes, at: int, class_: str) -> Value:
    if data[at : at + 1] == b"[":
        end = data.find(b"]; codes", at, at + MAX_VALUE)
        if end > at:
            return Value(at + 1, end, False, "=")
    return read_value(data, at, "=", class_)
