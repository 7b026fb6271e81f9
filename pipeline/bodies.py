"""What servers answer, read within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp


async def beginning(body: aiohttp.StreamReader, limit: int) -> bytes:
    """The first bytes of a body, in however many pieces they come."""
    try:
        return await body.readexactly(limit)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
