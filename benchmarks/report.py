"""How a benchmark shows its figures: a table on stdout, or JSON, with the machine named."""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """What the figures were measured on: processor, Python, versions of packages."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def show(title: str, rows: Sequence[Mapping[str, object]], about: Mapping[str, str]) -> None:
    """Print rows as an aligned table, or as JSON when `--json` was given."""
    if "--json" in sys.argv:
        print(json.dumps({"title": title, "machine": about, "rows": list(rows)}))
        return
    columns = list(rows[0])
    cells = [columns, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}\n({', '.join(f'{key} {value}' for key, value in about.items())})\n")
    for row in cells:
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))
