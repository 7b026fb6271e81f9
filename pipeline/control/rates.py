"""How many documents a second each destination takes, from counters that only add up."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Literal

from ..counters import Counters

Flow = Literal["exporter_offered", "exporter_sent"]

WINDOW = 60.0  # seconds that a rate is the mean of

# Documents so far, by counter and exporter.
_Totals = Counter[tuple[str, str]]


class Rates:
    """Means over the last minute. `sample` has to be called from time to time."""

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._clock = clock
        self._samples: deque[tuple[float, _Totals]] = deque([(clock(), self._totals())])

    def sample(self) -> None:
        """Remember how far the counters are now; forget what is older than the window."""
        now = self._clock()
        self._samples.append((now, self._totals()))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def of(self, flow: Flow, exporter: str) -> float:
        """Documents a second, from the oldest sample to the newest; 0 before the second one."""
        (then, before), (now, after) = self._samples[0], self._samples[-1]
        passed = now - then
        key = (flow, exporter)
        return round((after[key] - before[key]) / passed, 2) if passed > 0 else 0.0

    def _totals(self) -> _Totals:
        totals: _Totals = Counter()
        for name, labels, value in self._counters:
            if name in ("exporter_offered", "exporter_sent"):
                totals[name, dict(labels)["exporter"]] += value
        return totals
