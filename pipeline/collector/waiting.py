"""Waiting for several things at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from typing import Any

from ..component import Receiver


async def all_finished(receivers: Iterable[Receiver]) -> None:
    """Return when each of them has: see `Receiver.finished`."""
    await asyncio.gather(*(receiver.finished() for receiver in receivers))


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of them is done; cancel the others, all of them when cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
