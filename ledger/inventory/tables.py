"""Inventories in CSV: what a password manager exports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .wanted import BadInventory, Wanted, shown

# Of CSV the first line has names of columns; only lines that say so are taken for it.
_COLUMN = re.compile(r"(?i)pass|secret|token|key|value|e?mail|user|login")


def table(text: str) -> Iterator[Wanted]:
    """By line and column. Raises BadInventory."""
    rows = _rows(io.StringIO(text, newline=""), text.partition("\n")[0])
    before = 0
    try:
        names = [shown(cell.strip()) for cell in next(rows, [])]
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


def is_table(lines: Sequence[str]) -> bool:
    """Whether the first line names columns, and all have as many."""
    try:
        names, *rows = [[cell.strip() for cell in row] for row in _rows(lines, *lines[:1])]
    except (csv.Error, ValueError):
        return False
    named = len(names) > 1 and all(map(shown, names)) and any(map(_COLUMN.search, names))
    return named and bool(rows) and all(len(row) == len(names) for row in rows)


def _rows(lines: Iterable[str], first: str = "") -> Any:
    """A reader of csv, of the separator that the first line has."""
    return csv.reader(lines, delimiter=max(",;\t", key=first.count), strict=True)
