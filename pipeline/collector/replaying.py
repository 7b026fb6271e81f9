"""Sends what waits for a destination, or was delivered to it and kept, to another one.

Each payload passes the policy in force of where it goes, and a stricter one if that is asked for.
How far a replay is, and what it sent, is written in the transaction that stores what it sends:
killed at any moment, the next start goes on from there, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal, Protocol

import msgspec

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ...delivery.disk.reader import LAST, Selection, Stored
from ...delivery.disk.store import DiskStore
from ...delivery.losses import LostCounts, lost_by_reason, narrow
from ...delivery.offering import Offer
from ...delivery.replaying import Copy, HandedOver, hand_over
from ...delivery.store import StoreFailed
from ...ledger.keeping import Ledger
from ...policy.placeholders import holds_pseudonyms
from ..chain import Chain
from ..control.messages import JobState
from ..graph.routes import offers_of_stored
from ..payloads.document import DocumentType, Payload

_MOST = 25  # payloads in one transaction
_MOST_BYTES = 1 << 20
_LOOK_EVERY = 0.1  # seconds

_log = logging.getLogger("errlock.replay")


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent where, and who said so."""

    id: str
    source: str  # the id of the destination that has it, or had it
    target: str
    delivered: bool = False  # what was delivered and kept; else what waits
    since: float = 0.0  # when it was received, seconds since the epoch
    until: float | None = None  # and before this
    # The last stored payload when it was ordered: it comes to an end while more comes in. Not a
    # time: clocks are set, and machines sleep.
    last: int = LAST
    types: tuple[DocumentType, ...] = ()  # none: all
    projects: tuple[str, ...] = ()
    strict: bool = False
    move: bool = False  # what the target has waits at the source no more
    by: str
    why: str
    ordered: float  # seconds since the epoch


class Progress(msgspec.Struct, kw_only=True):
    """How far a replay is. May be read from any thread."""

    replay: Replay
    state: JobState = "waiting"
    trouble: str | None = None  # why it failed, in one word
    after: int = -1  # the last stored payload that was seen to; -1: none were counted yet
    total: int = 0  # payloads
    done: int = 0
    documents: int = 0  # that were handed to the target
    moved: int = 0  # documents that wait at the source no more
    sent: int = 0  # documents that were just being sent by the source, which ended them there
    damaged: int = 0  # payloads that could not be read
    linkable: int = 0  # payloads that hold pseudonyms, which the source has too


class Replaying(Protocol):
    """What of a collector is used here."""

    clock: Clock
    ledger: Ledger | None
    reloading: asyncio.Lock  # held while destinations are exchanged

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id; others after a reload."""


class Stopped(Exception):  # noqa: N818  a person's wish, or the end of the process
    """It goes no further. `kind` says why in a word: `stopped` (by a person), `closing`, or what
    keeps the target from getting anything.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Replayer:
    """Carries out one replay on the collector's event loop."""

    def __init__(
        self,
        collector: Replaying,
        store: DiskStore,
        progress: Progress,
        strict: Chain | None,
        remembered: Callable[[Progress], Mapping[str, str]],
    ) -> None:
        """`strict` is a stricter policy that everything passes as well.

        `remembered` says what is to be remembered of its progress.
        """
        self._collector = collector
        self._store = store
        self.progress = progress
        self._replay = progress.replay
        self._strict = strict
        self._remembered = remembered
        self._batch: list[Copy] = []
        self._late: dict[int, int] = {}  # records that the source was sending: documents by number
        self._stopping: str | None = None

    def stop(self, kind: Literal["stopped", "closing"]) -> None:
        """Have `run` raise Stopped of this kind soon."""
        self._stopping = kind

    async def run(self) -> None:
        """Send everything. Raises Stopped and StoreFailed: it can be gone on with."""
        progress = self.progress
        if progress.after < 0:
            progress.total = await self._count()
            progress.after = 0
        seen = progress.after
        async for stored in self._selected(seen):
            self._check()
            copy = await self._copy(stored)
            if copy is not None:
                if self._batch and not self._fits(copy):
                    await self._put(seen)
                self._batch.append(copy)
                progress.done += 1
                progress.damaged += copy.damaged
                progress.linkable += any(holds_pseudonyms(each.body or b"") for each in copy.offers)
            seen = stored.payload
            if len(self._batch) >= _MOST:
                await self._put(seen)
        await self._put(seen)
        await self._end_late()

    def _check(self) -> None:
        """Raises Stopped when it must not go on."""
        if self._stopping is not None:
            raise Stopped(self._stopping)
        if (state := self._target.trust) != "trusted":
            raise Stopped(state)

    @property
    def _target(self) -> Destination:
        """As it is now: a reload may have put another one in its place. Raises Stopped."""
        target = self._collector.destinations.get(self._replay.target)
        if target is None:
            raise Stopped("gone")
        return target

    async def _count(self) -> int:
        return len([stored async for stored in self._selected(0) if self._wanted(stored)])

    def _selected(self, after: int) -> AsyncIterator[Stored]:
        replay = self._replay
        among: Literal["delivered", "waiting"] = "delivered" if replay.delivered else "waiting"
        until = math.inf if replay.until is None else replay.until
        selection = Selection(replay.source, replay.since, until, replay.last)
        return self._store.select(among, selection, after, without=replay.target)

    def _wanted(self, stored: Stored) -> set[DocumentType]:
        """The types of its documents that are to be sent."""
        replay = self._replay
        if replay.projects and stored.project not in replay.projects:
            return set()
        types = {type_ for type_, n in stored.deliveries[replay.source].items() if n}
        return types & set(replay.types) if replay.types else types

    async def _copy(self, stored: Stored) -> Copy | None:
        """What the target is offered of a stored payload; None: nothing."""
        replay = self._replay
        if not (wanted := self._wanted(stored)):
            return None
        try:
            payload = await self._store.read(stored.payload)
        except StoreFailed as failure:
            if failure.kind != "damaged":
                raise
            sent = self._was_sent(stored)
            self.progress.sent += sent
            return Copy(stored.origin, (), (), damaged=not sent)
        narrow(payload, wanted)
        policy = self._target.policy_for(stored.policy)
        assert policy is not None, "only what a pipeline leads to is a destination"
        before = lost_by_reason(payload)
        payload = await policy.resanitise(payload)
        return Copy(
            stored.origin,
            await asyncio.to_thread(self._offers, payload, policy.version, before),
            [(stored.origin, replay.target, type_) for type_ in sorted(wanted)],
            stored.records.get(replay.source) if replay.move else None,
            sum(stored.deliveries[replay.source].values()),
        )

    def _was_sent(self, stored: Stored) -> int:
        """How many documents ended at the source since it was found that they wait there."""
        source = self._collector.destinations.get(self._replay.source)
        number = stored.records.get(self._replay.source)
        if source is None or number is None or source.holds(number):
            return 0
        return sum(stored.deliveries[source.id].values())

    def _offers(self, payload: Payload, version: str, before: LostCounts) -> list[Offer]:
        """In a thread: the rest of what costs time. `before` is what was lost in it already."""
        ledger, target = self._collector.ledger, self._target
        if self._strict is not None:
            payload = self._strict.run(payload)
            if ledger is not None:
                payload.manifest = ledger.renewed(payload)
        return offers_of_stored(payload, version, target, before, ledger=ledger)

    def _fits(self, copy: Copy) -> bool:
        """Whether it may go with those that are ready."""
        copies = [*self._batch, copy]
        size = sum(each.size for each in copies)
        documents = sum(each.offered for each in copies)
        return size <= _MOST_BYTES and self._target.has_room(documents, size)

    async def _room(self) -> None:
        """Return when half of the target's queue is free for what is ready: the rest is for what
        comes in.
        """
        size = sum(each.size for each in self._batch)
        documents = sum(each.offered for each in self._batch)
        while not (self._target.has_room(documents, size) or self._target.idle):
            await asyncio.sleep(_LOOK_EVERY)
            self._check()

    async def _put(self, after: int) -> None:
        """Hand over what is ready, and remember that everything up to `after` was seen to."""
        await self._room()
        progress = self.progress
        async with self._collector.reloading:
            self._check()
            source = self._collector.destinations.get(self._replay.source)
            handed = await hand_over(
                self._store, source, self._target, self._batch, self._collector.clock,
                lambda handed: self._remembered(self._further(after, handed)),
            )  # fmt: skip
        further = self._further(after, handed)
        progress.after, progress.documents, progress.moved = (
            further.after, further.documents, further.moved
        )  # fmt: skip
        self._late |= handed.late
        self._batch = []

    async def _end_late(self) -> None:
        """End what the source was sending when the target took it, once its attempt is over."""
        while self._late:
            self._check()
            async with self._collector.reloading:
                source = self._collector.destinations.get(self._replay.source)
                for number, documents in list(self._late.items()):
                    left = source.end_moved(number) if source is not None else 0
                    if left is not None:
                        del self._late[number]
                        self.progress.moved += left
                        self.progress.sent += documents - left
            await asyncio.sleep(_LOOK_EVERY if self._late else 0)

    def _further(self, after: int, handed: HandedOver) -> Progress:
        """How far it is once this is stored."""
        return msgspec.structs.replace(
            self.progress,
            after=after,
            documents=self.progress.documents + handed.taken,
            moved=self.progress.moved + handed.moved,
        )
