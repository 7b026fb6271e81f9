"""Tasks that nobody waits for, and that must not end untold."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_AGAIN = 1.0  # seconds until what failed is begun again


async def keep_going(name: str, run: Callable[[], Awaitable[None]], log: logging.Logger) -> None:
    """Have it run until it is done, or this is cancelled. Whatever it fails of is told, and it is
    begun again.
    """
    while True:
        try:
            return await run()
        except Exception as failure:  # noqa: BLE001  no thread, no memory: nothing of it may end untold
            log.error("%s: failed with %s", name, type(failure).__name__)
        await asyncio.sleep(_AGAIN)
