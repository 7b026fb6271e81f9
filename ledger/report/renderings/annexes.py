"""Annexes: the report as JSON, and its tables as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import get_args, get_origin

import msgspec

from ....pipeline.terminal import escape
from ..counted import (
    Amount,
    Bucket,
    ClassRow,
    Consequence,
    ControlOff,
    Disclosed,
    KeptBack,
    Part,
    PolicyPeriod,
    PolicyRate,
    PseudonymKey,
    Rotate,
    Secret,
    Source,
)
from ..model import Deadline, Measure, Report, Task, Unknown

# OWASP, CSV injection: what a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def as_json(report: Report) -> bytes:
    """The report as machines read it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def annexes(report: Report) -> dict[str, bytes]:
    """Files by name."""
    tables: dict[str, tuple[type[msgspec.Struct], Sequence[msgspec.Struct]]] = {
        "classes": (ClassRow, report.classes),
        "secrets": (Secret, report.secrets),
        "inventory": (Rotate, report.inventory.rows if report.inventory else []),
        "code": (Disclosed, report.code.names),
        "types": (Amount, report.volume.by_type),
        "origins": (Amount, report.volume.by_origin),
        "over-time": (Bucket, report.volume.over_time),
        "people": (Amount, report.subjects.by_service),
        "withheld-documents": (KeptBack, report.withheld.whole_documents),
        "pseudonym-keys": (PseudonymKey, report.withheld.pseudonym_keys),
        "policies": (PolicyPeriod, report.withheld.policies),
        "controls-off": (ControlOff, report.withheld.controls_off),
        "uncertainty": (Unknown, report.uncertainty),
        "consequences": (Consequence, report.consequences),
        "measures": (Measure, report.measures),
        "by-policy": (PolicyRate, report.comparison.by_policy),
        "sources": (Source, report.comparison.sources),
        "deadlines": (Deadline, report.clock.deadlines),
        "tickets": (Task, report.outputs.tasks),
    }
    files = {f"{name}.csv": _csv(type_, rows) for name, (type_, rows) in tables.items()}
    return {"report.json": as_json(report), **files}


def _csv(type_: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> bytes:
    """A table; nested parts become columns of their own (`documents.at_least`).

    Its columns are those of the type, whatever is in the rows: only of mappings they differ.
    """
    cells = [_cells(msgspec.to_builtins(row)) for row in rows]
    flat = [{name: cell for name, cell in each if cell != ""} for each in cells]
    written = list(dict.fromkeys(name for row in flat for name in row))
    made = io.StringIO()
    writer = csv.DictWriter(made, list(_columns(type_, written)), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return made.getvalue().encode()


def _columns(type_: type[msgspec.Struct], written: Sequence[str], above: str = "") -> Iterator[str]:
    """Of a type, in order; those of its mappings are among what is `written`."""
    for field in msgspec.structs.fields(type_):
        name = f"{above}{field.encode_name}"
        kinds = [field.type, *get_args(field.type)]
        parts = [each for each in kinds if isinstance(each, type) and issubclass(each, Part)]
        if get_origin(field.type) is dict:
            yield from (each for each in written if each.startswith(f"{name}."))
        elif parts:
            yield from _columns(parts[0], written, f"{name}.")
        else:
            yield name


def _cells(value: object, name: str = "") -> Iterator[tuple[str, str | int | float]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _cells(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, as_cell("; ".join(map(str, value)))
    elif isinstance(value, bool | str | datetime):
        yield name, as_cell(str(value))
    elif isinstance(value, int | float):
        yield name, value
    elif name:
        yield name, ""


def as_cell(text: str) -> str:
    """A text that no terminal acts upon and no spreadsheet takes for a formula."""
    plain = escape(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain
