"""A clock that a test moves, so that nobody waits for hours to pass."""

from __future__ import annotations

import asyncio

from errlock.delivery.clock import Clock


class HandClock(Clock):
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    def set(self, now: float) -> None:
        """As somebody sets a clock, between two processes."""
        self._now = now

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        # No event tells that the hand moved: it would have to be waited for beside the other one.
        while not event.is_set() and (until is None or self._now < until):  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let everyone finish what can be done now, let time pass, let them act on it."""
        await all_act()
        self._now += seconds
        await all_act()


async def all_act() -> None:
    """Return when every task had its turn a number of times."""
    for _ in range(50):
        await asyncio.sleep(0)
