"""Time as delivery sees it, so that a test can move it by hand."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress


class Clock:
    """The machine's time of day when the process began, and how long it has run since.

    Records outlive the process, so they need the time of day; waits must not be cut short or
    drawn out by somebody who sets the clock.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch; never goes backwards."""
        return self._offset + time.monotonic()

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or `until` has come, whichever is first."""
        seconds = None if until is None else max(0.0, until - self.now())
        # Not wait_for(): it may begin to wait only after the event was set and cleared again.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
