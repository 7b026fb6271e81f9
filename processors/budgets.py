"""Budgets that `sample` keeps in one process: the first ones of a kind, and so many in a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ..pipeline.options import Duration

# Kinds, or projects, that are told apart at one time: whoever sends can invent any number of them.
MOST_APART = 10_000
_BUDGET = re.compile(r"(\d+)/(.+)")


def budget(text: str) -> tuple[int, float]:
    """Read `10/1h`: so many in so many seconds. Raises ValueError with what is allowed."""
    found = _BUDGET.fullmatch(text)
    count, seconds = (int(found[1]), float(Duration(found[2]))) if found else (0, 0.0)
    if not count or not seconds:
        raise ValueError("expected a number and a duration, such as 10/1h")
    return count, seconds


@dataclass(slots=True)
class FirstOnes:
    """The first `count` of each fingerprint in every `seconds`, in a table of bounded size."""

    count: int
    seconds: float
    clock: Callable[[], float]
    most: int = MOST_APART
    # hash of the fingerprint (secret to this process, so that nobody makes two meet) -> since
    # when it is counted, and how many passed. The oldest is first.
    _seen: dict[int, tuple[float, int]] = field(default_factory=dict)

    def take(self, fingerprint: tuple[object, ...]) -> bool:
        """Whether one more of them passes. When the table is full, all new ones share a budget."""
        now = self.clock()
        while self._seen and next(iter(self._seen.values()))[0] <= now - self.seconds:
            del self._seen[next(iter(self._seen))]
        key = hash(fingerprint)
        if key not in self._seen and len(self._seen) >= self.most:
            key = 0
        since, passed = self._seen.get(key, (now, 0))
        self._seen[key] = (since, min(passed + 1, self.count))
        return passed < self.count


@dataclass(slots=True)
class Limit:
    """A token bucket for each project: `count` at once, refilled over `seconds`."""

    count: int
    seconds: float
    clock: Callable[[], float]
    most: int = MOST_APART
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # since, tokens then

    def take(self, project: str) -> bool:
        """Whether one more passes. When there are too many projects, new ones share a bucket."""
        now = self.clock()
        if project not in self._buckets and len(self._buckets) >= self.most:
            project = ""
        since, tokens = self._buckets.get(project, (now, float(self.count)))
        tokens = min(float(self.count), tokens + (now - since) * self.count / self.seconds)
        passes = tokens >= 1
        self._buckets[project] = (now, tokens - 1 if passes else tokens)
        return passes
