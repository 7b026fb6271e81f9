"""What an option's type allows, in words, and what was found instead, without its value."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from ..options import Duration, PemFile, Secret, Size

SEQUENCES: dict[object, type] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, Sequence: tuple, Iterable: tuple,
    AbstractSet: frozenset,
}  # fmt: skip
MAPPINGS = (dict, Mapping)
_NAMES: dict[object, str] = {
    str: "text", bool: "true or false", int: "a whole number", float: "a number",
    type(None): "nothing", Secret: "text", Path: "a path", PemFile: "a path",
    Duration: "a duration such as 300ms, 1.5s, 2h45m, 7d or 0",
    Size: "a size such as 512KiB, 20MiB, 1.5GB or a number of bytes",
}  # fmt: skip


def describe(type_: Any) -> str:
    """What is allowed, in words: `a whole number (at least 1)`, `one of balanced, strict`."""
    kind, limits = bare(type_), limits_of(type_)
    origin = get_origin(kind) or kind
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in get_args(kind) if arg not in (type(None), msgspec.UnsetType)]
        return " or ".join(dict.fromkeys(describe(arg) for arg in kinds))
    if origin is Literal:
        names = [str(arg).lower() if isinstance(arg, bool) else str(arg) for arg in get_args(kind)]
        return "one of " + ", ".join(names)
    if is_struct(kind):
        return "a section"
    if origin in MAPPINGS:
        return "a map"
    if origin in SEQUENCES:
        item = get_args(kind)[0] if get_args(kind) else None
        of = f" of {describe(item)}" if get_origin(bare(item)) is Literal else ""
        return f"a list{of}{_length(limits, 'with', 'entry', 'entries')}"
    if kind is str:
        pattern = f" that matches {limits.pattern}" if limits.pattern else ""
        return f"text{pattern}{_length(limits, 'of', 'character', 'characters')}"
    return f"{_NAMES.get(kind, 'another value')}{_range(limits)}"


def _range(limits: msgspec.Meta) -> str:
    words = [
        f"{word} {limit}"
        for word, limit in (
            ("at least", limits.ge),
            ("more than", limits.gt),
            ("at most", limits.le),
            ("less than", limits.lt),
        )
        if limit is not None
    ]
    return f" ({' and '.join(words)})" if words else ""


def _length(limits: msgspec.Meta, word: str, one: str, several: str) -> str:
    low, high = limits.min_length, limits.max_length
    unit = one if high == 1 or (high is None and low == 1) else several
    if low is not None and high is not None:
        return f" {word} {low} to {high} {unit}"
    if low is not None:
        return f" {word} at least {low} {unit}"
    return f" {word} at most {high} {unit}" if high is not None else ""


def within(type_: Any, length: int) -> bool:
    """Whether a list of this length is allowed."""
    limits = limits_of(type_)
    low, high = limits.min_length or 0, limits.max_length
    return low <= length and (high is None or length <= high)


def kind_of(value: Any) -> str:
    """What was found, without saying what it is."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float):
        return "a fraction"
    if isinstance(value, int):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a section"


def mismatch(type_: Any, value: Any) -> str:
    """What is allowed and, where that helps, what was found: `expected text, got a number`."""
    kinds = set(alternatives(type_))
    said = f"expected {describe(type_)}"
    got = kind_of(value)
    if (got == "a number" and kinds & {int, float}) or (got == "a fraction" and float in kinds):
        return said
    if any(get_origin(kind) is Literal for kind in kinds) or (got == "text" and str in kinds):
        return said
    quoted = kinds & {str, Secret} and isinstance(value, (bool, int, float))
    return f"{said}, got {got}" + (": put it in quotes" if quoted else "")


def alternatives(type_: Any) -> tuple[Any, ...]:
    """The types that are allowed, without their annotations; one, unless it is a union."""
    kind = bare(type_)
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(bare(arg) for arg in get_args(kind) if arg is not msgspec.UnsetType)
    return (kind,)


def bare(type_: Any) -> Any:
    """A type without its annotations."""
    return get_args(type_)[0] if get_origin(type_) is Annotated else type_


def limits_of(type_: Any) -> msgspec.Meta:
    """The limits in a type's annotations: the first annotation that sets any."""
    names = ("gt", "ge", "lt", "le", "pattern", "min_length", "max_length")
    for meta in getattr(type_, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and any(getattr(meta, n) is not None for n in names):
            return meta
    return msgspec.Meta()


def is_struct(type_: Any) -> bool:
    """Whether a type is a section with named options."""
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)
