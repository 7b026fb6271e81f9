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
        self._failures = 0

    def succeeded(self) -> bool:
        """The destination took something. Returns whether the state changed."""
        self._failures = 0
        return self._become("up")

    def failed(self, kind: str) -> bool:
        """An attempt failed. Returns whether the state changed."""
        self._failures += 1
        self.last_error = kind
        return self._become("down" if self._failures >= DOWN_AFTER else "failing")

    def _become(self, state: HealthState) -> bool:
        changed = state != self.state
        self.state = state
        return changed
