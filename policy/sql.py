"""Literals in SQL whose column says what they are; templates stay. Offsets in bytes."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Span
from .keys import classify_key, is_innocent
from .values import BY_SHAPE, KEY, compile_bytes, span_of, text_of

_IDENTIFIED = compile_bytes(
    rb"""(?i)\b(?:identified\s+(?:with\s+['"]?\w+['"]?\s+)?(?:by|as)(?:\s+password)?\s*|password(?:\s+|\s*\(\s*))"""
    rb"""[NE]?'((?:[^'\\]|\\.|'')+)'"""
)
_COMPARED = compile_bytes(
    rb"""(?i)\b("""
    + KEY
    + rb""")["'`\]]?\s*(?:!=|<>|\bi?like\b|\bin\b\s*\(|>=?|<=?)\s*N?'((?:[^'\\]|\\.|'')+)'"""
)
_INSERT = compile_bytes(
    rb"(?i)\b(?:insert|replace)\s[^()]{0,200}\(([^()]{1,999})\)\s*(?:values?|select)\s*"
)
_SQL_VALUE = compile_bytes(
    rb"""\s*(?:[NE]?'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.)*)"|([^,()]*(?:\([^()]*\))?))\s*"""
)


def find_in_sql(data: bytes) -> Iterator[Span]:
    """Find literals under telling columns and in statements that set a password."""
    for match in _IDENTIFIED.finditer(data):
        if not is_innocent(match.group(1), "secret.password"):
            yield span_of(match.span(1), "secret.password", "words.sql")
    for match in _COMPARED.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is not None and not is_innocent(match.group(2), class_):
            yield span_of(match.span(2), class_, "words.sql")
    for match in _INSERT.finditer(data):
        yield from _inserted(data, match.group(1), match.end())


def _inserted(data: bytes, columns: bytes, at: int) -> Iterator[Span]:
    """The values of an INSERT under the names of their columns; several rows."""
    classes = [classify_key(text_of(name.strip(b' \t\r\n`"[]'))) for name in columns.split(b",")]
    if not any(classes):
        return
    while data[at : at + 1] == b"(":
        at += 1
        for class_ in classes:
            match = _SQL_VALUE.match(data, at)
            if match is None:
                return
            group = next((g for g in (1, 2, 3) if match.start(g) >= 0), 0)
            telling = class_ is not None and group and class_ not in BY_SHAPE
            if class_ and telling and not is_innocent(match.group(group), class_):
                yield span_of(match.span(group), class_, "words.sql")
            at = match.end()
            if data[at : at + 1] != b",":
                break
            at += 1
        if data[at : at + 1] != b")":
            return
        at += 1
        while data[at : at + 1] in (b",", b" ", b"\n", b"\r", b"\t"):
            at += 1
