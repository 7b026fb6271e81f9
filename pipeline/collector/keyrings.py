"""The keyring files of a collector: it follows them, and tells its journal what became of them.

Whoever rotates or destroys changes the file; see `FileKeyring`. The file has the history, so that
the journal hears of what happened while nobody ran, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ...delivery.store import Store, StoreFailed
from ...policy.keyring.keyring import FileKeyring
from ...policy.keyring.pseudonyms import KeyringError
from ..errors import ConfigError, Problem
from ..host.tasks import keep_going

if TYPE_CHECKING:
    from ...ledger.keeping import Ledger
    from ..graph.graph import Graph

_LOOK_EVERY = 0.5  # seconds
_TOLD = "keyrings"  # a name in the store: how much of each history the journal has

_log = logging.getLogger("errlock.keyring")


@dataclass(frozen=True, slots=True)
class KeyringState:
    """How far a keyring file is followed."""

    id: str
    events: int  # of its history, that are obeyed and told
    trouble: str | None  # what came in the way at the last look


class KeptKeyrings:
    """Belongs to the collector's event loop."""

    def __init__(self, graph: Callable[[], Graph], store: Store, ledger: Ledger | None) -> None:
        """`graph` gives the one in force. Opens nothing."""
        self._graph = graph
        self._store = store
        self._ledger = ledger
        self._told: dict[str, int] = {}
        self._troubles: dict[str, str] = {}  # by the id of a keyring
        self._closing = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Have a key for every destination, and go on with the journal. The store is open.

        Raises ConfigError.
        """
        kept = await self._store.recall(_TOLD)
        self._told = msgspec.json.decode(kept, type=dict[str, int]) if kept else {}
        await self.prepare(self._graph())
        await self._tell()
        following = keep_going("keyrings", self._follow, _log)
        self._watch = asyncio.create_task(following, name="keyrings watch")

    async def prepare(self, graph: Graph) -> None:
        """Have a key for every destination of a graph. Raises ConfigError."""
        await asyncio.to_thread(_open, graph)

    async def close(self) -> None:
        """Follow no more. Idempotent."""
        self._closing.set()
        if self._watch is not None:
            await self._watch

    def status(self) -> list[KeyringState]:
        """Each keyring that is followed. From any thread."""
        ids = dict.fromkeys(each.epochs.id for each in self._files())
        return [KeyringState(id_, self._told.get(id_, 0), self._troubles.get(id_)) for id_ in ids]

    async def _follow(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._closing.wait()
            if not (files := self._files()):
                continue
            troubles = await asyncio.to_thread(_refresh, files)
            for id_, trouble in troubles.items():
                if self._troubles.get(id_) != trouble:
                    _log.error("keyring %s: %s", id_, trouble)
            self._troubles = troubles
            await self._tell()

    def _files(self) -> list[FileKeyring]:
        keyrings = {id(part.keyring): part.keyring for part, _ in self._graph().hashing}
        return [each for each in keyrings.values() if isinstance(each, FileKeyring)]

    async def _tell(self) -> None:
        """Tell the journal what it has not heard yet. A crash can have it told twice."""
        told = dict(self._told)
        for keyring in self._files():
            epochs = keyring.epochs
            for event in epochs.history[told.get(epochs.id, 0) :]:
                _log.info("keyring %s: %s %s", epochs.id, event.epoch, event.did)
                if self._ledger is not None:
                    body = {"keyring": epochs.id, **msgspec.to_builtins(event)}
                    await asyncio.to_thread(self._ledger.record, "key", body)
            told[epochs.id] = len(epochs.history)
        if told != self._told:
            self._told = told
            try:
                await self._store.remember({_TOLD: msgspec.json.encode(told).decode()})
            except StoreFailed as failure:  # then the next start tells it again
                _log.error("what the journal was told cannot be kept: %s", failure.kind)


def _open(graph: Graph) -> None:
    problems = []
    for part, destination in graph.hashing:
        try:
            part.open(destination)
        except KeyringError as error:
            problems.append(Problem(f"exporters.{destination}", f"has no pseudonyms: {error}"))
    if problems:
        raise ConfigError(problems)


def _refresh(keyrings: Iterable[FileKeyring]) -> dict[str, str]:
    """Take up what has changed in any of them; returns what came in the way, by their ids."""
    troubles = {}
    for keyring in keyrings:
        try:
            keyring.refresh()
        except KeyringError as failure:
            troubles[keyring.epochs.id] = str(failure)
    return troubles
