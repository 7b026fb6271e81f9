"""Values in columns: CSV, and the tables that databases and Markdown print. Offsets in bytes.

A header names what stands below it, and nothing stands beside the value. So a header must be one:
names only, with one that tells; and a value must be of its kind, because prose has commas too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from ..named import classes_of_columns
from .innocence import is_innocent
from .values import BY_SHAPE, Value, compile_bytes, is_street, looks_random, reads_as_value, text_of

_DELIMITERS = (b"|", b"\t", b";", b",")
_NAMES = compile_bytes(rb"""["'`]?[A-Za-z_\x80-\xff][A-Za-z0-9_ .\-\x80-\xff]{0,39}["'`]?""")
# What `pg_dump` writes before rows with tabs.
_COPY = compile_bytes(rb"COPY [^\s(]{1,200} \(([^()]{1,999})\) FROM stdin[^;\r\n]{0,100};\r?")
_RULE = compile_bytes(rb"[-+|:= \t]*")
_MAX_COLUMNS, _MAX_ROWS = 100, 5000
# psql shows a row line by line, if it is told to or has no room: `\x`.
_RECORD = re.compile(rb"(?:-|\xe2\x94\x80)\[ [A-Z]{1,20} [0-9]{1,9} \]")
_FIELD = re.compile(rb"([A-Za-z_\x80-\xff][A-Za-z0-9_]{0,62})[ \t]*+(?:\||\xe2\x94\x82) ?")


def find_in_tables(data: bytes) -> Iterator[Span]:
    """Find values below a telling name in the header of a table."""
    at = 0
    table: _Table | None = None
    in_record = False
    while at <= len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end]
        if _RECORD.match(line) is not None:
            in_record, table = True, None
        elif in_record and (field := _FIELD.match(line)) is not None:
            yield from _field(data, at, line, field)
        elif table is not None and table.rows < _MAX_ROWS and line.count(table.sign) == table.signs:
            table.rows += 1
            yield from table.read(data, at, line)
        elif table is None or not _RULE.fullmatch(line) or not line.strip():
            table, in_record = _header(line), False
        at = end + 1


def _field(data: bytes, at: int, line: bytes, match: re.Match[bytes]) -> Iterator[Span]:
    """The value of a telling field whose line begins at `at`."""
    class_ = classify_key(text_of(match.group(1)))
    value = Value(at + match.end(), at + len(line.rstrip()), False, ": ")
    if class_ is not None and class_ not in BY_SHAPE and reads_as_value(data, value, class_):
        yield Span(value.start, value.end, class_, "words.column")


class _Table:
    """A header: its delimiter, and the classes of its columns."""

    __slots__ = ("classes", "rows", "sign", "signs")

    def __init__(self, sign: bytes, classes: list[str | None]) -> None:
        self.sign, self.signs = sign, len(classes) - 1
        self.classes = classes
        self.rows = 0

    def read(self, data: bytes, at: int, line: bytes) -> Iterator[Span]:
        """The telling cells of a row that begins at `at`."""
        cells: list[tuple[str, Value]] = []
        for cell, class_ in zip(line.split(self.sign), self.classes, strict=True):
            bare = cell.strip(b" \t\r\"'`")
            if class_ is not None and bare:
                start = at + cell.find(bare)
                cells.append((class_, Value(start, start + len(bare), False, ": ")))
            at += len(cell) + 1
        told = any(
            class_ == "pii.username" or (class_ == "pii.email" and b"@" in data[v.start : v.end])
            for class_, v in cells
        )
        for class_, value in cells:
            if _is_of(class_, data, value, sure=told):
                yield Span(value.start, value.end, class_, "words.column")


def _is_of(class_: str, data: bytes, value: Value, *, sure: bool) -> bool:
    """Whether a cell holds what the header says, as whose it is in its row shows (`sure`)."""
    text = value.text(data)
    if class_ == "secret.otp" and text.isdigit():
        return 4 <= len(text) <= 8
    if class_ == "pii.address" and is_street(data, value.start, value.end):
        return True
    if class_.startswith("secret."):
        word = sure and class_ == "secret.password" and " " not in text and len(text) >= 4
        return (word or looks_random(text)) and not is_innocent(text, class_)
    return reads_as_value(data, value, class_)


def _header(line: bytes) -> _Table | None:
    copied = _COPY.fullmatch(line) if line.startswith(b"COPY ") else None
    if copied is not None:
        return _of_columns(b"\t", copied.group(1).split(b","))
    for sign in _DELIMITERS:
        if sign not in line:
            continue
        cells = [cell.strip(b" \t\r") for cell in line.split(sign)]
        if len(cells) > _MAX_COLUMNS:
            return None
        if not all(_NAMES.fullmatch(cell) or (not cell and sign == b"|") for cell in cells):
            return None
        return _of_columns(sign, cells)
    return None


def _of_columns(sign: bytes, cells: list[bytes]) -> _Table | None:
    names = [text_of(cell.strip(b" \"'`")) for cell in cells]
    classes = [None if class_ in BY_SHAPE else class_ for class_ in classes_of_columns(names)]
    return _Table(sign, classes) if any(classes) else None
