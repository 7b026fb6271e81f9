"""Reads what there is of a structure in a tree, whatever else stands where it should be.

A decoder of msgspec refuses a document for one field of another type than it was told. Senders
write such fields, by mistake or because they want them to be overlooked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from ...pipeline.payloads.document import Tree

T = TypeVar("T")
_Read = Callable[[Tree], Any]


def lenient(tree: Tree, type_: type[T]) -> T | None:
    """The structure, with None or its default where something else stands. Never raises.

    Takes structures of texts, integers, booleans, tuples, raw JSON, other structures, and unions.
    """
    key: object = type_
    found: T | None = _reader(key)(tree)
    return found


@cache
def _reader(type_: object) -> _Read:
    return _made(inspect.type_info(type_))


def _made(info: inspect.Type) -> _Read:
    if isinstance(info, inspect.StructType):
        return _structure(info)
    if isinstance(info, inspect.VarTupleType):
        each = _made(info.item_type)
        return lambda tree: tuple(map(each, tree)) if isinstance(tree, list) else None
    if isinstance(info, inspect.UnionType):
        return _union([_made(each) for each in info.types])
    if isinstance(info, inspect.RawType):
        return lambda tree: msgspec.Raw(msgspec.json.encode(tree))
    plain = {inspect.StrType: str, inspect.IntType: int, inspect.BoolType: bool}.get(type(info))
    return lambda tree: tree if type(tree) is plain else None


def _union(choices: list[_Read]) -> _Read:
    def read(tree: Tree) -> Any:
        return next((found for each in choices if (found := each(tree)) is not None), None)

    return read


def _structure(info: inspect.StructType) -> _Read:
    fields = [(each.encode_name, each.name, _made(each.type)) for each in info.fields]

    def read(tree: Tree) -> Any:
        if not isinstance(tree, dict):
            return None
        found = {
            name: value
            for key, name, each in fields
            if key in tree and (value := each(tree[key])) is not None
        }
        return info.cls(**found)

    return read
