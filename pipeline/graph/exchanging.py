"""The changes of a running collector's graph, one by one, and what ends because of them."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from ...delivery.clock import Clock
from ..component import Receiver
from .switching import Switch

T = TypeVar("T")

_log = logging.getLogger("errlock.collector")


class Exchanges:
    """Belongs to the collector's event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lock = asyncio.Lock()  # held while destinations are exchanged
        self._retiring: dict[asyncio.Task[None], Receiver] = {}
        self._closed = False
        self._unmade: set[asyncio.Task[Any]] = set()  # changes before the graphs are exchanged
        self._made: set[asyncio.Task[Any]] = set()  # and after that, while what is old ends
        self._draining: Switch | None = None

    async def one(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Carry out a change once those before it are. Raises what it raises, and OSError when the
        collector stops before the graphs were exchanged.

        It goes on when who asked for it is cancelled, as a reload by a signal is at a stop: else
        nobody would wait for the end of what it had replaced.
        """
        if self._closed:
            raise _stopping()
        task = asyncio.create_task(self._alone(change))
        self._unmade.add(task)
        task.add_done_callback(self._unmade.discard)
        task.add_done_callback(self._made.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise _stopping() from None
            raise

    async def _alone(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self.lock:
            return await change()

    async def make(self, switch: Switch, turned: Callable[[], None], patience: float) -> None:
        """Go over to another graph. Raises what `Switch.prepare` raises; then all is as it was.

        `turned` is called as soon as everything that comes in goes through the new one. What is
        old may go on for `patience` seconds then. Part of a change that `one` carries out.
        """
        await switch.prepare()
        deadline = self._clock.now() + patience
        task = asyncio.current_task()
        assert task in self._unmade
        self._unmade.discard(task)
        self._made.add(task)
        self._draining = switch
        try:
            switch.turn()
            turned()
            for receiver in switch.retiring:
                self._end(receiver, receiver.retire())
            gone = [self._end(receiver, receiver.stop()) for receiver in switch.gone]
            if gone:
                await asyncio.wait(gone)
            await switch.drain(deadline)
        finally:
            self._draining = None

    def _end(self, receiver: Receiver, end: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(end, name="an old receiver")
        self._retiring[task] = receiver
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._retiring[task]
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("an old receiver did not end cleanly: %s", type(failure).__name__)

    async def close(self) -> None:
        """Carry out no more changes, and none whose graphs were not exchanged. Idempotent."""
        self._closed = True
        unmade = list(self._unmade)
        for task in unmade:
            task.cancel()
        await asyncio.gather(*unmade, return_exceptions=True)

    async def taken_over(self, id_: str) -> None:
        """Return when a destination has what waited for the one that it replaces, if it does."""
        if self._draining is not None:
            await self._draining.taken_over(id_)

    async def settled(self) -> None:
        """Return when all that was replaced has ended."""
        await asyncio.gather(*self._made, return_exceptions=True)

    async def close_doors(self, receivers: Iterable[Receiver], seconds: float) -> None:
        """Let requests that have begun end, there and at replaced receivers, but not for longer."""
        open_ = [*self._retiring.values(), *receivers]
        stops = [*self._retiring, *(asyncio.create_task(each.stop()) for each in open_)]
        if not stops:
            return
        _, late = await asyncio.wait(stops, timeout=seconds)
        for stop in late:
            stop.cancel()
        if late:
            _log.warning("requests that had begun did not end in time")
        failures = await asyncio.gather(*stops, return_exceptions=True)
        for failure in failures:
            if isinstance(failure, Exception):  # its text may quote
                _log.error("a receiver did not close cleanly: %s", type(failure).__name__)


def _stopping() -> OSError:
    return OSError(errno.ECANCELED, "the collector is stopping")
