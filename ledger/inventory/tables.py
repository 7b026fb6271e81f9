"""Inventories in CSV: what a password manager exports.

Where columns have secrets, what only says what they are for (`name`, `url`, `folder`) is no value,
and the first of these names the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .wanted import BadInventory, Wanted, shown

# Of CSV the first line has names of columns; only lines that say so are taken for it.
_COLUMN = re.compile(r"(?i)pass|secret|token|key|value|e?mail|user|login")
_SECRET = re.compile(r"(?i)(?:.*[ _-])?(?:pass(?:word)?|secret|token|value)s?")
_TITLE = re.compile(r"(?i)name|title|account|key")
_AROUND = re.compile(
    r"(?i)(?:login_?)?(?:uri|url)s?|website|folder|group(?:ing)?|collections?|category|tags|type|"
    r"fav(?:orite)?|icon|reprompt|archived|guid|(?:last )?modified|created|time[a-z]+"
)


def table(text: str) -> Iterator[Wanted]:
    """By line, what it is for, and column. Raises BadInventory."""
    before = 0
    rows = _rows(io.StringIO(text, newline=""), _first_line(text))
    try:
        names = [cell.strip() for cell in next(rows, [])]
        if [name.partition("=")[0] for name in names[:1]] == ["sep"]:  # of Excel
            names = [cell.strip() for cell in next(rows, [])]
        before = rows.line_num
        for row in rows:
            if len(row) > len(names):
                break
            yield from _values(f"line {before + 1}", names, [cell.strip() for cell in row])
            before = rows.line_num
        else:
            return
        problem = f"line {before + 1} has more cells than there are columns"
    except csv.Error:
        problem = f"not CSV: line {before + 1}"
    raise BadInventory(problem)


def _values(line: str, names: Sequence[str], cells: Sequence[str]) -> Iterator[Wanted]:
    around = set[int]()
    if any(map(_SECRET.fullmatch, names)):
        around = {number for number, name in enumerate(names) if _AROUND.fullmatch(name)}
        titles = [number for number, name in enumerate(names) if _TITLE.fullmatch(name)]
        for number in titles[:1]:
            # One that may not be shown may be anything.
            if title := shown("".join(cells[number : number + 1])):
                line = f"{line} ({title})"
                around.add(number)
    for number, (name, cell) in enumerate(zip(names, cells, strict=False)):
        # An address may have a password in it, a link a token.
        if number not in around or "@" in cell or "?" in cell:
            yield Wanted(f"{line} {shown(name) or f'#{number + 1}'}", cell)


def is_table(lines: Sequence[str]) -> bool:
    """Whether the first line names columns, and what follows has some."""
    try:
        at = 1 if lines and lines[0].startswith("sep=") else 0
        rows = _rows(lines[at:], *lines[at : at + 1])
        names, *rows = [[cell.strip() for cell in row] for row in rows]
    except (csv.Error, ValueError):
        return False
    named = len(names) > 1 and all(map(shown, names)) and any(map(_COLUMN.search, names))
    return named and bool(rows) and all(len(row) > 1 for row in rows)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _rows(lines: Iterable[str], first: str = "") -> Any:
    """A reader of csv, of the separator that the first line has."""
    return csv.reader(lines, delimiter=max(",;\t", key=first.count), strict=True)
