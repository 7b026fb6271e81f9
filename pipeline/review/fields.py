"""What the fields of documents are called: selectors, general over indexes and variable keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from ...policy.fields import TABLE, TEXT, Field, Fields, child
from ...policy.findings import Tree
from ...policy.judging import Path
from ...policy.meta import WITH_META
from ...policy.named import pair_list
from ...policy.selectors import Step, Trail, next_step, root_step
from .keys import is_plain

# Kinds of nodes that a selector may begin with; what is below them is named from there.
_ANCHORS = (
    "event", "error", "frame", "http", "user", "logentry", "thread", "breadcrumb", "span", "log",
    "metric", "resource", "scope", "envelope", "attachment", "session", "check_in", "feedback",
    "data_point",
)  # fmt: skip
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DEEPEST = 6  # levels that are told apart; below them one name is for all


@dataclass(frozen=True, slots=True)
class FieldName:
    """A field, or all fields that differ in an index or a variable key only.

    `str` of it is a selector for exactly these, except where not `addressable`.
    """

    anchor: str  # the kind of node above the keys; empty when selectors know no such kind
    keys: tuple[str | None, ...] = ()  # None: any
    deep: bool = False  # all that is below
    kind: str = ""  # of document, where selectors know none

    def __str__(self) -> str:
        items = ["*" if key is None else _item(key) for key in self.keys]
        if self.anchor and not (self.anchor == "event" and len(items) > 1):
            items.insert(0, f"${self.anchor}")
        if self.deep:
            items.append("**")
        return ".".join(items) or "(all of it)"

    @property
    def label(self) -> str:
        """Its selector, with the kind of document where that does not say it."""
        return f"{self} ({self.kind})" if self.kind else str(self)

    @property
    def addressable(self) -> bool:
        """Whether a selector can name it without meaning much else: paths match at the end."""
        return bool(self.anchor) or len([key for key in self.keys if key is not None]) > 1

    @property
    def holder(self) -> FieldName:
        """What holds it."""
        return replace(self, keys=self.keys[:-1], deep=False)

    def under(self, key: str | None) -> FieldName:
        """What it has under a key; None stands for any key or index."""
        if len(self.keys) >= _DEEPEST:
            return replace(self, deep=True)
        return replace(self, keys=(*self.keys, key))

    def covers(self, other: FieldName) -> bool:
        """Whether this name means the fields of another one, too."""
        if self == other or (self.anchor, self.kind) != (other.anchor, other.kind):
            return False
        if len(self.keys) != len(other.keys) and not self.deep:
            return False
        pairs = zip(self.keys, other.keys, strict=False)
        return len(self.keys) <= len(other.keys) and all(a in (None, b) for a, b in pairs)

    def general(self, *places: int) -> FieldName:
        """The same with any key at these places of `keys`."""
        keys = [None if at in places else key for at, key in enumerate(self.keys)]
        return replace(self, keys=tuple(keys))


def _item(key: str) -> str:
    return key if _BARE.fullmatch(key) else "'" + key.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a document that is neither an object nor a list."""

    path: Path
    name: FieldName
    keys: tuple[str, ...]  # that name it, the nearest last: neither `value` nor what looks like one
    value: str | float | bytes
    field: Field
    trail: Trail


class Walk:
    """The fields of one document: its leaves, the keys of its objects, nodes' names and trails."""

    def __init__(self, type_: str, tree: Tree, hidden: Collection[Path] = ()) -> None:
        """Walk. The keys at the end of the paths in `hidden` are not shown."""
        self.leaves: list[Leaf] = []
        self.names: dict[Path, FieldName] = {}
        self.trails: dict[Path, Trail] = {}
        # The keys of objects that are the sender's to choose, and how many more look like values.
        self.objects: list[tuple[FieldName, tuple[str, ...], int]] = []
        self._hidden = frozenset(hidden)
        self._has_meta = type_ in WITH_META
        root = root_step(type_, tree)
        anchor = _anchor(root)
        start = FieldName(anchor or "", kind="" if anchor else type_)
        self._node(tree, _At((), start, start, (), (root,), TABLE.get(type_, TEXT)))

    def _node(self, node: Tree, at: _At) -> None:
        self.names[at.path], self.trails[at.path] = at.name, at.trail
        if isinstance(node, dict):
            self._object(node, at)
        elif isinstance(node, list):
            for step in self._elements(node, at):
                self._node(*step)
        elif node is not None and not isinstance(node, bool):
            place = at.place if isinstance(at.place, Field) else TEXT
            self.leaves.append(Leaf(at.path, at.name, at.keys, node, place, at.trail))

    def _object(self, node: Mapping[str, Tree], at: _At) -> None:
        shown: list[str] = []
        hidden = 0
        known = at.place if isinstance(at.place, dict) else {}
        for key, value in node.items():
            if not at.path and key == "_meta" and self._has_meta:
                continue
            path = (*at.path, key)
            plain = self._plain(key, path, at.place)
            if plain is None:
                hidden += 1
            elif plain not in known:
                shown.append(plain)
            step = next_step(at.trail, key, value)
            self._node(value, at.below(path, plain, step, child(at.place, key)))
        if not known or "*" in known:  # else its keys are the protocol's
            self.objects.append((at.base, tuple(shown), hidden))

    def _elements(self, node: list[Tree], at: _At) -> Iterator[tuple[Tree, _At]]:
        """The elements of a list; of `[name, value]` pairs each value under its name."""
        pairs = pair_list(node)
        for index, value in enumerate(node):
            if pairs and isinstance(value, list) and isinstance(value[0], str):
                key, value, path = value[0], value[1], (*at.path, index, 1)
                plain = self._plain(key, (*at.path, index, 0), at.place)
                self.names[(*at.path, index, 0)] = at.base.under(None)
                step = replace(next_step(at.trail, key, value), key=key)
                yield value, at.below(path, plain, step, child(at.place, key))
            else:
                step = next_step(at.trail, index, value)
                yield value, at.below((*at.path, index), None, step, at.place)

    def _plain(self, key: str, path: Path, place: Field | Fields) -> str | None:
        """The key where it is a field's name; None where it looks like a value."""
        if path in self._hidden:
            return None
        known = isinstance(place, dict) and key in place
        return key if known or is_plain(key) else None


@dataclass(frozen=True, slots=True)
class _At:
    """Where the walk is."""

    path: Path
    name: FieldName
    base: FieldName  # from which the fields below are named
    keys: tuple[str, ...]
    trail: Trail
    place: Field | Fields

    def below(self, path: Path, key: str | None, step: Step, place: Field | Fields) -> _At:
        name = self.base.under(key)
        anchor = _anchor(step) if {"object", "array"} & step.types else None
        base = FieldName(anchor) if anchor else name
        keys = self.keys if key in (None, "value", "values") else (*self.keys, str(key))
        return _At(path, name, base, keys, (*self.trail, step), place)


def _anchor(step: Step) -> str | None:
    return next((name for name in _ANCHORS if name in step.types), None)
