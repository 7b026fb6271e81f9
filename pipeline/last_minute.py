"""How far something that only adds up has come within the last minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MINUTE = 60.0


class LastMinute(Generic[T]):
    """Samples of it, if they are taken from time to time. Not safe from several threads."""

    def __init__(self, sample: T, clock: Callable[[], float] = time.monotonic) -> None:
        """`sample` is how far it is now."""
        self._clock = clock
        self._samples = deque([(clock(), sample)])

    def add(self, sample: T) -> None:
        """Take another one, and forget what is older than a minute, but for the newest of it."""
        now = self._clock()
        self._samples.append((now, sample))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _MINUTE:
            self._samples.popleft()

    @property
    def ends(self) -> tuple[T, T]:
        """The oldest sample and the newest."""
        return self._samples[0][1], self._samples[-1][1]

    @property
    def seconds(self) -> float:
        """The time from one to the other; 0 before there are two."""
        return self._samples[-1][0] - self._samples[0][0]
