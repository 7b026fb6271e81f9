"""Cutting a destination off: what is under way ends at once, and not one byte follows.

A connection is reset, not closed: closing it lets the kernel send what it still holds, which is
megabytes when the other side reads slowly. Everything here may be called from any thread, because
a word of distrust must be obeyed while the event loop is busy.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

from ..pipeline.errors import ExportFailed


def aborted(*, unclear: bool = False) -> ExportFailed:
    """What an attempt says that was cut off: it is nobody's fault, the payload waits.

    `unclear`: it may have arrived all the same.
    """
    return ExportFailed("aborted", retryable=True, unclear=unclear)


class Attempts:
    """The attempts of an exporter since its start, which belong to the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._scopes: set[asyncio.Timeout] = set()
        self._ended = False
        self._closing: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Make an attempt in this block. Raises ExportFailed when it is cut off."""
        try:
            async with asyncio.timeout(None) as scope:
                self._scopes.add(scope)
                try:
                    self.check()
                    yield
                finally:
                    self._scopes.discard(scope)
        except (Exception, asyncio.CancelledError) as failure:
            task = asyncio.current_task()
            # Whatever it says, it is what we did to it; unless the task itself has to end.
            if self._ended and task is not None and not task.cancelling():
                unclear = not isinstance(failure, ExportFailed) or failure.unclear
                raise aborted(unclear=unclear) from None
            raise

    def check(self) -> None:
        """Raise ExportFailed when no attempt may be made any more."""
        if self._ended:
            raise aborted()

    def bar(self) -> None:
        """Make no more attempts; whatever ends those under way from now on, they were cut off."""
        self._ended = True

    def end(self, close: Callable[[], Awaitable[None]]) -> None:
        """End those under way, and have the event loop call `close` as soon as it can.

        Their connections must have been cut before: the loop may be quicker than this thread, and
        what it has closed cannot be reset any more.
        """
        self._ended = True
        with suppress(RuntimeError):  # the loop has ended, and everything with it
            self._loop.call_soon_threadsafe(self._expire, close)

    async def closed(self) -> None:
        """Return when `close` has returned; at once when nothing was ended."""
        await asyncio.sleep(0)  # an abort just before has told the loop, which has not heard it
        if self._closing is not None:
            await self._closing

    def _expire(self, close: Callable[[], Awaitable[None]]) -> None:
        for scope in self._scopes:
            if not scope.expired():
                scope.reschedule(self._loop.time())
        self._closing = self._closing or asyncio.ensure_future(close())


class Sockets:
    """The sockets of one client."""

    def __init__(self) -> None:
        self._made: WeakSet[socket.socket] = WeakSet()
        self._cut = False
        self._changing = threading.Lock()

    def make(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for an address as `getaddrinfo` gives it. Raises OSError once they were cut."""
        family, type_, protocol, *_ = address
        new = socket.socket(family, type_, protocol)
        with self._changing:
            if self._cut:
                new.close()
                raise ConnectionAbortedError
            self._made.add(new)
        return new

    def cut(self) -> None:
        """Reset every connection, and make no other."""
        with self._changing:
            self._cut = True
            made = list(self._made)
        for each in made:
            _cut(each)


def cut_marked(user_timeout: int, port: int) -> None:
    """Reset this process's TCP connections to a port that have this TCP_USER_TIMEOUT (ms).

    For sockets that a library keeps to itself: the option is the mark by which they are known.
    """
    if sys.platform != "linux":
        return
    for each in _own_sockets():
        with each, suppress(OSError):
            marked = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == user_timeout
            if marked and _peer_port(each) in (port, None):
                _cut(each)


def _own_sockets() -> Iterator[socket.socket]:
    """A second handle on each socket that this process has."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile, or no socket
            if str(entry.readlink()).startswith("socket:"):
                yield _second(int(entry.name))


def _second(descriptor: int) -> socket.socket:
    second = os.dup(descriptor)
    try:
        return socket.socket(fileno=second)
    except OSError:  # another file has the number now
        os.close(second)
        raise


def _peer_port(each: socket.socket) -> int | None:
    try:
        return int(each.getpeername()[1])
    except OSError:
        return None  # not connected yet


def _cut(each: socket.socket) -> None:
    """Reset a connection and drop what the kernel holds for it. The socket stays its owner's.

    Connecting to no address (AF_UNSPEC, which is 0) does that: connect(2), tcp_disconnect() in
    Linux. Afterwards a shutdown bars it from sending, should its owner be about to connect it.
    """
    with suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if sys.platform == "linux":
        _libc().connect(each.fileno(), bytes(16), 16)
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
