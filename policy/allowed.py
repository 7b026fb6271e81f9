"""Allow-lists: a document reduced to the fields that were named."""

from __future__ import annotations

from collections.abc import Sequence

from .fields import TABLE, TEXT, Field, Fields, child
from .findings import Tree
from .named import pair_list
from .selectors import Selector, Trail, next_step, root_step

# Fields of these kinds are a document's structure: without them no backend takes it.
_STRUCTURE = ("id", "time", "word", "number", "version")


class AllowList:
    """Which fields may stay."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self._selectors = tuple(selectors)

    def applied(self, type_: str, tree: Tree) -> tuple[bool, Tree]:
        """Whether anything stays of a document, and what."""
        trail = (root_step(type_, tree),)
        return self._applied(tree, trail, TABLE.get(type_, TEXT))

    def _applied(self, node: Tree, trail: Trail, place: Field | Fields) -> tuple[bool, Tree]:
        if any(selector.matches(trail) for selector in self._selectors):
            return True, node
        if isinstance(node, dict):
            return self._object(node, trail, place)
        if isinstance(node, list):
            return self._list(node, trail, place)
        return isinstance(place, Field) and place.kind in _STRUCTURE, node

    def _object(
        self, node: dict[str, Tree], trail: Trail, place: Field | Fields
    ) -> tuple[bool, Tree]:
        new: dict[str, Tree] = {}
        for key, value in node.items():
            steps = (*trail, next_step(trail, key, value))
            kept, below = self._applied(value, steps, child(place, key))
            if kept:
                new[key] = below
        same = len(new) == len(node) and all(new[key] is node[key] for key in new)
        # A document that has nothing left is still one that happened.
        return bool(new) or len(trail) == 1, node if same else new

    def _list(self, node: list[Tree], trail: Trail, place: Field | Fields) -> tuple[bool, Tree]:
        new: list[Tree] = []
        pairs = pair_list(node)
        for index, value in enumerate(node):
            if pairs and isinstance(value, list) and isinstance(value[0], str):
                steps = (*trail, next_step(trail, value[0], value[1]))
                kept, below = self._applied(value[1], steps, child(place, value[0]))
                below = value if below is value[1] else [value[0], below]
            else:
                kept, below = self._applied(value, (*trail, next_step(trail, index, value)), place)
            if kept:
                new.append(below)
        same = len(new) == len(node) and all(a is b for a, b in zip(new, node, strict=True))
        return bool(new), node if same else new
