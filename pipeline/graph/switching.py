"""Takes a running collector from one graph to another: no gap, no loss, or everything as before.

What is new is opened beside what runs; then the doors lead to the new routes, from one payload to
the next; then what is old ends: payloads on their way through it, attempts under way, connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ..component import Receiver
from .graph import Graph
from .routes import Door

_log = logging.getLogger("errlock.collector")


class Switch:
    """One change of graphs. Use as: prepare, then turn and drain."""

    def __init__(self, old: Graph, new: Graph, doors: dict[str, Door]) -> None:
        """`doors` are those of the running receivers, by id; `turn` brings them up to date.

        Destinations of both graphs know already whether they are trusted.
        """
        self._old = old
        self._new = new
        self._doors = doors
        self._opened: list[Destination] = []
        self._started: list[Receiver] = []
        self._new_doors: dict[str, Door] = {}
        # Of destinations that are replaced by one of the same id: whether that has begun.
        self._begun = {
            id_: asyncio.Event()
            for id_, destination in new.destinations.items()
            if old.destinations.get(id_, destination) is not destination
        }

    async def prepare(self) -> None:
        """Open what is new. Raises what opening raises; then all is as it was."""
        try:
            for id_, destination in self._new.destinations.items():
                if self._old.destinations.get(id_) is not destination:
                    await self._open(id_, destination)
            for id_, receiver in self._new.receivers.items():
                if self._old.receivers.get(id_) is not receiver:
                    await self._start(id_, receiver)
        except BaseException:
            await self._undo()
            raise

    async def _open(self, id_: str, destination: Destination) -> None:
        self._opened.append(destination)
        if id_ in self._old.destinations:
            await destination.open()
        else:
            await destination.start()

    async def _start(self, id_: str, receiver: Receiver) -> None:
        if (predecessor := self._old.receivers.get(id_)) is not None:
            receiver.take_over(predecessor)
        door = self._new_doors[id_] = Door(self._new.sinks[id_])
        self._started.append(receiver)
        await receiver.start(door)

    async def _undo(self) -> None:
        await _all(receiver.stop() for receiver in self._started)
        await self._new.gate.empty()
        for destination in self._opened:
            if (running := self._old.destinations.get(destination.id)) is not None:
                running.take_back(destination)
        now = Clock().now()
        await _all(destination.retire(now) for destination in self._opened)

    def turn(self) -> None:
        """Lead everything that comes in from now on through the new graph."""
        for id_, door in self._doors.items():
            if id_ in self._new.sinks:
                door.sink = self._new.sinks[id_]
        self._new.lineup.swapped |= self._old.lineup.swapped
        self._new.lineup.failed_over |= self._old.lineup.failed_over
        self._new.lineup.shares = self._old.lineup.shares
        self._new.put_in_force()
        for id_ in list(self._doors):
            if id_ not in self._new.receivers:
                del self._doors[id_]
        self._doors |= self._new_doors

    async def drain(self, deadline: float) -> None:
        """End what is old, but for receivers: those that are `gone` have ended already."""
        try:
            await self._old.gate.empty()
            await _all(
                self._end(id_, destination, deadline)
                for id_, destination in self._old.destinations.items()
                if self._new.destinations.get(id_) is not destination
            )
        finally:
            for event in self._begun.values():  # whatever came in the way: a stop waits for it
                event.set()

    async def _end(self, id_: str, old: Destination, deadline: float) -> None:
        if (new := self._new.destinations.get(id_)) is None:
            await old.retire(deadline)
            return
        try:
            await new.take_over(old, deadline)
        finally:
            self._begun[id_].set()

    async def taken_over(self, id_: str) -> None:
        """Return when a destination has what waited for the one that it replaces, if it does."""
        if id_ in self._begun:
            await self._begun[id_].wait()

    @property
    def gone(self) -> list[Receiver]:
        """Receivers that nothing replaces."""
        return [
            receiver
            for id_, receiver in self._old.receivers.items()
            if id_ not in self._new.receivers
        ]

    @property
    def retiring(self) -> list[Receiver]:
        """Replaced receivers, whose connections end when their clients are done with them."""
        return [
            receiver
            for id_, receiver in self._old.receivers.items()
            if id_ in self._new.receivers and self._new.receivers[id_] is not receiver
        ]


async def _all(waits: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them, whatever one of them raises."""
    for result in await asyncio.gather(*waits, return_exceptions=True):
        if isinstance(result, Exception):  # its text may quote
            _log.error("something old did not end cleanly: %s", type(result).__name__)
