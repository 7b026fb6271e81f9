"""Sends what waits for a destination, or was delivered to it and kept, to another one.

Each payload passes the policy in force of where it goes, and a stricter one if that is asked for.
Where a replay is, is remembered in the transaction that stores what it sends: killed at any
moment and started again, it sends nothing twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

import msgspec

from ..delivery.clock import Clock
from ..delivery.destination import Destination
from ..delivery.disk.reader import Selection, Stored
from ..delivery.disk.store import DiskStore
from ..delivery.losses import narrow
from ..delivery.offering import Offer, offer
from ..delivery.store import StoreFailed
from ..ledger.keeping import Ledger
from .chain import Chain
from .graph import Branch, offers_of
from .payloads.document import DocumentType, Payload

_BATCH = 50  # payloads in one transaction
_BATCH_BYTES = 4 << 20
# The share of the target's queue that may be full: what comes in must not be evicted for it.
_FULL = 0.5
_LOOK_EVERY = 0.1  # seconds

_log = logging.getLogger("errlock.replay")

State = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What is to be sent where."""

    source: str  # the id of the destination that has it, or had it
    target: str
    among: Literal["waiting", "delivered"] = "waiting"
    since: float = 0.0  # when it was received, seconds since the epoch
    until: float | None = None
    types: tuple[DocumentType, ...] = ()  # none: all
    projects: tuple[str, ...] = ()
    strict: bool = False

    @property
    def id(self) -> str:
        """Names this replay, so that it can be gone on with."""
        text = msgspec.json.encode(asdict(self))
        return hashlib.sha256(text).hexdigest()[:12]


@dataclass(slots=True)
class Progress:
    """How far a replay is. May be read from any thread."""

    replay: Replay
    started: float  # seconds since the epoch
    state: State = "running"
    trouble: str | None = None  # why it failed, in one word
    total: int = 0  # payloads
    done: int = 0
    documents: int = 0  # that were handed to the target
    damaged: int = 0  # payloads that could not be read


class Replaying(Protocol):
    """What of a collector is used here."""

    clock: Clock
    ledger: Ledger | None

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id; others after a reload."""


class Replayer:
    """Carries out one replay on the collector's event loop."""

    def __init__(
        self,
        collector: Replaying,
        store: DiskStore,
        replay: Replay,
        strict: Chain | None,
    ) -> None:
        """`strict` is a stricter policy that everything passes as well."""
        self.progress = Progress(replay, time.time())
        self._collector = collector
        self._store = store
        self._replay = replay
        self._strict = strict
        self._name = f"replay {replay.id}"

    async def run(self, *, again: bool = False) -> None:
        """Send everything; `again`: from the beginning, whatever was sent before. Never raises."""
        progress = self.progress
        try:
            after = 0 if again else int(await self._store.recall(self._name) or 0)
            progress.total = await self._count(after)
            await self._send(after)
            progress.state = "done"
        except asyncio.CancelledError:
            progress.state = "stopped"
        except StoreFailed as failure:
            progress.state, progress.trouble = "failed", failure.kind
        except Exception as failure:  # noqa: BLE001  its text may quote a payload
            progress.state, progress.trouble = "failed", type(failure).__name__
        _log.info("replay %s is %s: %s payloads", self._replay.id, progress.state, progress.done)

    async def _count(self, after: int) -> int:
        total = 0
        async for stored in self._selected(after):
            total += self._wants(stored)
        return total

    def _selected(self, after: int) -> AsyncIterator[Stored]:
        replay = self._replay
        until = math.inf if replay.until is None else replay.until
        selection = Selection(replay.source, replay.since, until)
        return self._store.select(replay.among, selection, after)

    def _wants(self, stored: Stored) -> bool:
        projects, types = self._replay.projects, self._replay.types
        counts = stored.deliveries[self._replay.source]
        return (not projects or stored.project in projects) and (
            not types or not set(types).isdisjoint(counts)
        )

    async def _send(self, after: int) -> None:
        batch: list[Offer] = []
        size = 0
        async for stored in self._selected(after):
            after = stored.payload
            if self._wants(stored):
                offers = await self._offers(stored)
                batch += offers
                size += sum(len(each.body or b"") for each in offers)
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                await self._put(batch, after)
                batch, size = [], 0
        await self._put(batch, after)

    async def _put(self, batch: Sequence[Offer], after: int) -> None:
        await self._room()
        progress = self.progress
        target = self._collector.destinations[self._replay.target]
        # A reload may have put another destination in its place.
        offers = [Offer(o.payload, o.policy, [target], o.body, o.left_out) for o in batch]
        await offer(self._store, offers, self._collector.clock, remember={self._name: str(after)})
        progress.documents += sum(o.payload.count_alive for o in batch if o.payload is not None)

    async def _room(self) -> None:
        """Return when the target's queue has room for more than what comes in."""
        while True:
            status = self._collector.destinations[self._replay.target].status()
            if status.queued_bytes <= status.capacity_bytes * _FULL:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def _offers(self, stored: Stored) -> list[Offer]:
        """What the target is offered of a stored payload."""
        self.progress.done += 1
        try:
            payload = await self._store.read(stored.payload)
        except StoreFailed as failure:
            if failure.kind != "damaged":
                raise
            self.progress.damaged += 1
            return []
        kept = set(stored.deliveries[self._replay.source])
        narrow(payload, kept & set(self._replay.types) if self._replay.types else kept)
        target = self._collector.destinations[self._replay.target]
        policy = target.policy_for(stored.policy)
        assert policy is not None, "only what a pipeline leads to is a destination"
        payload = await policy.resanitise(payload)
        return await asyncio.to_thread(self._encoded, payload, target, policy.version)

    def _encoded(self, payload: Payload, target: Destination, version: str) -> list[Offer]:
        """In a thread: the rest of what costs time."""
        ledger = self._collector.ledger
        if self._strict is not None:
            payload = self._strict.run(payload)
            if ledger is not None:
                payload.manifest = ledger.renewed(payload)
        if not payload.count_alive:
            return []
        if payload.protocol in target.accepts:
            return [Offer(payload, version, [target], payload.encode())]
        branch = Branch(None, None, target.accepts, [target], version)
        return offers_of(payload, branch, [target], encoded=True, ledger=ledger)
