"""Looks names up for one destination, in a thread of its own.

In the threads that all destinations share, a resolver that does not answer would hold up those
that need none, and the end of the process: a look-up cannot be called off, for a minute or more.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_Found = asyncio.Future[list[Any]]  # what getaddrinfo gives
_Asked = SimpleQueue[Callable[[], None] | None]  # None: nobody asks any more


class Lookups(AbstractResolver):
    """Use as: open, resolve …, close. Belongs to one event loop; names are looked up in turn."""

    def __init__(self) -> None:
        self._asked: _Asked | None = None

    def open(self) -> None:
        """Start the thread, unless it is there. Raises OSError when it cannot be had."""
        if self._asked is None:
            asked: _Asked = SimpleQueue()
            # A daemon: nobody waits for it at the end.
            thread = threading.Thread(target=_work, args=[asked], name="lookups", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                raise OSError(errno.EAGAIN, "no more threads may be started") from None
            self._asked = asked

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError. Cancelled before its turn, it asks nobody."""
        assert self._asked is not None, "open() comes first"
        found: _Found = asyncio.get_running_loop().create_future()
        self._asked.put(partial(_look, found, host, port, family))
        return [
            ResolveResult(
                hostname=host, host=_scoped(address), port=address[1], family=family_, proto=proto,
                flags=_NUMERIC,
            )
            for family_, _, proto, _, address in await found
        ]  # fmt: skip

    async def close(self) -> None:
        """Let the thread end. Idempotent."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.put(None)


def _scoped(address: tuple[Any, ...]) -> str:
    """A link-local address of IPv6 means something at one interface only."""
    return f"{address[0]}%{address[3]}" if len(address) > 3 and address[3] else str(address[0])


def _work(asked: _Asked) -> None:
    while (look := asked.get()) is not None:
        look()


def _look(found: _Found, host: str, port: int, family: socket.AddressFamily) -> None:
    if found.cancelled():
        return
    try:
        addresses = socket.getaddrinfo(
            host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except Exception as failure:  # noqa: BLE001  for who asked
        tell = partial(_settle, found, failure=failure)
    else:
        tell = partial(_settle, found, addresses)
    with suppress(RuntimeError):  # the loop has ended
        found.get_loop().call_soon_threadsafe(tell)


def _settle(
    found: _Found, addresses: list[Any] | None = None, failure: Exception | None = None
) -> None:
    if found.done():  # cancelled meanwhile
        return
    if failure is not None:
        found.set_exception(failure)
    else:
        found.set_result(addresses or [])
