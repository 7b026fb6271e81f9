"""Annexes: the report as JSON, and its tables as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from ....pipeline.terminal import escape
from ..model import Report

# OWASP, CSV injection: what a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def as_json(report: Report) -> bytes:
    """The report as machines read it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def annexes(report: Report) -> dict[str, bytes]:
    """Files by name."""
    tables: dict[str, Sequence[msgspec.Struct]] = {
        "classes": report.classes,
        "secrets": report.secrets,
        "inventory": report.inventory.rows if report.inventory else [],
        "code": report.code.names,
        "types": report.volume.by_type,
        "origins": report.volume.by_origin,
        "over-time": report.volume.over_time,
        "people": report.subjects.by_service,
        "withheld-documents": report.withheld.whole_documents,
        "pseudonym-keys": report.withheld.pseudonym_keys,
        "policies": report.withheld.policies,
        "controls-off": report.withheld.controls_off,
        "uncertainty": report.uncertainty,
        "consequences": report.consequences,
        "measures": report.measures,
        "by-policy": report.comparison.by_policy,
        "sources": report.comparison.sources,
        "deadlines": report.clock.deadlines,
        "tickets": report.outputs.tasks,
    }
    files = {f"{name}.csv": _csv(rows) for name, rows in tables.items()}
    return {"report.json": as_json(report), **files}


def _csv(rows: Iterable[msgspec.Struct]) -> bytes:
    """A table; nested parts become columns of their own (`documents.at_least`)."""
    flat = [dict(_cells(msgspec.to_builtins(row))) for row in rows]
    heads = list(dict.fromkeys(name for row in flat for name in row))
    made = io.StringIO()
    writer = csv.DictWriter(made, heads, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return made.getvalue().encode()


def _cells(value: object, name: str = "") -> Iterator[tuple[str, str | int | float]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _cells(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, _text("; ".join(map(str, value)))
    elif isinstance(value, bool | str | datetime):
        yield name, _text(str(value))
    elif isinstance(value, int | float):
        yield name, value
    elif name:
        yield name, ""


def _text(text: str) -> str:
    plain = escape(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain
