"""How a benchmark shows its figures: a table on stdout, or JSON, with the machine named."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Everything that is generated: plots, recorded documents. Not kept in git.
BUILD = Path(__file__).parents[1] / "build" / "bench"


def machine(*packages: str) -> dict[str, str]:
    """What the figures were measured on: processor, Python, versions of packages."""
    return {
        "cpu": _processor(),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not on Linux
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def show(
    title: str,
    rows: Sequence[Mapping[str, object]],
    about: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """Print rows as an aligned table, or as JSON when `--json` was given.

    Numbers are rounded in the table and left as they are in JSON; None is shown as a dash.
    """
    if "--json" in sys.argv:
        print(json.dumps({"title": title, "machine": about, "rows": list(rows), "notes": notes}))
        return
    if not rows:
        print(f"\n{title}: nothing has such a name")
        return
    columns = list(rows[0])
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}\n({', '.join(f'{key} {value}' for key, value in about.items())})\n")
    for row in cells:
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))
    for note in notes:
        print(f"\n{note}")
    sys.stdout.flush()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
