"""When controls on the way to some destinations were off: what came back together is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ...controls import REDACTION, periods
from ...journal.entries import Entry
from .telling import time_of


@dataclass(frozen=True, slots=True)
class Off:
    """Controls of one way, from one moment to another."""

    destination: str
    pipeline: str
    controls: tuple[str, ...]  # the one that covers all others alone
    since: datetime
    until: datetime | None
    entry: Entry


def controls_off(entries: Iterable[Entry], destinations: set[str]) -> list[Off]:
    """In the order of time."""
    told = [entry for entry in entries if entry.kind == "control_off"]
    together: dict[tuple[str, str, str, str | None], list[str]] = {}
    for period in periods(told):
        if period.destination in destinations:
            key = (period.destination, period.pipeline, period.since, period.until)
            together.setdefault(key, []).append(period.control)
    found = []
    for (destination, pipeline, since, until), controls in together.items():
        begins = time_of(since)
        if begins is not None:
            shown = (REDACTION,) if REDACTION in controls else tuple(sorted(controls))
            entry = _first(told, destination, pipeline, since)
            found.append(Off(destination, pipeline, shown, begins, time_of(until), entry))
    return sorted(found, key=lambda off: (off.since, off.destination, off.pipeline))


def _first(told: list[Entry], destination: str, pipeline: str, since: str) -> Entry:
    """The entry that told of it."""
    return next(
        entry
        for entry in told
        if (entry.body.get("destination"), entry.body.get("pipeline")) == (destination, pipeline)
        and (entry.body.get("since") or entry.time) == since
    )
