"""Inventories that are trees: JSON of a vault, and of what is in a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from .wanted import BadInventory, Wanted, shown


def json_text(text: str) -> Iterator[Wanted]:
    """By path. Raises BadInventory."""
    try:
        tree = _tree(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        where = "nested too deeply"
    else:
        yield from _leaves(tree)
        return
    raise BadInventory(f"not JSON: {where}")


def opened(wanted: Wanted) -> Iterator[Wanted]:
    """What is in a value that is JSON itself, as AWS Secrets Manager has it; else the value."""
    tree: object = None
    if wanted.value.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            tree = _tree(wanted.value)
    if not isinstance(tree, _Pairs):
        yield wanted
        return
    for each in _leaves(tree):
        yield from opened(Wanted(f"{wanted.name}.{each.name}", each.value))


def _tree(text: str) -> object:
    # Pairs, so that of two entries of one name none is lost; numbers as they are written.
    return json.loads(text, object_pairs_hook=_Pairs, parse_int=str, parse_float=str)


class _Pairs(list[tuple[str, object]]):
    """An object of JSON."""


def _leaves(tree: object) -> Iterator[Wanted]:
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str):
            yield Wanted(path or "the value", node)
        elif isinstance(node, _Pairs):
            parts = [(shown(key) or f"#{n}", value) for n, (key, value) in enumerate(node, 1)]
            waiting += [(f"{path}.{part}" if path else part, v) for part, v in reversed(parts)]
        elif isinstance(node, list):
            waiting += [(f"{path}[{n}]", value) for n, value in reversed(list(enumerate(node)))]
