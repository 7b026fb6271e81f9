"""Every benchmark runs and prints rows. Figures of such small runs say nothing: none is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = sorted(p.stem.removeprefix("bench_") for p in (ROOT / "benchmarks").glob("bench_*.py"))
# What keeps a run short and the same on every machine: nothing from beside the checkout.
OPTIONS = ["--quick", "--json", "--recorded=nowhere", "--corpus=nowhere"]
ROWS = {
    "scrub": ["--only", "clean 1 KB", "--only", "sdk 5 KB", "--only", "dirty 1 KB"],
    "durable": ["--only", "1 KB"],
    "ledger": [
        "--only", "event, dirty, 6 KB", "--only", "no code twice", "--only", "5% dirty",
        "--only", "traces",
    ],
    "otlp": ["--only", "spans, 5%", "--only", "logs, clean"],
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMES if name != "import"])
def test_it_runs_and_prints_rows(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, *OPTIONS, *ROWS.get(name, [])],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["rows"]
    assert shown["machine"]["cpu"]


def test_what_is_unknown_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speed"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout.startswith("no such benchmark: speed. Known: detect, durable, embed, import")
