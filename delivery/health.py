"""How a destination does, as its own answers show."""

from __future__ import annotations

from typing import Literal

HealthState = Literal["up", "failing", "down"]

# So many failures without a success between them, and it is down.
DOWN_AFTER = 5
# Seconds. One that fails now and then would have each answer told.
_FAILING_TOLD_EVERY = 60.0


class Health:
    """Up until an attempt fails, failing until one succeeds, down after several in a row."""

    def __init__(self) -> None:
        self.state: HealthState = "up"
        self.last_error: str | None = None  # the kind of the last failure, kept after recovery
        self.down_since: float | None = None
        self._failures = 0
        self._told: HealthState = "up"
        self._failing_told = float("-inf")

    def succeeded(self) -> bool:
        """The destination took something. Returns whether people want to know."""
        self._failures = 0
        self.down_since = None
        self.state = "up"
        return self._is_news()

    def failed(self, kind: str, now: float) -> bool:
        """An attempt failed. Returns whether people want to know."""
        self._failures += 1
        self.last_error = kind
        if self._failures < DOWN_AFTER:
            self.state = "failing"
            if now - self._failing_told < _FAILING_TOLD_EVERY:
                return False
            self._failing_told = now
        else:
            self.state = "down"
            if self.down_since is None:
                self.down_since = now
        return self._is_news()

    def _is_news(self) -> bool:
        news = self.state != self._told
        self._told = self.state
        return news
