"""Conditions on documents: what a field says, and `all`, `any` and `not` of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .findings import Tree
from .named import pair_list
from .selectors import Selector, Trail, next_step, root_step


class Judged(Protocol):
    """What a condition looks at: a document of the pipeline, or anything like one."""

    @property
    def type(self) -> str:
        """Its kind."""

    @property
    def tree(self) -> Tree:
        """Its content."""

    @property
    def parents(self) -> Sequence[Judged]:
        """What it shares with others: an envelope's headers, an OTLP resource."""


def selected(selector: Selector, type_: str, tree: Tree) -> Iterator[Tree]:
    """The values that a selector means in a document."""
    for trail, value in nodes((root_step(type_, tree),), tree):
        if selector.matches(trail):
            yield value


def nodes(trail: Trail, node: Tree) -> Iterator[tuple[Trail, Tree]]:
    """Every node of a tree with the way to it; pairs in lists of pairs count as keys."""
    yield trail, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from nodes((*trail, next_step(trail, key, value)), value)
    elif isinstance(node, list):
        named = pair_list(node)
        for index, value in enumerate(node):
            if named and isinstance(value, list) and isinstance(value[0], str):
                yield from nodes((*trail, next_step(trail, value[0], value[1])), value[1])
            else:
                yield from nodes((*trail, next_step(trail, index, value)), value)


class Condition(ABC):
    """Something that is true or false of a document."""

    @abstractmethod
    def holds(self, document: Judged) -> bool:
        """Whether it is true."""


@dataclass(frozen=True)
class FieldIs(Condition):
    """True when one of the values that a selector means passes a test.

    Fields of what the document belongs to (its resource, its envelope) count as well.
    """

    selector: Selector
    test: Callable[[Tree], bool]

    def holds(self, document: Judged) -> bool:
        """Whether one of the values passes."""
        return any(
            self.test(value)
            for each in _family(document)
            for value in selected(self.selector, each.type, each.tree)
        )


@dataclass(frozen=True)
class TypeIs(Condition):
    """True for documents of some types."""

    types: frozenset[str]

    def holds(self, document: Judged) -> bool:
        """Whether the document is of one of the types."""
        return document.type in self.types


@dataclass(frozen=True)
class AllOf(Condition):
    """True when all of these are."""

    of: tuple[Condition, ...]

    def holds(self, document: Judged) -> bool:
        """Whether all hold."""
        return all(condition.holds(document) for condition in self.of)


@dataclass(frozen=True)
class AnyOf(Condition):
    """True when one of these is."""

    of: tuple[Condition, ...]

    def holds(self, document: Judged) -> bool:
        """Whether one holds."""
        return any(condition.holds(document) for condition in self.of)


@dataclass(frozen=True)
class NotThat(Condition):
    """True when that is not."""

    of: Condition

    def holds(self, document: Judged) -> bool:
        """Whether it does not hold."""
        return not self.of.holds(document)


def _family(document: Judged) -> Iterator[Judged]:
    yield document
    for parent in document.parents:
        yield from _family(parent)
