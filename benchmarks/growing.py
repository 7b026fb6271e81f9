"""Events of a wanted size: more frames and breadcrumbs, each another one, or fewer of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from benchmarks.varying import growing_lists, varied

_CLOSE = 1.2  # times the wanted size


def length(tree: Any) -> int:
    """Bytes as JSON."""
    return len(json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode())


def sized(
    event: dict[str, Any],
    size: int,
    random: Random,
    *,
    donors: Sequence[dict[str, Any]] = (),
    trim: bool = False,
) -> dict[str, Any] | None:
    """A copy of about `size` bytes; None when it cannot be made so.

    It grows by varied frames and breadcrumbs of the donors, or else of its own. It only shrinks
    with `trim`.
    """
    event = copy.deepcopy(event)
    if length(event) > size * _CLOSE and trim:
        _trim(event, size)
    now = length(event)
    if now > size * _CLOSE:
        return None
    if now * _CLOSE < size:
        _grow(event, size - now, random, donors or (event,))
    return event if length(event) * _CLOSE >= size else None


def _grow(
    event: dict[str, Any], wanted: int, random: Random, donors: Sequence[dict[str, Any]]
) -> None:
    """Add to the longest list of frames and to the breadcrumbs."""
    lists = [items for items in growing_lists(event) if any(map(_grows, items))]
    sources = [
        [item for items in growing_lists(donor) for item in items if _grows(item)]
        for donor in donors
    ]
    sources = [source for source in sources if source]
    if not lists or not sources:
        return
    frames = [items for items in lists if _is_frame(items[-1])]
    crumbs = [items for items in lists if not _is_frame(items[-1])]
    while wanted > 0:
        item = varied(random.choice(random.choice(sources)), random)
        homes = (frames if _is_frame(item) else crumbs) or lists
        homes[0].insert(len(homes[0]) // 2, item)
        wanted -= length(item) + 1


def _grows(item: Any) -> bool:
    return isinstance(item, dict) and bool(item)


def _is_frame(item: Any) -> bool:
    return isinstance(item, dict) and ("lineno" in item or "function" in item)


def _trim(event: dict[str, Any], size: int) -> None:
    """Keep the last frames and breadcrumbs; then drop the list of modules."""
    while length(event) > size:
        items = max(growing_lists(event), key=length, default=[])
        if len(items) > 1:
            del items[: max(1, len(items) // 4)]
        elif not (event.pop("modules", None) or event.pop("extra", None)):
            return
