"""How much leaks through a scrubber, and how much of what is harmless comes through.

A canary has leaked when it can be read where it was planted (benchmarks/readable.py); where that
place is gone, when it can be read anywhere and was planted once. What is to be kept is kept when it
can be read in its place, or anywhere where that is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.corpus import Canary, Keep, Row
from benchmarks.readable import MISSING, at, has_leaked, leaves, text_of


@dataclass(slots=True)
class Share:
    """So many of so many."""

    count: int = 0
    total: int = 0

    def add(self, yes: bool) -> None:
        """One more."""
        self.count += yes
        self.total += 1

    @property
    def percent(self) -> float | None:
        """None of nothing."""
        return 100 * self.count / self.total if self.total else None


@dataclass(slots=True)
class Score:
    """What became of a corpus. `leaks` are canaries, the others what was kept."""

    leaks: Share = field(default_factory=Share)
    scenarios: dict[str, Share] = field(default_factory=dict)
    look_alikes: Share = field(default_factory=Share)
    neighbours: Share = field(default_factory=Share)
    clean_leaves: Share = field(default_factory=Share)
    dropped: int = 0

    @property
    def leaking_wholly(self) -> int:
        """Scenarios of which every canary leaks."""
        return sum(share.count == share.total for share in self.scenarios.values())

    @property
    def leaking(self) -> int:
        """Scenarios of which a canary leaks."""
        return sum(share.count > 0 for share in self.scenarios.values())


def score(rows: Sequence[Row], outputs: Sequence[Any]) -> Score:
    """Judge the outputs, decoded; None is an event that did not go out."""
    total = Score()
    for row, output in zip(rows, outputs, strict=True):
        total.dropped += output is None
        _Judged(row, output).add_to(total)
    return total


class _Judged:
    """One event."""

    def __init__(self, row: Row, output: Any) -> None:
        self._row = row
        self._output = output
        self._whole = "" if output is None else text_of(output)
        self._times = Counter(canary.value for canary in row.canaries)
        self._texts: dict[tuple[str | int, ...], str | None] = {}

    def add_to(self, total: Score) -> None:
        for canary in self._row.canaries:
            leaked = self._leaked(canary)
            total.leaks.add(leaked)
            total.scenarios.setdefault(canary.scenario, Share()).add(leaked)
        for keep in self._row.keep:
            (total.neighbours if keep.neighbour else total.look_alikes).add(self._kept(keep))
        for path, value in self._clean_texts():
            total.clean_leaves.add(self._is_as_it_was(path, value))

    def _text_at(self, path: tuple[str | int, ...]) -> str | None:
        """What can be read at a place; None where there is no such place any more."""
        if path not in self._texts:
            found = MISSING if self._output is None else at(self._output, path)
            self._texts[path] = None if found is MISSING else text_of(found)
        return self._texts[path]

    def _leaked(self, canary: Canary) -> bool:
        text = self._text_at(canary.path)
        if text is not None:
            return has_leaked(canary.value, canary.kind, text)
        unique = self._times[canary.value] == 1 and len(canary.value) >= 8
        return unique and has_leaked(canary.value, canary.kind, self._whole)

    def _kept(self, keep: Keep) -> bool:
        text = self._text_at(keep.path)
        if text is None:
            return len(keep.value) >= 6 and keep.value in self._whole
        moved = keep.path[:2] == ("request", "url")  # some move the query out of it
        return keep.value in text or (moved and keep.value in self._whole)

    def _clean_texts(self) -> list[tuple[tuple[str | int, ...], str]]:
        dirty = {canary.path for canary in self._row.canaries}
        return [
            (path, value)
            for path, value in leaves(self._row.event)
            if isinstance(value, str) and len(value) >= 3
            if not any(path[:length] in dirty for length in range(1, len(path) + 1))
        ]

    def _is_as_it_was(self, path: tuple[str | int, ...], value: str) -> bool:
        found = MISSING if self._output is None else at(self._output, path)
        if isinstance(found, str):
            return found == value
        return len(value) >= 6 and value in self._whole
