"""CPU time of this process for one call after the other: median, p99, mean.

Contenders take turns in small groups of documents, so that whatever else the machine does falls on
all of them. No document is given twice to the same contender.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Function = Callable[[bytes], object]
_TURNS = 12


class Ratio(NamedTuple):
    """Of calls that contenders made within moments of one another: whatever else the machine does,
    it does to both. Half of the pairs lie between `low` and `high`.
    """

    low: float
    median: float
    high: float

    @property
    def spread(self) -> str:
        """`6.91–7.24`."""
        return f"{self.low:.2f}–{self.high:.2f}"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of CPU time, one for each call."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds else math.nan

    @property
    def mean(self) -> float:
        return statistics.fmean(self.seconds)

    @property
    def p99(self) -> float:
        """Of fewer than a hundred calls it is the slowest one."""
        return sorted(self.seconds)[int(0.99 * (len(self.seconds) - 1) + 0.5)]

    def over(self, other: Times) -> Ratio:
        """How many times as long each call took as the other contender's with the same document."""
        pairs = zip(self.seconds, other.seconds, strict=False)  # a slow one stops early
        low, middle, high = statistics.quantiles([mine / its for mine, its in pairs], n=4)
        return Ratio(low, middle, high)

    def of(self, indexes: Sequence[int]) -> Times:
        """Those of some of the calls, as far as it came."""
        return Times(tuple(self.seconds[index] for index in indexes if index < len(self.seconds)))

    def less(self, seconds: float) -> Times:
        """The same without what every call costs."""
        return Times(tuple(max(each - seconds, 1e-9) for each in self.seconds))


def timed(function: Function, document: bytes) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    function(document)
    return time.process_time() - start


def clock() -> float:
    """What reading the clock adds to each call."""
    return statistics.median(timed(len, b"") for _ in range(2000))


def warm_up(
    contenders: Mapping[str, Function], documents: Sequence[bytes], budget: float
) -> dict[str, Times]:
    """Have contenders see documents that are not those of the race: what the first ones cost.

    Patterns are compiled when they are first needed, and their automata built as texts come.
    """
    seconds: dict[str, list[float]] = {}
    for name, function in contenders.items():
        spent = seconds.setdefault(name, [])
        for document in documents:
            if len(spent) < 2 or sum(spent) < budget:
                spent.append(timed(function, document))
    return {name: Times(tuple(each)) for name, each in seconds.items()}


def race(
    contenders: Mapping[str, Function], documents: Sequence[bytes], budget: float
) -> dict[str, Times]:
    """Time contenders on the same documents, each for at most `budget` seconds.

    A slow contender stops early, on the first documents: they should come in no special order.
    """
    overhead = clock()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    size = max(1, -(-len(documents) // _TURNS))
    for start in range(0, len(documents), size):
        for name, function in contenders.items():
            for document in documents[start : start + size]:
                if len(seconds[name]) < 2 or sum(seconds[name]) < budget:
                    seconds[name].append(timed(function, document))
    return {name: Times(tuple(each)).less(overhead) for name, each in seconds.items()}
