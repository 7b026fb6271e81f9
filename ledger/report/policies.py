"""Which policy was in force when, what changed with it, and which control was off meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ..entries import Entry
from .telling import time_of

_MOST_CHANGES = 12  # told of one policy


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy from one entry to the next."""

    entry: Entry
    since: datetime
    until: datetime | None
    changes: tuple[str, ...]
    controls: frozenset[str]  # in the way of the destinations


@dataclass(frozen=True, slots=True)
class Off:
    """A control that was there before, and not from an entry on."""

    control: str
    entry: Entry
    since: datetime
    until: datetime | None


def policies(entries: Iterable[Entry], destinations: set[str]) -> list[InForce]:
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
            new = body.get("content")
            new = new if isinstance(new, Mapping) else {}
            changes = list(_differences(content, new)) if content else []
            digest, content = body.get("sha256"), new
        if found:
            found[-1] = _ended(found[-1], since)
        found.append(
            InForce(entry, since, None, _shortened(changes), controls(content, destinations))
        )
    return found


def controls_off(found: list[InForce]) -> Iterator[Off]:
    """What stood in the way of the destinations, then did not, in the order of time."""
    for before, after in pairwise(found):
        for control in sorted(before.controls - after.controls):
            back = (each for each in found if each.since > after.since)
            until = next((each.since for each in back if control in each.controls), None)
            yield Off(control, after.entry, after.since, until)


def controls(content: Mapping[str, Any], destinations: set[str]) -> frozenset[str]:
    """What documents pass on their way: processors, and the actions on classes that they take."""
    processors = _mapping(content.get("processors"))
    exporters = _mapping(content.get("exporters"))
    found: set[str] = set()
    for pipeline, options in _mapping(content.get("pipelines")).items():
        options = _mapping(options)
        for destination in destinations & set(_names(options.get("exporters"))):
            own = _names(_mapping(exporters.get(destination)).get("processors"))
            for id_ in [*_names(options.get("processors")), *own]:
                found.add(f"{id_} in {pipeline} for {destination}")
                classes = _mapping(_mapping(processors.get(id_)).get("classes"))
                kept = {name for name, action in classes.items() if action == "keep"}
                found |= {f"{id_} of {name}" for name in classes.keys() - kept}
    return frozenset(found)


def _ended(one: InForce, until: datetime) -> InForce:
    return InForce(one.entry, one.since, until, one.changes, one.controls)


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


def _names(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []
