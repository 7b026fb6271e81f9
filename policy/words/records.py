"""Fields of structs and records as programs print them: without quotes, without values.

&{User:bob Password:correct horse Token:0xc0000142a0 Email: Tries:3}      Go
Login(user=bob, password=correct horse, tries=3)                          Java, Kotlin
Login { User = bob, Password = correct horse, Tries = 3 }                 C#
"""

from __future__ import annotations

import re

from .values import MAX_VALUE, Value, compile_bytes

_NAME = rb"[A-Za-z_][A-Za-z0-9_]{0,60}"
_WORDS = rb"([^%b]+(?:%b[^%b]+){0,9})"
_NO_STRUCT = rb"\s{}\[\]\"'`:,;="
_NO_RECORD = rb"\s{}\[\]()\"'`,;="
_NEXT = rb"(?: " + _NAME + rb":|[}\]])"
# Go puts no commas between fields, so that one may be in a value; others do.
_STRUCT = compile_bytes(_WORDS % (_NO_STRUCT, rb",? ", _NO_STRUCT) + _NEXT)
_LISTED = compile_bytes(
    _WORDS % (_NO_STRUCT, rb" ", _NO_STRUCT) + rb"(?:,? " + _NAME + rb":|[}\]])"
)
_RECORD = compile_bytes(
    _WORDS % (_NO_RECORD, rb" ", _NO_RECORD) + rb"(?:, " + _NAME + rb"=|[}\])])"
)
# Without digits: a password may have a colon.
_NEXT_FIELD = re.compile(rb"[A-Z][A-Za-z]{0,60}+:[^\s]")
# Go shows where a value is, not what it is.
_POINTER = re.compile(rb"\(\*[^()\s]{1,100}\)\((?:0x[0-9a-f]|nil\))")
# Go prints the values of forms and headers as lists: `map[password:[x1] page:[2]]`.
_BEHIND_LIST = re.compile(rb"\](?:\]| [A-Za-z_][\w.\-]{0,60}+:\[)")
# Groovy does so without: `[password:x1, page:2]`.
_NEXT_IN_MAP = re.compile(rb", [A-Za-z_][A-Za-z0-9_]{0,60}+:")
_FAR = 80  # how far before a field the one before it may begin


def says_nothing(data: bytes, key: int, separator: str, at: int) -> bool:
    """Whether a field whose name is at `key` has nothing or a typed pointer `at` its value's place.

    `{User:bob Password: Email:x}`, `Token:(*string)(0xc0000142a0)`.
    """
    if data[at : at + 1] == b"(":
        return _POINTER.match(data, at) is not None
    if separator != ": " or not data[key : key + 1].isupper():
        return False
    if _NEXT_FIELD.match(data, at) is None:
        return False
    before = data[max(0, key - _FAR) : key].rstrip(b" ").rpartition(b" ")[2]
    return before[-1:] == b"{" or _NEXT_FIELD.search(before) is not None


# In source code a value is given to a new object: `new Login { User = name }`.
_IN_BRACES = re.compile(rb"\A[^\r\n{}\"']{1,200}?(?: \}|, [A-Z][A-Za-z0-9_]{0,60}+ = )")
_OF_NEW = re.compile(rb"(?:\bnew\b[^{}]{0,80}|[=(>] ?)\Z")


def is_printed(data: bytes, key: int, at: int) -> bool:
    """Whether a field whose name is at `key` is one of a record that C# has printed."""
    if data[key - 2 : key] not in (b"{ ", b", ") or not data[key : key + 1].isupper():
        return False
    if _IN_BRACES.match(data[at : at + 270]) is None:
        return False
    before, brace, _ = data[max(0, key - 300) : key].rpartition(b"{")
    return bool(brace) and _OF_NEW.search(before[-100:]) is None


def whole_field(data: bytes, value: Value, before: bytes) -> Value:
    """A password to the end of its field, where another field stands before or behind it.

    `before` are the two signs before its name.
    """
    if data[value.start - 1 : value.start] == b"[" and value.separator == ":":
        listed = _BEHIND_LIST.match(data, value.end) is not None
        return value._replace(separator="=") if listed else value
    pattern = {":": _STRUCT, "=": _RECORD}.get(value.separator)
    listed = before[-1:] == b"[" and _NEXT_IN_MAP.match(data, value.end) is not None
    if pattern is _STRUCT and (before[:1] == b"," or listed):
        pattern = _LISTED
    before = before[-1:]
    if pattern is None or before not in (b"{", b"[", b"(", b" "):
        return value
    match = pattern.match(data, value.start, min(len(data), value.start + MAX_VALUE))
    if match is None:
        return value
    end = match.end(1)
    if before != b" " and data[end : end + 1] in (b"}", b"]", b")"):
        return value  # the only one: it may be code
    return Value(value.start, end, False, "=")
