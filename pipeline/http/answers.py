"""What servers answer, taken within bounds: one that is asked may be broken, or hostile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler

T = TypeVar("T")

_CHECKED_EVERY = 0.05  # seconds


class _Connection(ResponseHandler):
    """A connection that is cut when more comes than an answer has.

    aiohttp reads any number of interim answers (1xx) before one, and whatever comes after it while
    nobody asks: a flood of either would keep the event loop, and with it everybody else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        super().__init__(loop)
        self._most = self._left = most  # bytes

    def set_response_params(self, **params: Any) -> None:
        """Somebody asks."""
        self._left = self._most
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        super().data_received(data[: max(0, self._left)])
        self._left -= len(data)
        if self._left < 0 and self.transport is not None:
            self.transport.abort()


def connector(most: int, **options: Any) -> aiohttp.TCPConnector:
    """Connects from the running event loop; an answer may have so many bytes with its head.

    `options` are aiohttp's.
    """
    made = aiohttp.TCPConnector(**options)
    loop = asyncio.get_running_loop()
    made._factory = partial(_Connection, loop=loop, most=most)  # type: ignore[assignment]  # a kind of it; no other way leads there
    return made


async def beginning(body: aiohttp.StreamReader, limit: int) -> bytes:
    """The first bytes of a body, in however many pieces they come."""
    try:
        return await body.readexactly(limit)
    except asyncio.IncompleteReadError as ended:
        return ended.partial


async def as_long_as(check: Callable[[], object], asking: Coroutine[Any, Any, T]) -> T:
    """What comes of asking somebody; it ends, and their connection with it, once `check` raises."""
    task = asyncio.create_task(asking)
    try:
        check()
        while not (await asyncio.wait([task], timeout=_CHECKED_EVERY))[0]:
            check()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return task.result()
