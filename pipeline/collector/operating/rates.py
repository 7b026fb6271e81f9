"""How many documents a second each destination takes, from counters that only add up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

from ...counters import Counters
from ...last_minute import LastMinute

Flow = Literal["exporter_offered", "exporter_sent"]
_FLOWS: tuple[Flow, ...] = get_args(Flow)

# Documents so far, by counter and exporter.
_Totals = Counter[tuple[str, str]]


class Rates:
    """Means over the last minute. `sample` has to be called from time to time."""

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._passed = LastMinute(self._totals(), clock)

    def sample(self) -> None:
        """Remember how far the counters are now."""
        self._passed.add(self._totals())

    def of(self, flow: Flow, exporter: str) -> float:
        """Documents a second, from the oldest sample to the newest; 0 before the second one."""
        before, after = self._passed.ends
        key, seconds = (flow, exporter), self._passed.seconds
        return round((after[key] - before[key]) / seconds, 2) if seconds > 0 else 0.0

    def _totals(self) -> _Totals:
        totals: _Totals = Counter()
        for name, labels, value in self._counters:
            if name in _FLOWS:
                totals[name, dict(labels)["exporter"]] += value
        return totals
