"""How long to wait before the next attempt, for one payload and for a whole destination."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from .options import RetryOnFailure

# A destination that asks for more is asked again after a day.
LONGEST_HINT = 24 * 3600.0

# The application's own generator is not touched: it may be seeded, and forks would draw alike.
_dice = random.SystemRandom()


class Backoff:
    """Exponential backoff with jitter, as the OpenTelemetry Collector's exporters do it.

    The interval grows by `multiplier` from `initial_interval` to `max_interval`; the wait is
    drawn around it, so it can be longer than `max_interval` by the randomization factor.
    """

    def __init__(self, options: RetryOnFailure, draw: Callable[[], float] = _dice.random) -> None:
        """`draw` yields numbers from 0 to 1."""
        self._options = options
        self._draw = draw
        self._steps = 0
        if options.multiplier > 1:
            # Beyond this exponent the interval stays the same: its power could overflow.
            growth = options.max_interval / options.initial_interval
            self._steps = math.ceil(math.log(growth) / math.log(options.multiplier))

    @property
    def longest(self) -> float:
        """The longest wait that no destination has asked for, in seconds."""
        options = self._options
        return options.max_interval * (1 + options.randomization_factor)

    def delay(self, failures: int, hint: float | None = None) -> float:
        """Seconds to wait after so many failures in a row (1 or more).

        A destination's own wish (`hint`, from Retry-After) makes it longer, never shorter.
        """
        options = self._options
        exponent = min(failures - 1, self._steps)
        interval = min(
            options.initial_interval * options.multiplier**exponent, options.max_interval
        )
        spread = options.randomization_factor * (2 * self._draw() - 1)
        return max(interval * (1 + spread), min(hint or 0.0, LONGEST_HINT))


class Pause:
    """Keeps every consumer from a destination that fails for all of them.

    A payload that fails waits on its own and others pass it. Only when as many attempts failed
    in a row as there are consumers, the destination as a whole is left alone for a while, each
    time for longer, so that a long queue is not one long hail of attempts.
    """

    def __init__(self, patience: int) -> None:
        self.until = float("-inf")
        self.level = 0  # pauses so far without a success between them
        self._patience = patience
        self._failures = 0

    def due(self) -> bool:
        """Count a failure. Returns whether a pause should begin."""
        self._failures += 1
        # Those in flight when a pause begins are fewer than that: they begin none.
        if self._failures < self._patience:
            return False
        self.level += 1
        return True

    def begin(self, until: float) -> None:
        """Nobody tries before then."""
        self.until = until
        self._failures = 0

    def end(self) -> None:
        """The destination took something."""
        self.until = float("-inf")
        self.level = self._failures = 0
