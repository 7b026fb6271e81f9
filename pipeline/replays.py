"""The replays of a collector: those that run, and those that ended since its start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..delivery.disk.store import DiskStore
from ..delivery.store import Store
from .chain import Chain
from .replaying import Progress, Replay, Replayer, Replaying

_KEPT = 100  # that have ended


class ReplayRefused(Exception):  # noqa: N818  an answer to who asks
    """It cannot be begun. `kind` is a word, the text a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Replays:
    """Belongs to the collector's event loop, `all` to every thread."""

    def __init__(self, collector: Replaying, store: Store, strict: Callable[[str], Chain]) -> None:
        """`strict` makes the stricter policy for what goes to a destination."""
        self._collector = collector
        self._store = store
        self._strict = strict
        self._replayers: dict[str, Replayer] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Progress]:
        """How far each is, the newest last."""
        return [replayer.progress for replayer in list(self._replayers.values())]

    def start(self, replay: Replay, *, again: bool) -> Progress:
        """Begin one, or go on with it where it was. Raises ReplayRefused."""
        if not isinstance(self._store, DiskStore):
            raise ReplayRefused("memory", "nothing is kept: service.storage is memory")
        if replay.source == replay.target and replay.among == "waiting":
            raise ReplayRefused("same", f"{replay.source} gets what waits for it anyway")
        if (state := self._collector.destinations[replay.target].trust) != "trusted":
            raise ReplayRefused(state, f"{replay.target} is {state}")
        if (running := self._tasks.get(replay.id)) is not None and not running.done():
            return self._replayers[replay.id].progress
        strict = self._strict(replay.target) if replay.strict else None
        replayer = Replayer(self._collector, self._store, replay, strict)
        self._replayers.pop(replay.id, None)
        self._replayers[replay.id] = replayer
        self._tasks[replay.id] = asyncio.create_task(
            replayer.run(again=again), name=f"replay {replay.id}"
        )
        for id_ in list(self._replayers)[:-_KEPT]:
            if self._tasks[id_].done():
                del self._replayers[id_], self._tasks[id_]
        return replayer.progress

    async def stop(self, id_: str) -> bool:
        """Stop one where it is. Returns whether there is such a one."""
        task = self._tasks.get(id_)
        if task is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        return True

    async def stop_all(self) -> None:
        """Stop those that run: the next start of the same ones goes on with them."""
        for id_ in list(self._tasks):
            await self.stop(id_)
