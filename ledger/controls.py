"""Which controls stand between documents and a destination, and when one of them was off.

A control of a way (a pipeline that leads to a destination) is each of its processors, each class
that does not leave in clear there, and `redaction`: that anything is looked for at all. A field
that is never looked into (`safe_fields`) is a control that is off from when it was added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from .journal.entries import Entry

REDACTION = "redaction"
# A control is written as its kind and its name: `processor redact`, `class pii.email`,
# `field extra.note`.
Kind = Literal["processor", "class", "field"]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline that leads to one destination."""

    destination: str
    pipeline: str
    on: tuple[str, ...]  # the controls that stand in it
    open: tuple[str, ...] = ()  # the fields that are never looked into
    off: tuple[str, ...] = ()  # controls that stood in it once, and do not now


@dataclass(frozen=True, slots=True)
class Change:
    """Controls of a way that went off, or that are back; `gone`: nothing leads that way now."""

    way: Way
    state: Literal["off", "on", "gone"]
    controls: tuple[str, ...]

    def body(self, by: str, began: str) -> dict[str, Any]:
        """Of the journal's entry. `by` is what brought it: `start` or `reload`.

        That began at `began`: from then on something may have left without what went off.
        """
        way = self.way
        body = {"destination": way.destination, "pipeline": way.pipeline, "state": self.state,
                "controls": list(self.controls), "by": by}  # fmt: skip
        return body | ({"since": began} if self.state == "off" else {})


def compare(before: Iterable[Way], now: Iterable[Way]) -> tuple[list[Way], list[Change]]:
    """The ways as they are now, with what is off in them, and what has changed."""
    old = {(way.destination, way.pipeline): way for way in before}
    ways: list[Way] = []
    changes: list[Change] = []
    for way in now:
        previous = old.pop((way.destination, way.pipeline), None)
        off = _off(previous, way)
        known = set(previous.off) if previous is not None else set()
        ways.append(msgspec.structs.replace(way, off=tuple(sorted(off))))
        if off - known:
            changes.append(Change(way, "off", tuple(sorted(off - known))))
        if known - off:
            changes.append(Change(way, "on", tuple(sorted(known - off))))
    changes += [Change(way, "gone", way.off) for way in old.values() if way.off]
    return ways, changes


def _off(before: Way | None, now: Way) -> set[str]:
    """The controls that are off: those that ever stood there and do not, fields that were opened.

    A processor that another one of its type has replaced is not: if it does less, classes say so.
    """
    if before is None:
        return {REDACTION} - set(now.on)
    gone = {*before.off, *before.on, REDACTION} - set(now.on)
    new = [_type_of(control) for control in set(now.on) - set(before.on)]
    off = set()
    for control in sorted(gone):
        if control.startswith("processor ") and _type_of(control) in new:
            new.remove(_type_of(control))
        elif not control.startswith("field "):
            off.add(control)
    opened = {control for control in before.off if control.startswith("field ")}
    return off | (set(now.open) & (opened | (set(now.open) - set(before.open))))


def _type_of(control: str) -> str:
    return control.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which a control of a way was off."""

    destination: str
    pipeline: str
    control: str
    since: str  # when the reload or start began that put it off
    until: str | None  # None: it still is


def periods(entries: Iterable[Entry]) -> list[Period]:
    """When controls were off, as a journal's entries of kind `control_off` say."""
    began: dict[tuple[str, str, str], str] = {}
    found: list[Period] = []
    for entry in entries:
        if entry.kind != "control_off":
            continue
        for control in _texts(entry.body.get("controls")):
            key = (
                str(entry.body.get("destination")), str(entry.body.get("pipeline")), control,
            )  # fmt: skip
            if entry.body.get("state") == "off":
                began.setdefault(key, str(entry.body.get("since") or entry.time))
            elif (since := began.pop(key, None)) is not None:
                found.append(Period(*key, since, entry.time))
    found += [Period(*key, since, None) for key, since in began.items()]
    return sorted(found, key=lambda period: (period.since, period.destination, period.control))


def ways_in(body: Mapping[str, Any]) -> list[Way]:
    """The ways of an entry of kind `policy`; none if it has none that can be read."""
    try:
        return msgspec.convert(body.get("ways", []), list[Way])
    except msgspec.ValidationError:
        return []


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
