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
    """The few numbers that count: number, what it is, a remark, and whether it is alarming."""

    items: Sequence[tuple[str, str, str, bool]]


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
class Mark:
    """Something that happened, from one share of a timeline to another (0 to 1)."""

    text: str
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows of bars over time, each in a scale of its own. `told` says what there is to see."""

    title: str
    told: str
    labels: Sequence[str]
    rows: Sequence[Series]
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each label, of one or several parts. `told` says what there is to see.

    With `share` all bars are of the same length: what counts is their parts.
    """

    title: str
    told: str
    labels: Sequence[str]
    parts: Sequence[Series]
    share: bool = False

    @property
    def totals(self) -> list[int]:
        """The sum of each bar's parts."""
        return [sum(part.values[i] for part in self.parts) for i in range(len(self.labels))]


Block: TypeAlias = Para | Bullets | Pairs | Tiles | Table | Code | Title | Timeline | Bars


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
