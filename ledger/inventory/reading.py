"""An inventory is read: by the format that is told, or that its content tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from .assignments import ASSIGNMENT, SECTION, env, ini
from .tables import is_table, table
from .trees import json_text, opened
from .wanted import BadInventory, Wanted, told_apart

InventoryFormat = Literal["env", "ini", "json", "csv", "lines"]
FORMATS: tuple[str, ...] = get_args(InventoryFormat)

MOST_BYTES = 256 * 2**20
MOST_VALUES = 2_000_000


def read_inventory(data: bytes, format_: InventoryFormat | None = None) -> list[Wanted]:
    """The values of a file, in order. Without a format it is told by the content.

    Raises BadInventory.
    """
    text = _decoded(data)
    found = []
    for read in _READERS[format_ or _format_of(text)](text):
        for wanted in opened(read) if read.value.strip() else ():
            found.append(wanted)
            if len(found) > MOST_VALUES:
                raise BadInventory(f"more than {MOST_VALUES:,} values")
    return told_apart(found)


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
    if any(SECTION.fullmatch(line) for line in lines[:1]):
        return "ini"
    if text.lstrip()[:1] in ("{", "["):
        return "json"
    # The lines of a value over several lines are no assignments.
    if lines and sum(map(bool, map(ASSIGNMENT.fullmatch, lines))) * 2 > len(lines):
        return "env"
    return "csv" if is_table(lines) else "lines"


def _lines(text: str) -> Iterator[Wanted]:
    for number, line in enumerate(text.splitlines(), 1):
        yield Wanted(f"line {number}", line.strip())


_READERS = {"env": env, "ini": ini, "json": json_text, "csv": table, "lines": _lines}
