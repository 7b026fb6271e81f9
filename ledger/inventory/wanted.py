"""What somebody wants to look for, and how to speak of it.

A value is spoken of by its name or its line. Names come from a file that holds secrets, so one that
is not made of plain words is not shown either. No error quotes anything of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

InventoryFormat = Literal[
    "env", "properties", "ini", "toml", "json", "yaml", "csv", "netrc", "pgpass", "urls", "pem",
    "lines",
]  # fmt: skip
FORMATS: tuple[str, ...] = get_args(InventoryFormat)

_WORD = r"(?:[A-Za-z]{1,24}[0-9]{0,4}|[0-9]{1,4})"
_NAME = re.compile(rf"[_.]?{_WORD}(?:[-._/ ]{{1,2}}{_WORD}){{0,15}}")
_HOST = re.compile(rf"(?:https?://)?({_NAME.pattern})(?::[0-9]{{1,5}})?/?")


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


def shown(name: str) -> str:
    """A name if it may be shown, else nothing. Of a URL it is the host and the path."""
    found = _HOST.fullmatch(name) if len(name) <= 64 else None
    return "" if found is None else found[1] if "://" in name else name


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Lines, without their ends. What else Unicode ends a line with may be a part of a value."""
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line.removesuffix("\r")


def told_apart(found: list[Wanted]) -> list[Wanted]:
    """Names that several have are numbered."""
    often = {name for name, times in Counter(each.name for each in found).items() if times > 1}
    seen: Counter[str] = Counter()
    for index, each in enumerate(found):
        if each.name in often:
            seen[each.name] += 1
            found[index] = replace(each, name=f"{each.name} ({seen[each.name]})")
    return found
