"""H. What the documents disclosed of the code behind them, whichever service did."""

from __future__ import annotations

from collections.abc import Iterable

from ...code import disclosed
from ...code.names import KINDS
from ...code.sections import mask
from ..counted import Code, CodeKind, Disclosed
from ..tallies import moment

# What teaches an attacker most stands first.
_ORDER = ("package", "platform", "release", "exception", "route", "sql", "host", "file")


Row = disclosed.Disclosed


def code(rows: Iterable[Row]) -> Code:
    """Names by kind, those of most documents first; the rows of one window."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.kind, row.name, row.detail), []).append(row)
    names = [_disclosed(each) for each in found.values()]
    names.sort(key=lambda each: (-each.documents, each.name, each.detail))
    kinds = sorted(KINDS, key=lambda kind: _ORDER.index(kind) if kind in _ORDER else len(_ORDER))
    return Code(
        kinds=[
            CodeKind(
                kind=kind,
                names=sum(each.kind == kind for each in names),
                lines=sum(each.lines for each in names if each.kind == kind),
            )
            for kind in kinds
            if any(each.kind == kind for each in names)
        ],
        names=names,
    )


def _disclosed(rows: list[Row]) -> Disclosed:
    """One name, shown by several services."""
    one, lines = rows[0], 0
    for row in rows:
        lines |= mask(row.lines)
    return Disclosed(
        kind=one.kind,
        name=one.name,
        detail=one.detail,
        services=sorted({f"{row.service} ({row.environment})" for row in rows}),
        documents=sum(row.documents for row in rows),
        lines=lines.bit_count(),
        first=moment(min(row.first for row in rows)),
        last=moment(max(row.last for row in rows)),
    )
