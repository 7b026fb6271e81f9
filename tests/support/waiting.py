"""Waits for what tells nobody when it comes: another process's or thread's doing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_LOOK_EVERY = 0.005  # seconds


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Return as soon as it is true. Raises AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(_LOOK_EVERY)


async def until(what: Callable[[], object], seconds: float = 60.0) -> None:
    """The same on an event loop."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(_LOOK_EVERY)
