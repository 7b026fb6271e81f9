"""A time of day that a test moves, for what asks and does not wait."""

from __future__ import annotations


class StillClock:
    """Stands still until it is told to go on."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds
