"""Which policy was in force when, and what changed with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...journal.entries import Entry
from .telling import time_of

_MOST_CHANGES = 12  # told of one policy


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy from one entry to the next."""

    entry: Entry
    since: datetime
    until: datetime | None
    changes: tuple[str, ...]


def policies(entries: Iterable[Entry]) -> list[InForce]:
    """Every policy that came into force, but not again what was in force already."""
    found: list[InForce] = []
    content: Mapping[str, Any] = {}
    digest = profile = None
    for entry in entries:
        since = time_of(entry.time)
        if entry.kind != "policy" or since is None:
            continue
        body = entry.body
        if "profile" in body:
            if body["profile"] == profile:
                continue
            profile = body["profile"]
            changes = [f"profile: {profile}"]
        else:
            if body.get("sha256") == digest:
                continue
            new = _mapping(body.get("content"))
            changes = list(_differences(content, new)) if content else []
            digest, content = body.get("sha256"), new
        if found:
            found[-1] = replace(found[-1], until=since)
        found.append(InForce(entry, since, None, _shortened(changes)))
    return found


def _shortened(changes: list[str]) -> tuple[str, ...]:
    more = len(changes) - _MOST_CHANGES
    return (*changes[:_MOST_CHANGES], *([f"and {more} more"] if more > 0 else []))


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """What differs between two policies as written, by path."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            below = f"{path}.{key}" if path else str(key)
            if key not in new:
                yield f"{below} taken away (was {_text(old[key])})"
            elif key not in old:
                yield f"{below} added: {_text(new[key])}"
            else:
                yield from _differences(old[key], new[key], below)
    elif old != new:
        yield f"{path}: {_text(old)}, now {_text(new)}"


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
