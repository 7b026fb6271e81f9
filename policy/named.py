"""Names and values that a document keeps apart: pair lists, named objects, command lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .findings import Tree

_NAMES = ("name", "key", "header", "field", "attribute", "param", "variable", "k", "n")
_VALUES = ("value", "val", "values", "content", "data", "v", "stringValue", "string_value", "text")


class Named(NamedTuple):
    """An object such as `{"name": "password", "value": …}`: its name, and where the value is."""

    name: str
    value_key: str


def named_value(node: Mapping[str, Tree]) -> Named | None:
    """Read an object as a name with a value, if it is one."""
    if not 2 <= len(node) <= 6:
        return None
    folded = {key.casefold(): key for key in node}
    for name_key in _NAMES:
        name = node.get(folded.get(name_key, ""))
        if isinstance(name, str) and len(name) <= 128:
            for value_key in _VALUES:
                if value_key.casefold() in folded:
                    return Named(name, folded[value_key.casefold()])
    return None


def pair_list(node: Sequence[Tree]) -> bool:
    """Whether a list is one of `[name, value]` pairs, as headers and tags often are."""
    return bool(node) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in node
    )


def pair_key(node: Sequence[Tree], key_class: Callable[[str], str | None]) -> str | None:
    """The name of a lone `["password", "x"]`; None when it is a list of names or anything else."""
    if len(node) != 2 or not isinstance(node[0], str) or node[1] is None:
        return None
    if len(node[0]) > 64 or key_class(node[0]) is None:
        return None
    if isinstance(node[1], str) and key_class(node[1]) is not None:
        return None
    return node[0]


def flagged_value(value: object) -> str | None:
    """The name in a command line's flag whose value is the next argument: `--password`."""
    if not isinstance(value, str) or not 2 < len(value) <= 64 or not value.startswith("-"):
        return None
    return value.lstrip("-") if "=" not in value and " " not in value else None
