"""What was changed, told to Sentry in `_meta`: places, classes and kinds, never a value.

The format is Relay's: `{"": {"rem": [[rule, type, start, end]]}}` under the field's path, with
type s (substituted), m (masked), p (pseudonym), x (removed), and offsets in characters of the text
as it is now (getsentry/relay, relay-protocol/src/meta.rs). `len`, the original's length, is not
written: it would tell how long a password is. What an SDK wrote there is not trusted: its `val`
(the original values) and everything else that could hold text goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from .findings import Tree

REMARK_TYPES = {"removed": "s", "masked": "m", "pseudonym": "p", "generalised": "s"}
_TYPES = ("s", "m", "p", "x", "a", "e")
_RULE = re.compile(r"!?[@#]?[a-z][a-z0-9_.:-]{0,63}")
_ERROR = re.compile(r"[a-z][a-z_]{0,63}")
MAX_NESTING = 128

# Documents that tell in `_meta` what was changed. Everywhere else that name means nothing.
WITH_META = ("event", "transaction", "feedback", "span")

Path = tuple[str | int, ...]
Remark = tuple[str, Literal["s", "m", "p", "x"], int | None, int | None]


def rule_name(class_: str) -> str:
    """The name of a class in remarks; a user's own classes are all `custom`."""
    return "custom" if class_.startswith("custom.") else class_


def rebuilt(
    inbound: Tree, tree: Tree, remarks: Mapping[Path, Sequence[Remark]], changed: set[Path]
) -> dict[str, Tree] | None:
    """The `_meta` of a document that has become `tree`; None when there is nothing to say.

    Keeps of `inbound` the remarks, lengths and error kinds of places that exist and were not
    changed (`changed` also names renamed keys).
    """
    meta = _kept(inbound, tree, (), changed) if isinstance(inbound, dict) else None
    meta = meta or {}
    for path, notes in remarks.items():
        if "" in path:  # the key that the notes themselves stand under
            continue
        node: dict[str, Tree] = meta
        for key in path:
            below = node.get(str(key))
            if not isinstance(below, dict):
                below = node[str(key)] = {}
            node = below
        node[""] = {"rem": [[part for part in note if part is not None] for note in notes]}
    return meta or None


def _kept(inbound: Tree, tree: Tree, path: Path, changed: set[Path]) -> dict[str, Tree] | None:
    if not isinstance(inbound, dict) or len(path) > MAX_NESTING:
        return None
    kept: dict[str, Tree] = {}
    for key, value in inbound.items():
        if key == "":
            note = None if path in changed else _note(value)
            if note:
                kept[""] = note
            continue
        place, exists = _under(tree, key)
        if exists is None:
            continue
        below = _kept(value, place, (*path, exists), changed)
        if below:
            kept[key] = below
    return kept or None


def _under(tree: Tree, key: str) -> tuple[Tree, str | int | None]:
    if isinstance(tree, dict) and key in tree:
        return tree[key], key
    if isinstance(tree, list) and key.isascii() and key.isdigit() and len(key) < 8:
        index = int(key)
        if index < len(tree):
            return tree[index], index
    return None, None


def _note(value: Tree) -> dict[str, Tree] | None:
    """What may stay of a note: nothing in it can hold a value."""
    if not isinstance(value, dict):
        return None
    note: dict[str, Tree] = {}
    remarks = value.get("rem")
    if isinstance(remarks, list):
        kept = [remark for remark in remarks if _is_remark(remark)]
        if kept:
            note["rem"] = kept
    length = value.get("len")
    if isinstance(length, int) and not isinstance(length, bool):
        note["len"] = length
    errors = value.get("err")
    if isinstance(errors, list):
        kinds: list[Tree] = [
            kind
            for error in errors
            if isinstance(kind := error[0] if isinstance(error, list) and error else error, str)
            and _ERROR.fullmatch(kind)
        ]
        if kinds:
            note["err"] = kinds
    return note or None


def _is_remark(remark: Tree) -> bool:
    if not isinstance(remark, list) or not 2 <= len(remark) <= 4:
        return False
    rule, type_, *offsets = remark
    return (
        isinstance(rule, str)
        and _RULE.fullmatch(rule) is not None
        and type_ in _TYPES
        and all(isinstance(offset, int) and not isinstance(offset, bool) for offset in offsets)
    )
