"""G. An inventory of secrets, held against what some destinations got."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ...inventory.wanted import Wanted
from ...search.coverage import Coverage, Window
from ...search.rotating import Rotation, rotate_list
from ...search.searching import search
from ..counted import Inventory, NeedleGap, Rotate
from ..tallies import Span, moment


def inventory(
    folders: Sequence[Path], keys: Sequence[str], wanted: Sequence[Wanted],
    destinations: Collection[str], span: Span, doubts: Mapping[Path, Sequence[str]],
) -> Inventory:  # fmt: skip
    """What of it must be replaced, by destination. Names only; `doubts` as for `search`. Raises
    OSError, also where a folder has no needles under these keys: that one of the values left would
    be told of none.
    """
    rows: list[Rotate] = []
    times = float(span.since), float(span.until)
    window = Window(frozenset(destinations), *times)
    coverage = search(folders, keys, (), window, doubts).coverage
    since = [each.since for each in coverage if each.since is not None]
    for folder, each in zip(folders, coverage, strict=True):
        if each.since is None:
            raise OSError(0, "has no needles under the keys that were given", folder)
    for destination in sorted(destinations):
        window = Window(frozenset([destination]), *times)
        found = rotate_list(folders, keys, wanted, window, doubts)
        rows += [_rotate(row, destination) for row in found.rows]
    return Inventory(
        values=len(wanted),
        rows=rows,
        kept_since=moment(max(since)),
        kept_until=moment(min(each.until for each in coverage)),
        gaps=[gap for record, each in enumerate(coverage, 1) for gap in _gaps(each, record)],
    )


def to_replace(inventory: Inventory) -> list[str]:
    """Names of what left in clear or may have, the most urgent first."""
    rows = [row for row in inventory.rows if row.group == "rotate"]
    rows.sort(key=lambda row: (row.verdict != "sent", row.priority))
    return list(dict.fromkeys(row.name for row in rows))


def _rotate(row: Rotation, destination: str) -> Rotate:
    return Rotate(
        destination=destination,
        priority=row.priority,
        group=row.group,
        name=row.name,
        verdict=row.verdict,
        class_=row.class_,
        forms=list(row.forms),
        services=list(row.services),
        first=None if row.first is None else moment(row.first),
        last=None if row.last is None else moment(row.last),
        requests=row.requests,
    )


def _gaps(coverage: Coverage, record: int) -> list[NeedleGap]:
    return [
        NeedleGap(
            since=moment(gap.since), until=moment(gap.until), what=gap.what,
            documents=gap.documents, record=record,
        )
        for gap in coverage.gaps
    ]  # fmt: skip
