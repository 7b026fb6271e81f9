"""Rendering: the actions of a chain applied to what was found in a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from .findings import FORMS, Form, Found, Mark, Tree
from .generalisation import COARSE
from .judging import Site
from .keyring.pseudonyms import Epoch
from .meta import REMARK_TYPES, WITH_META, Path, Remark, rebuilt, rule_name
from .parts import GeneralizePart, Part
from .scan import Touched


class Rendering:
    """One document being rendered for one destination."""

    def __init__(self, parts: Sequence[Part], scope: str) -> None:
        self._parts = parts
        self._scope = scope
        # The same one throughout a document, whatever is rotated meanwhile.
        self._epochs: dict[int, Epoch | None] = {}
        self.found: list[Found] = []
        self._remarks: dict[Path, list[Remark]] = {}
        self._renamed: set[Path] = set()
        self.touched: Touched = {}  # where there are new texts

    def tree(self, type_: str, tree: Tree, sites: Sequence[Site]) -> Tree:
        """The document after the actions: the same object when nothing changes."""
        edits = _Edits()
        for site in sites:
            self._site(site, edits, tree)
        new = edits.applied(tree)
        self.touched = edits.touched()
        if type_ in WITH_META and isinstance(new, dict):
            new = self._with_meta(new, self._renamed)
        return new

    def _with_meta(self, tree: dict[str, Tree], renamed: set[Path]) -> dict[str, Tree]:
        inbound = tree.get("_meta")
        if inbound is None and not self._remarks and "_meta" not in tree:
            return tree
        body = {key: value for key, value in tree.items() if key != "_meta"}
        meta = rebuilt(inbound, body, self._remarks, renamed | self._remarks.keys())
        if meta == inbound and "_meta" in tree:
            return tree
        return body if meta is None else {**body, "_meta": meta}

    def _site(self, site: Site, edits: _Edits, tree: Tree) -> None:
        text = site.view.text
        out: list[str] = []
        remarks: list[Remark] = []
        at = length = 0
        gone = False
        for mark in site.marks:
            act = self.act(mark, site)
            if act is None:
                continue
            form, new = act
            out += [text[at : mark.start], new or ""]
            length += mark.start - at
            if not mark.class_.startswith(COARSE):
                remarks.append(_remark(mark, form, length, length + len(new or "")))
            length += len(new or "")
            at = mark.end
            gone = new is None and mark.start == 0 and mark.end == len(text)
        if at == 0 and not out:
            return
        new_text = "".join([*out, text[at:]])
        if new_text == text and not gone:
            return
        edit = edits.at(site.path)
        if site.is_key:
            self._renamed.add(site.path)
            edit.key = new_text
            return
        edit.replaced = True
        edit.value = None if gone else _like(_at(tree, site.path), new_text)
        if remarks:
            self._remarks[site.path] = [(remarks[0][0], "x", None, None)] if gone else remarks

    def act(self, mark: Mark, site: Site) -> tuple[Form, str | None] | None:
        """The form a finding leaves in and its new text; None when it stays as it is."""
        for part in self._parts:
            form = part.form(mark.class_)
            if form is None:
                continue
            if FORMS.index(form) <= FORMS.index(mark.form) and mark.form != "clear":
                break
            epoch = self._epoch(part)
            name = epoch.name if epoch is not None else ""
            self.found.append(Found(mark.class_, form, mark.detector, mark.value, mark.form, name))
            new = self._replacement(part, mark, site, epoch)
            return form, f'"{new}"' if mark.quoted and new is not None else new
        self.found.append(Found(mark.class_, mark.form, mark.detector, mark.value, mark.form))
        return None

    def _epoch(self, part: Part) -> Epoch | None:
        if id(part) not in self._epochs:
            self._epochs[id(part)] = part.epoch(self._scope)
        return self._epochs[id(part)]

    def _replacement(self, part: Part, mark: Mark, site: Site, epoch: Epoch | None) -> str | None:
        """What a part puts in place of a finding, if it may stand in this field."""
        whole = (mark.start, mark.end) == (0, len(site.view.text))
        if isinstance(part, GeneralizePart) and mark.class_ == site.field.class_ == "pii.ip":
            return part.generaliser.network(mark.value, bare=whole)
        if site.field.kind == "address":
            return None  # nothing but an address is allowed there
        return part.act(mark, epoch)


def _remark(mark: Mark, form: Form, start: int, end: int) -> Remark:
    return rule_name(mark.class_), cast("Any", REMARK_TYPES[form]), start, end


def _at(tree: Tree, path: Path) -> Tree:
    for key in path:
        tree = tree[key]  # type: ignore[index]  # the path came from this tree
    return tree


def _like(old: Tree, text: str) -> Tree:
    """The new text as the type that stood there, as far as text can be that."""
    return text.encode() if isinstance(old, bytes) else text


class _Edits:
    """What changes in a tree, as a tree of the same shape."""

    __slots__ = ("below", "key", "names", "replaced", "value")

    def __init__(self) -> None:
        self.below: dict[str | int, _Edits] = {}
        self.names: dict[str | int, str] = {}  # of keys that changed, once it was applied
        self.key: str | None = None
        self.replaced = False
        self.value: Tree = None

    def at(self, path: Path) -> _Edits:
        edit = self
        for key in path:
            edit = edit.below.setdefault(key, _Edits())
        return edit

    def applied(self, tree: Tree) -> Tree:
        """A new tree that shares with the old one what stays the same."""
        if self.replaced:
            return self.value
        if not self.below:
            return tree
        new: Any = tree.copy()  # type: ignore[union-attr]  # something stands below it
        for key, edit in self.below.items():
            new[key] = edit.applied(new[key])
        if isinstance(tree, dict) and any(edit.key is not None for edit in self.below.values()):
            self.names.update(_names(tree, self.below))
            return {self.names.get(key, key): value for key, value in new.items()}
        same = all(new[key] is tree[key] for key in self.below)  # type: ignore[index]
        return tree if same else new

    def touched(self) -> Touched:
        """Where it changed the tree that it was applied to, as paths of the new one."""
        return {self.names.get(key, key): edit.touched() for key, edit in self.below.items()}


def _names(tree: dict[str, Tree], edits: dict[str | int, _Edits]) -> Iterable[tuple[str, str]]:
    """The new names of keys that change; ones that would be equal get a number."""
    renamed = {key: edits[key].key for key in tree if key in edits and edits[key].key is not None}
    taken = {key for key in tree if key not in renamed}
    for key, name in renamed.items():
        assert name is not None
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(unique)
        yield key, unique
