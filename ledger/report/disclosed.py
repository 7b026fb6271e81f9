"""H. What the documents disclosed of the code behind them."""

from __future__ import annotations

from collections.abc import Iterable

from ..code.names import KINDS
from ..code.tables import NameKey, Row
from .counted import Code, CodeKind, Disclosed
from .tallies import moment

# What teaches an attacker most stands first.
_ORDER = ("package", "platform", "release", "exception", "route", "sql", "host", "file")


def code(rows: Iterable[Row]) -> Code:
    """Names by kind, those of most documents first; the rows of one window."""
    found: dict[NameKey, list[Row]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    names = [_disclosed(key, each) for key, each in found.items()]
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


def _disclosed(key: NameKey, rows: list[Row]) -> Disclosed:
    lines = 0
    for row in rows:
        lines |= row.shown.lines
    return Disclosed(
        kind=key.kind,
        name=key.name,
        detail=key.detail,
        services=sorted({f"{row.service} ({row.environment})" for row in rows}),
        documents=sum(row.shown.documents for row in rows),
        lines=lines.bit_count(),
        first=moment(min(row.shown.first for row in rows)),
        last=moment(max(row.shown.last for row in rows)),
    )
