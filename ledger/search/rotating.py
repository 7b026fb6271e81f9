"""What must be replaced first: an inventory of secrets, held against what a destination got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...policy.classes import severity
from ..inventory.wanted import Wanted
from .coverage import Coverage, Window
from .searching import Answer, Verdict, search
from .sightings import WORD, Sighting

# What to do about a secret, the most urgent first:
# rotate     it left in clear, or may have
# not_needed only what stands for it left, or it was taken out before
# absent     it was not seen: no detector claimed it, nor was any of its words among those that left
# not_seen   no detector claimed it in anything that left; what none claims is not known
# unknown    no needles are kept of such values, or the inventory does not have the value
Group = Literal["rotate", "not_needed", "absent", "not_seen", "unknown"]
_GROUPS: dict[Verdict, Group] = {
    "sent": "rotate",
    "maybe": "rotate",
    "disguised": "not_needed",
    "removed": "not_needed",
    "absent": "absent",
    "not_found": "not_seen",
    "not_kept": "unknown",
    "no_value": "unknown",
}


@dataclass(frozen=True, slots=True)
class Rotation:
    """One secret of the inventory, by its name."""

    priority: int  # 1 is the most urgent; 0: it need not be rotated
    group: Group
    name: str
    verdict: Verdict
    class_: str  # the worst one that it was found as; nothing if it was not found
    forms: tuple[str, ...]
    destinations: tuple[str, ...]
    services: tuple[str, ...]
    first: int | None  # the hour, in seconds since the epoch
    last: int | None
    requests: int

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return {name.rstrip("_"): getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RotateList:
    """What to rotate, in order; then what need not be; and how far this can be trusted."""

    rows: list[Rotation]
    coverage: list[Coverage]  # of each storage folder

    def of(self, group: Group) -> list[Rotation]:
        """The rows of a group, in order."""
        return [row for row in self.rows if row.group == group]


def rotate_list(
    folders: Sequence[Path],
    keys: Sequence[str],
    inventory: Sequence[Wanted],
    window: Window | None = None,
    doubts: Mapping[Path, Sequence[str]] | None = None,
) -> RotateList:
    """Hold an inventory against the needles of storage folders, as `search`. Raises OSError."""
    searched = search(folders, keys, inventory, window, doubts)
    rows = sorted(map(_rotation, searched.answers), key=_urgency)
    numbered = [
        row if row.group != "rotate" else _numbered(row, number)
        for number, row in enumerate(rows, 1)
    ]
    return RotateList(numbered, searched.coverage)


def _numbered(row: Rotation, number: int) -> Rotation:
    return Rotation(number, *[getattr(row, name) for name in row.__slots__[1:]])


def _rotation(answer: Answer) -> Rotation:
    telling: Sequence[Sighting] = answer.sightings
    if answer.verdict in ("sent", "maybe"):
        clear = [each for each in telling if each.form == "clear"]
        certain = [each for each in clear if each.certain]
        telling = certain if answer.verdict == "sent" else clear
    # One sending may have been seen as several classes or variants: the most frequent one counts.
    return Rotation(
        0,
        _GROUPS[answer.verdict],
        answer.name,
        answer.verdict,
        min((each.class_ for each in telling), key=_severity, default=""),
        tuple(sorted({each.form for each in telling})),
        tuple(sorted({each.destination for each in telling})),
        tuple(sorted({service for each in telling for service in each.services})),
        min((each.first for each in telling), default=None),
        max((each.last for each in telling), default=None),
        max((each.requests for each in telling), default=0),
    )


def _urgency(row: Rotation) -> tuple[object, ...]:
    """Certain before possible, the more sensitive first, then what was sent last, then oftenest."""
    return (
        list(_GROUPS.values()).index(row.group),
        row.verdict != "sent",
        _severity(row.class_) if row.class_ else (),
        -(row.last or 0),
        -row.requests,
    )


def _severity(class_: str) -> tuple[int, int]:
    """A sort key. What is only known as a word comes after the secrets that detectors claimed."""
    return (0, 0) if class_ == WORD else severity(class_)
