"""Events with canaries and with values to keep: a given file, or made as the leak test does it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.readable import at, has_leaked, text_of
from errlock.pipeline.leaktest.cases import chosen_kinds, unpromised
from errlock.pipeline.leaktest.encodings import ENCODINGS, Encoding, Planted
from errlock.pipeline.leaktest.kinds import Kind
from errlock.pipeline.leaktest.sentry_documents import documents, slots
from errlock.pipeline.leaktest.slots import Slot

_DOCUMENT = "event"
_EACH = 12  # canaries in a document


@dataclass(frozen=True, slots=True)
class Canary:
    """A value that must not come out."""

    value: str
    kind: str
    path: tuple[str | int, ...]
    scenario: str  # canaries of one scenario are alike: they leak together or not at all


@dataclass(frozen=True, slots=True)
class Keep:
    """A value that must come out. A neighbour shares its text or object with a canary."""

    value: str
    path: tuple[str | int, ...]
    neighbour: bool


@dataclass(slots=True)
class Row:
    """An event and what is known of it."""

    event: dict[str, Any]
    canaries: list[Canary] = field(default_factory=list)
    keep: list[Keep] = field(default_factory=list)


def load(path: Path) -> list[Row]:
    """A corpus from its file of JSON lines."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        given = json.loads(line)
        canaries = [
            Canary(str(c["value"]), c["kind"], tuple(c["path"]), c["scenario"])
            for c in given["canaries"]
        ]
        keep = [
            Keep(k["value"], tuple(k["path"]), k["class"].startswith("neighbour"))
            for k in given["keep"]
        ]
        rows.append(Row(given["event"], canaries, keep))
    return rows


def generated(count: int) -> list[Row]:
    """So many events with canaries as the leak test plants them; the scenario is the kind."""
    random = Random("corpus")
    combinations = list(_combinations())
    random.shuffle(combinations)
    return [_planted(combinations, random) for _ in range(count)]


def _combinations() -> Iterator[tuple[Kind, Slot, Encoding]]:
    for kind in chosen_kinds(()):
        for slot in slots():
            if slot.document == _DOCUMENT:
                for encoding in ENCODINGS:
                    if unpromised(kind, slot, encoding) is None and encoding.need != "name":
                        yield kind, slot, encoding


def _planted(combinations: Sequence[tuple[Kind, Slot, Encoding]], random: Random) -> Row:
    document = copy.deepcopy(documents()[_DOCUMENT])
    row = Row(document["payload"])
    taken: set[tuple[str | int, ...]] = set()
    for kind, slot, encoding in random.sample(combinations, 4 * _EACH):
        if slot.path in taken or len(taken) == _EACH:
            continue
        taken.add(slot.path)
        canary = kind.make(random)
        marker = f"batch{random.randrange(10**6):06d}"
        key = random.choice(kind.keys)
        slot.plant(
            document,
            encoding,
            Planted(_statement(kind, canary.value, marker), key, canary.value, marker),
        )
        path = slot.path[1:]  # without `payload`
        row.canaries += [Canary(core, kind.name, path, kind.name) for core in canary.cores]
        if not encoding.whole:
            row.keep.append(Keep(marker, path, neighbour=True))
    return _without_unreadable(row)


def _without_unreadable(row: Row) -> Row:
    """Leave out what the judge would not see even in the event as it is."""
    paths = {canary.path for canary in row.canaries}
    texts = {path: text_of(at(row.event, path)) for path in paths}
    row.canaries = [c for c in row.canaries if has_leaked(c.value, c.kind, texts[c.path])]
    row.keep = [k for k in row.keep if k.value in texts[k.path]]
    return row


def _statement(kind: Kind, value: str, marker: str) -> str:
    if kind.shape:
        return f"worker {marker} refused {value} at once"
    end = "" if kind.header else ", gave up"
    if kind.phrases:
        return f"worker {marker} failed: {kind.phrases[0].format(value)}{end}"
    written = f'"{value}"' if " " in value else value
    return f"worker {marker} failed: {kind.keys[0]}={written}{end}"
