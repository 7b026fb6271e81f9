"""What a page of the report is made of. Renderings know nothing else, and escape every text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


class Mono(str):
    """A name, a hash or a command: shown as code."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph."""

    text: str
    strength: Literal["plain", "small", "warning"] = "plain"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what is said of them."""

    items: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Tiles:
    """The few numbers that count: number, what it is, and a remark."""

    items: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; `numbers` are the columns of numbers. Without rows `empty` is said."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Code:
    """A command to copy."""

    text: str


@dataclass(frozen=True, slots=True)
class Title:
    """The head of a part of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of bar: its name, and a value for each label."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars; `stacked` ones on top of each other, `across` from left to right.

    `told` says in a sentence what there is to see.
    """

    title: str
    told: str
    labels: Sequence[str]
    series: Sequence[Series]
    across: bool = False
    share: bool = False  # every bar has the same length: what counts is its parts

    @property
    def largest(self) -> int:
        """The longest bar."""
        return max((sum(each.values[i] for each in self.series) for i in range(len(self.labels))),
                   default=0)  # fmt: skip


Block: TypeAlias = Para | Bullets | Pairs | Tiles | Table | Code | Title | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under its letter."""

    letter: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole: the first page, and the sections behind it."""

    title: str
    subtitle: str
    about: Sequence[tuple[str, str]]  # what stands under the title
    first: Sequence[Block]
    sections: Sequence[Section] = field(default=())
