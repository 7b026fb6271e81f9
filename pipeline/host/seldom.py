"""What a log is told at most once a minute, however often it happens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

_EVERY = 60.0  # seconds


class Seldom:
    """Of each thing, whether it is to be told now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[Hashable, float] = {}

    def is_due(self, what: Hashable = None) -> bool:
        """Whether nothing was told of it for a minute. If so, it is told now."""
        now = self._clock()
        if now < self._next.get(what, -math.inf):
            return False
        self._next[what] = now + _EVERY
        return True
