"""Lists of what somebody wants to look for: `.env`, AWS credentials, JSON of a vault, CSV of a
password manager, plain lines.

A value is spoken of by its name or its line. Names come from a file that holds secrets, so one that
is not made of plain words is not shown either. No error quotes anything of the file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

InventoryFormat = Literal["env", "ini", "json", "csv", "lines"]
FORMATS: tuple[str, ...] = get_args(InventoryFormat)

MOST_BYTES = 256 * 2**20
MOST_VALUES = 2_000_000

_WORD = r"(?:[A-Za-z]{1,24}[0-9]{0,4}|[0-9]{1,4})"
_NAME = re.compile(rf"[_.]?{_WORD}(?:[-._/ ]{{1,2}}{_WORD}){{0,15}}")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*(.*)", re.ASCII)
_SECTION = re.compile(r"\s*\[([^\[\]\"{}]+)\]\s*")
_OPTION = re.compile(r"\s*([^=:\s][^=:]*?)\s*[=:]\s*(.*)")
# A value in quotation marks, and perhaps a comment.
_QUOTATION = re.compile(r"""(["'])(.*?)\1\s*(?:[#;].*)?""")
# Of CSV the first line has names of columns; only lines that say so are taken for it.
_COLUMN = re.compile(r"(?i)pass|secret|token|key|value|e?mail|user|login")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class BadInventory(Exception):  # noqa: N818  a fact about data
    """It cannot be read. The text says where and what kind of thing is wrong, never what stands
    there.
    """


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """A value to look for, and how to speak of it."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"Wanted({self.name})"


def read_inventory(data: bytes, format_: InventoryFormat | None = None) -> list[Wanted]:
    """The values of a file, in order. Without a format it is told by the content.

    Raises BadInventory.
    """
    text = _decoded(data)
    found = []
    for read in _READERS[format_ or _format_of(text)](text):
        for wanted in _opened(read) if read.value.strip() else ():
            found.append(wanted)
            if len(found) > MOST_VALUES:
                raise BadInventory(f"more than {MOST_VALUES:,} values")
    return _told_apart(found)


def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise BadInventory(f"longer than {MOST_BYTES >> 20} MiB")
    if (nul := data.find(b"\0")) >= 0:
        raise BadInventory(f"line {_line(data, nul)} holds a NUL byte: it is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
    raise BadInventory(f"line {line} is not UTF-8")


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _format_of(text: str) -> InventoryFormat:
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#;"]
    if any(_SECTION.fullmatch(line) for line in lines[:1]):
        return "ini"
    if text.lstrip()[:1] in ("{", "["):
        return "json"
    # The lines of a value over several lines are no assignments.
    if lines and sum(map(bool, map(_ASSIGNMENT.fullmatch, lines))) * 2 > len(lines):
        return "env"
    return "csv" if _is_csv(lines) else "lines"


def _opened(wanted: Wanted) -> Iterator[Wanted]:
    """What is in a value that is JSON itself, as AWS Secrets Manager has it; else the value."""
    tree: object = None
    if wanted.value.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            tree = _tree(wanted.value)
    if not isinstance(tree, _Pairs):
        yield wanted
        return
    for each in _leaves(tree):
        yield from _opened(Wanted(f"{wanted.name}.{each.name}", each.value))


def _lines(text: str) -> Iterator[Wanted]:
    for number, line in enumerate(text.splitlines(), 1):
        yield Wanted(f"line {number}", line.strip())


def _env(text: str) -> Iterator[Wanted]:
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(line)
        if found is None:
            yield Wanted(f"line {number}", line.strip())
            continue
        name, written = _shown(found[1]) or f"line {number}", found[2].rstrip()
        if written[:1] in ("'", '"', "`"):
            value, more = _quoted(written, lines, number)
            number += more
        else:
            value = re.split(r"\s#", written, maxsplit=1)[0].rstrip()
        yield Wanted(name, value)


def _quoted(written: str, lines: list[str], number: int) -> tuple[str, int]:
    """What stands within quotation marks, and how many more lines it takes."""
    quote = written[0]
    end = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL) if quote == '"' else None
    text, more = written[1:], 0
    while True:
        found = end.match(text) if end is not None else None
        stop = found.end() - 1 if found is not None else text.find(quote) if end is None else -1
        if stop >= 0:
            inner = text[:stop]
            break
        if number + more >= len(lines) or more >= 1000:  # it never ends: then it is no quotation
            return written, 0
        text += "\n" + lines[number + more].rstrip("\r")
        more += 1
    if quote == '"':
        inner = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)
    return inner, more


def _ini(text: str) -> Iterator[Wanted]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if (found := _SECTION.fullmatch(line)) is not None:
            section = _shown(found[1].strip())
        elif (found := _OPTION.fullmatch(line)) is not None and (key := _shown(found[1])):
            yield Wanted(f"{section}.{key}" if section else key, _unquoted(found[2].strip()))
        else:
            value = found[2] if found is not None else line
            yield Wanted(f"line {number}", _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    found = _QUOTATION.fullmatch(value)
    return found[2] if found is not None else value


def _csv(text: str) -> Iterator[Wanted]:
    rows = _rows(io.StringIO(text, newline=""), text.partition("\n")[0])
    before = 0
    try:
        names = [_shown(cell.strip()) for cell in next(rows, [])]
        before = rows.line_num
        for row in rows:
            for number, cell in enumerate(row, 1):
                name = names[number - 1] if number <= len(names) else ""
                yield Wanted(f"line {before + 1} {name or f'#{number}'}", cell.strip())
            before = rows.line_num
    except csv.Error:
        where = f"line {before + 1}"
    else:
        return
    raise BadInventory(f"not CSV: {where}")


def _is_csv(lines: Sequence[str]) -> bool:
    """Whether the first line names columns, and all have as many."""
    try:
        names, *rows = [[cell.strip() for cell in row] for row in _rows(lines, *lines[:1])]
    except (csv.Error, ValueError):
        return False
    named = len(names) > 1 and all(map(_shown, names)) and any(map(_COLUMN.search, names))
    return named and bool(rows) and all(len(row) == len(names) for row in rows)


def _rows(lines: Iterable[str], first: str = "") -> Any:
    """A reader of csv, of the separator that the first line has."""
    return csv.reader(lines, delimiter=max(",;\t", key=first.count), strict=True)


def _json(text: str) -> Iterator[Wanted]:
    try:
        tree = _tree(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        where = "nested too deeply"
    else:
        yield from _leaves(tree)
        return
    raise BadInventory(f"not JSON: {where}")


def _tree(text: str) -> object:
    # Pairs, so that of two entries of one name none is lost; numbers as they are written.
    return json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str)


class _Pairs(list[tuple[str, object]]):
    """An object of JSON."""


def _leaves(tree: object) -> Iterator[Wanted]:
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str):
            yield Wanted(path or "the value", node)
        elif isinstance(node, _Pairs):
            parts = [(_shown(key) or f"#{n}", value) for n, (key, value) in enumerate(node, 1)]
            waiting += [(f"{path}.{part}" if path else part, v) for part, v in reversed(parts)]
        elif isinstance(node, list):
            waiting += [(f"{path}[{n}]", value) for n, value in reversed(list(enumerate(node)))]


def _shown(name: str) -> str:
    """A name if it may be shown, else nothing."""
    return name if len(name) <= 64 and _NAME.fullmatch(name) else ""


def _told_apart(found: list[Wanted]) -> list[Wanted]:
    """Names that several have are numbered."""
    often = {name for name, times in Counter(each.name for each in found).items() if times > 1}
    seen: Counter[str] = Counter()
    for index, each in enumerate(found):
        if each.name in often:
            seen[each.name] += 1
            found[index] = replace(each, name=f"{each.name} ({seen[each.name]})")
    return found


_READERS = {"env": _env, "ini": _ini, "json": _json, "csv": _csv, "lines": _lines}
