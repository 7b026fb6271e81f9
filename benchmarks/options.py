"""The options that all benchmarks share."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

_BESIDE = Path(__file__).parents[2] / "shared"  # data that is not part of the repository


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. The two places of data are None when there is nothing."""

    quick: bool
    recorded: Path | None
    corpus: Path | None
    only: tuple[str, ...] = ()

    def wants(self, label: str) -> bool:
        """Whether a row was asked for."""
        return not self.only or any(each in label for each in self.only)


def parse(description: str | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="few and small: does it run at all?")
    parser.add_argument("--recorded", type=Path, metavar="DIR", help="events of others, as JSON")
    parser.add_argument("--corpus", type=Path, metavar="FILE", help="events with canaries")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="rows with this in their name"
    )
    given = parser.parse_args()
    return Options(
        quick=given.quick,
        recorded=_there(given.recorded or _BESIDE / "recorded"),
        corpus=_there(given.corpus or _BESIDE / "corpus" / "events.jsonl"),
        only=tuple(given.only),
    )


def progress(text: str) -> None:
    """Say how far it is, beside the table: a run may take minutes."""
    print(text, file=sys.stderr, flush=True)


def _there(path: Path) -> Path | None:
    return path if path.exists() else None
