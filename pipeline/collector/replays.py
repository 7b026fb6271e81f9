"""The replays of a collector, one at a time; they outlive it where its queues do."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping

import msgspec

from ...delivery.disk.store import DiskStore
from ...delivery.store import Store, StoreFailed
from ..chain import Chain
from .replaying import Progress, Replay, Replayer, Replaying, Stopped

_NAME = "replays"  # in the store
_KEPT = 20  # of those that have ended
_ENDED = ("done", "stopped", "failed")

_log = logging.getLogger("errlock.replay")


class ReplayRefused(Exception):  # noqa: N818  an answer to who asks
    """It cannot be begun. `kind` is a word, the text a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Replays:
    """Belongs to the collector's event loop; `all` and `find` to every thread."""

    def __init__(self, collector: Replaying, store: Store, strict: Callable[[str], Chain]) -> None:
        """`strict` makes the stricter policy for what goes to a destination."""
        self._collector = collector
        self._store = store
        self._strict = strict
        self._all: dict[str, Progress] = {}
        self._running: Replayer | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._closing = False
        self._worker: asyncio.Task[None] | None = None

    def all(self) -> list[Progress]:
        """How far each is, the newest last."""
        return list(self._all.values())

    def find(self, id_: str) -> Progress | None:
        """How far one is."""
        return self._all.get(id_)

    async def open(self) -> None:
        """Go on with what the last process left. The destinations have started."""
        if isinstance(self._store, DiskStore):
            kept = await self._store.recall(_NAME)
            found = msgspec.json.decode(kept, type=list[Progress]) if kept else []
            self._all = {progress.replay.id: progress for progress in found}
            self._worker = asyncio.create_task(self._work(self._store), name="replays")

    async def close(self) -> None:
        """Stop what runs where it is: the next start goes on with it. Idempotent."""
        self._closing = True
        if self._running is not None:
            self._running.stop("closing")
        self._wake.set()
        if self._worker is not None:
            await self._worker

    async def start(self, replay: Replay) -> Progress:
        """Begin one, once those before it have ended. Raises ReplayRefused.

        The same one again, while it has not ended, is that one.
        """
        if not isinstance(self._store, DiskStore):
            raise ReplayRefused("memory", "nothing is kept: service.storage is memory")
        if replay.source == replay.target:
            raise ReplayRefused("same", f"{replay.source} is where it comes from")
        if (state := self._collector.destinations[replay.target].trust) != "trusted":
            raise ReplayRefused(state, f"{replay.target} is {state}")
        try:
            replay = msgspec.structs.replace(replay, last=await self._store.last())
        except StoreFailed as failure:
            raise ReplayRefused("not_read", f"nothing can be read ({failure.kind})") from None
        for progress in self._all.values():
            if progress.state not in _ENDED and _same(progress.replay, replay):
                return progress
        progress = self._all[replay.id] = Progress(replay=replay)
        try:
            await self._store.remember(self._remembered(progress))
        except StoreFailed as failure:
            del self._all[replay.id]
            raise ReplayRefused("not_written", f"it cannot be kept ({failure.kind})") from None
        await self._record(progress, "begins")
        self._wake.set()
        return progress

    async def stop(self, id_: str) -> Progress | None:
        """Stop one where it is, for good. None: there is no such one."""
        progress = self._all.get(id_)
        if progress is not None and progress.state not in _ENDED:
            if self._running is not None and self._running.progress is progress:
                self._running.stop("stopped")
                await self._idle.wait()
            else:
                progress.state = "stopped"
                await self._ended(progress)
        return progress

    async def _work(self, store: DiskStore) -> None:
        while not self._closing:
            self._wake.clear()
            waiting = [each for each in self._all.values() if each.state not in _ENDED]
            if waiting:
                self._idle.clear()
                await self._carry_out(store, waiting[0])
                self._idle.set()
            else:
                await self._wake.wait()

    async def _carry_out(self, store: DiskStore, progress: Progress) -> None:
        replay = progress.replay
        try:
            strict = await self._made_strict(replay) if replay.strict else None
            if self._closing or progress.state in _ENDED:  # said meanwhile
                return
            self._running = Replayer(self._collector, store, progress, strict, self._remembered)
            progress.state = "running"
            await self._running.run()
            progress.state = "done"
        except Stopped as stopped:
            if stopped.kind == "closing":  # the next start goes on with it
                return
            if stopped.kind == "stopped":
                progress.state = "stopped"
            else:
                progress.state, progress.trouble = "failed", stopped.kind
        except StoreFailed as failure:
            progress.state, progress.trouble = "failed", failure.kind
        except Exception as failure:  # noqa: BLE001  its text may quote a payload
            progress.state, progress.trouble = "failed", type(failure).__name__
        finally:
            self._running = None
        _log.info("replay %s is %s: %d payloads", replay.id, progress.state, progress.done)
        await self._ended(progress)

    async def _made_strict(self, replay: Replay) -> Chain:
        return await asyncio.to_thread(self._strict, replay.target)

    async def _ended(self, progress: Progress) -> None:
        ended = [id_ for id_, each in self._all.items() if each.state in _ENDED]
        for id_ in ended[:-_KEPT]:
            del self._all[id_]
        try:
            await self._store.remember(self._remembered(progress))
        except StoreFailed as failure:  # the next start finds out that nothing is left to do
            _log.error("the end of replay %s: %s", progress.replay.id, failure.kind)
        await self._record(progress, progress.state)

    def _remembered(self, latest: Progress) -> Mapping[str, str]:
        """What is to be remembered when one of them is as far as this."""
        all_ = {**self._all, latest.replay.id: latest}
        return {_NAME: msgspec.json.encode(list(all_.values())).decode()}

    async def _record(self, progress: Progress, state: str) -> None:
        """An entry in the journal: what, who, why and how much; never a value."""
        ledger, replay = self._collector.ledger, progress.replay
        if ledger is None:
            return
        body = {
            "state": state,
            "trouble": progress.trouble,
            **msgspec.to_builtins(replay),
            "payloads": progress.done,
            "documents": progress.documents,
            "moved": progress.moved,
            "sent": progress.sent,
            "damaged": progress.damaged,
            "linkable": progress.linkable,
        }
        await asyncio.to_thread(ledger.record, "replay", body)


def replay_id() -> str:
    """A new one."""
    return secrets.token_hex(6)


def _same(one: Replay, other: Replay) -> bool:
    """Whether they send the same, whoever ordered it when."""
    who = {"id": "", "by": "", "why": "", "ordered": 0.0, "last": 0}
    return msgspec.structs.replace(one, **who) == msgspec.structs.replace(other, **who)
