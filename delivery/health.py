"""How a destination does, as its own answers show."""

from __future__ import annotations

from typing import Literal

HealthState = Literal["up", "failing", "down"]

# So many failures without a success between them, and it is down.
DOWN_AFTER = 5


class Health:
    """Up until an attempt fails, failing until one succeeds, down after several in a row."""

    def __init__(self) -> None:
        self.state: HealthState = "up"
        self.last_error: str | None = None  # the kind of the last failure, kept after recovery
        self.down_since: float | None = None
        self._failures = 0

    def succeeded(self) -> bool:
        """The destination took something. Returns whether the state changed."""
        self._failures = 0
        self.down_since = None
        return self._become("up")

    def failed(self, kind: str, now: float) -> bool:
        """An attempt failed. Returns whether the state changed."""
        self._failures += 1
        self.last_error = kind
        if self._failures < DOWN_AFTER:
            return self._become("failing")
        if self.down_since is None:
            self.down_since = now
        return self._become("down")

    def _become(self, state: HealthState) -> bool:
        changed = state != self.state
        self.state = state
        return changed
