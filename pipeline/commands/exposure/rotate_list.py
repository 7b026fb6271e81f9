"""`errlock exposure rotate-list`: what of an inventory must be replaced, the most urgent first."""

from __future__ import annotations

import argparse
import csv
import io
import json
from typing import TYPE_CHECKING

from ....ledger.search.sightings import WORD
from ...terminal import err, moment, out
from ..options import Commands, add_command
from .asking import add_asking_options, ledger_keys, limits, none_kept, note, wanted_of, window_of
from .places import storages_of
from .vouching import checks_of

if TYPE_CHECKING:
    from ....ledger.search.coverage import Window
    from ....ledger.search.rotating import Group, RotateList, Rotation

_TITLES: dict[Group, str] = {
    "rotate": "To be rotated, the most urgent first",
    "not_needed": "Not seen in clear: where a detector saw it, a mask, a pseudonym or nothing left",
    "absent": "Not seen, as far back as the record goes: nor among the words that left",
    "not_seen": "Not known: no detector claimed it, so it may have been sent all the same",
    "unknown": "Not known: no needles are kept of such values, or the inventory has none",
}
_COLUMNS = (
    "priority", "group", "name", "verdict", "class", "forms", "destinations", "services",
    "first hour", "last hour", "requests",
)  # fmt: skip


def register(actions: Commands) -> None:
    """Add the action."""
    parser = add_command(
        actions, "rotate-list", "what of an inventory of secrets must be replaced, in order",
        "First what was sent in clear: the most sensitive, then what was sent last. Then what\n"
        "left only masked or not at all, and what no detector claimed, which may have been sent.\n"
        "Values are not shown: rows have the name in the inventory, or the line.\n\n"
        "Exit code 0: nothing must be rotated; 1: something must, or the record is not what was\n"
        "written; 2: usage.",
        "  errlock exposure rotate-list -c errlock.yaml --destination sentry --inventory .env\n"
        "  errlock exposure rotate-list -c errlock.yaml --inventory vault.json --since 90d \\\n"
        "      --format csv > rotate.csv",
    )  # fmt: skip
    add_asking_options(parser)
    parser.add_argument("--format", choices=["md", "csv", "json"], default="md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure rotate-list`. Raises ConfigError, OSError."""
    from ....ledger.report.renderings.markdown import in_markdown
    from ....ledger.search.rotating import rotate_list

    folders, keys = storages_of(args), ledger_keys(args)
    window = window_of(args, folders)
    wanted, checks = wanted_of(args), checks_of(args, folders, keys)
    found = rotate_list(folders, keys, wanted, window, checks.doubts)
    verdicts = [row.verdict for row in found.rows]
    counts = (len(verdicts), verdicts.count("sent"), verdicts.count("maybe"))
    note(folders, "rotate-list", args.destination, counts)
    out(_WRITERS[args.format](found, window).rstrip("\n"))
    for line in checks.lines if args.format == "md" else ():
        out(f"- {in_markdown(line)}")
    for doubt in checks.told() if args.format == "csv" else ():  # which has no place for it
        err(f"errlock exposure rotate-list: {doubt}")
    if none_kept(found.coverage, "rotate-list"):
        return 2
    return 1 if found.of("rotate") or checks.tampered else 0


def _markdown(found: RotateList, window: Window) -> str:
    from ....ledger.report.renderings.markdown import in_markdown

    lines = []
    for group, title in _TITLES.items():
        if not (rows := found.of(group)):
            continue
        lines += [f"## {title}", "", f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
        lines += [f"| {' | '.join(map(in_markdown, _cells(row)))} |" for row in rows]
        lines.append("")
    lines += ["## How far this can be trusted", ""]
    return "\n".join(
        [*lines, *(f"- {in_markdown(line)}" for line in limits(found.coverage, window))]
    )


def _csv(found: RotateList, window: Window) -> str:
    from ....ledger.report.renderings.annexes import as_cell

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([[as_cell(cell) for cell in _cells(row)] for row in found.rows])
    return file.getvalue()


def _json(found: RotateList, window: Window) -> str:
    rows = [row.as_dict() for row in found.rows]
    coverage = [each.as_dict() for each in found.coverage]
    return json.dumps({"rows": rows, "coverage": coverage}, indent=2)


def _cells(row: Rotation) -> list[str]:
    return [
        str(row.priority or ""), row.group, row.name, row.verdict, row.class_, " ".join(row.forms),
        " ".join(row.destinations), ", ".join(row.services),
        _when(row, row.first), _when(row, row.last), str(row.requests or ""),
    ]  # fmt: skip


def _when(row: Rotation, time: int | None) -> str:
    """The hour; the day of what is only known as a word, of which requests are not counted."""
    if time is None:
        return ""
    return moment(time)[:10] if row.class_ == WORD else f"{moment(time)[:16]}Z"


_WRITERS = {"md": _markdown, "csv": _csv, "json": _json}
