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
        name = node[folded[name_key]] if name_key in folded else None
        if isinstance(name, str) and len(name) <= 128:
            for value_key in _VALUES:
                if value_key.casefold() in folded:
                    return Named(name, folded[value_key.casefold()])
    return None


# Inside of an object under a sensitive key (`token: {value, type, expires_in}`) these say
# something about the value without being it.
_DESCRIPTIONS = frozenset(
    """status state type kind method provider scope scopes expires expiry expires_in expires_at
    expiresin expiresat count size length version algorithm alg enabled verified valid created
    created_at updated updated_at issued_at lang language format source role level reason
    error message code_length attempts""".split()  # noqa: SIM905  reads best as text
)


def describes(key: str, value: Tree) -> bool:
    """Whether a field of an object under a sensitive key only tells about the sensitive value."""
    if key.casefold() not in _DESCRIPTIONS:
        return False
    if isinstance(value, str):
        return (
            len(value) <= 32 and value.replace("_", "").replace("-", "").replace(" ", "").isalpha()
        )
    return not isinstance(value, (dict, list, bytes))


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
