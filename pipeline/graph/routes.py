"""The way of a payload from a receiver to its destinations.

A *route* is one pipeline. It scans a payload once, renders it once per distinct effective policy
among its destinations, and offers each destination its copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ...delivery.losses import LostCounts, lost_by_reason
from ...delivery.offering import Offer, offer
from ...delivery.standby import Lineup
from ...delivery.store import Store, StoreFailed
from ...ledger.keeping import Ledger
from ...policy.plan import Plan
from ..chain import Chain, refused
from ..component import Receipt, Sink
from ..config.service import SIGNALS
from ..crossing import Converted, convert, may_stay
from ..errors import DropReason, RefusedPayload
from ..payloads.document import Document, DocumentType, Payload, Protocol

_NOT_STORED = "cannot be stored now; nothing of it was taken"
_UNFIT = "cannot be stored; nothing of it was taken"


@dataclass(frozen=True, slots=True)
class Branch:
    """The destinations of a route that get the same bytes: one policy, one protocol."""

    plan: Plan | None
    stricter: Chain | None
    protocols: Sequence[Protocol]
    destinations: Sequence[Destination]
    policy: str  # its version
    judged: bool = True  # whether anybody looks for anything sensitive


@dataclass(frozen=True, slots=True)
class Judged:
    """A payload after its route: what is offered to whom, and what was refused."""

    offers: Sequence[Offer]
    refused: Mapping[tuple[DocumentType, DropReason], int]


class Route:
    """One pipeline at work."""

    def __init__(
        self,
        id_: str,
        chain: Chain,
        branches: Sequence[Branch],
        lineup: Lineup,
        *,
        ledger: Ledger | None = None,
    ) -> None:
        """With a ledger, what is in what is offered is noted."""
        self.id = id_
        self._ledger = ledger
        self._chain = chain
        self._branches = branches
        self._lineup = lineup
        self.ids = [each.id for branch in branches for each in branch.destinations]
        kind = id_.partition("/")[0]
        self._signal = kind if kind in SIGNALS else None

    def prepare(self) -> None:
        """Make now what the first payload would wait for: seconds, where nobody made it before."""
        stricter = [each.stricter for each in self._branches if each.stricter is not None]
        for chain in (self._chain, *stricter):
            chain.prepare()

    def takes(self, payload: Payload) -> bool:
        """Whether this pipeline is for such payloads."""
        return self._signal is None or getattr(payload, "signal", None) == self._signal

    def takers(self) -> frozenset[str]:
        """The destinations that get what comes in now: standbys mostly wait."""
        return self._lineup.takers(self.ids)

    def judge(self, payload: Payload, takers: frozenset[str]) -> Judged:
        """Everything that costs time: sanitise for each branch, in the branch's protocol."""
        scanned = self._chain.scan(payload)
        offers: list[Offer] = []
        refusals: Mapping[tuple[DocumentType, DropReason], int] = {}
        for branch in self._branches:
            destinations = [each for each in branch.destinations if each.id in takers]
            if not destinations:
                continue
            rendered = self._chain.render(scanned, branch.plan)
            refusals = refused(rendered)
            if branch.stricter is not None:
                rendered = branch.stricter.run(rendered)
            offers += offers_of(rendered, branch, destinations, ledger=self._ledger)
        return Judged(offers, refusals)


def offers_of(
    payload: Payload,
    branch: Branch,
    destinations: Sequence[Destination],
    *,
    ledger: Ledger | None,
) -> list[Offer]:
    """A payload as it is if it may stay so, else as smaller ones, or as those of another protocol.

    What was lost in it is told.
    """
    policy = branch.policy
    payloads: Sequence[Payload] = [payload]
    carried: Sequence[Sequence[Document] | None] = [None]
    left_out: Sequence[Document] = ()
    offers = []
    to = payload.protocol if payload.protocol in branch.protocols else branch.protocols[0]
    if not may_stay(payload, to):
        converted = convert(payload, to)
        payloads, carried, left_out = converted.payloads, converted.carried, converted.left_out
    for each, documents in zip(payloads, carried, strict=True):
        # Encoding may lose a document, so it comes before anybody counts.
        body = each.encode()
        if ledger is not None:
            each.manifest = ledger.manifest(each, documents, judged=branch.judged)
        offers.append(Offer(each, policy, destinations, body))
    lost = lost_by_reason(payload)
    for each in payloads:
        if each is not payload:
            lost += lost_by_reason(each)
    if left_out or (lost and ledger is not None):
        manifest = payloads[0].manifest if payloads else b""
        offers.append(
            Offer(None, policy, destinations, left_out=left_out, lost=lost, manifest=manifest)
        )
    return offers


def offers_of_stored(
    payload: Payload,
    policy: str,
    destination: Destination,
    before: LostCounts,
    *,
    ledger: Ledger | None,
) -> list[Offer]:
    """What a destination is offered of a stored payload that has passed this policy, in a protocol
    that it takes. What was lost in it is told, less what was lost `before`.
    """
    converted = _carried_over(payload, destination.accepts, ledger)
    bodies = [(each, each.encode()) for each in converted.payloads if each.count_alive]
    lost = lost_by_reason(payload) - before
    for each in converted.payloads:
        if each is not payload:
            lost += lost_by_reason(each)
    offers = [Offer(each, policy, [destination], body) for each, body in bodies]
    if lost or converted.left_out:
        told = Offer(
            None, policy, [destination], left_out=converted.left_out, lost=lost,
            manifest=payload.manifest,
        )  # fmt: skip
        offers.append(told)
    return offers


def portions_of(payload: Payload, ledger: Ledger | None) -> Sequence[Payload]:
    """A stored payload as it is, or cut where a policy has made it more than servers take."""
    return _carried_over(payload, [payload.protocol], ledger).payloads


def _carried_over(
    payload: Payload, accepted: Sequence[Protocol], ledger: Ledger | None
) -> Converted:
    """A stored payload, with what was found in it when it was received."""
    to = payload.protocol if payload.protocol in accepted else accepted[0]
    converted = convert(payload, to)
    before = 0
    for each, carried in zip(converted.payloads, converted.carried, strict=True):
        if each is not payload and ledger is not None:
            each.manifest = ledger.portion(payload, before, carried, each)
        before += len(carried)
    return converted


class RouteSink:
    """Where one receiver puts payloads: every route that names it."""

    def __init__(self, routes: Sequence[Route], gate: Gate, store: Store, clock: Clock) -> None:
        self._routes = routes
        self._gate = gate
        self._store = store
        self._clock = clock

    async def accept(self, payload: Payload) -> Receipt:
        """See `Sink.accept`. Everything that the routes made of it is stored in one step."""
        with self._gate.passing():
            return await self._accept(payload)

    async def _accept(self, payload: Payload) -> Receipt:
        routes = [route for route in self._routes if route.takes(payload)]
        if not routes:
            types = payload.types.items()
            return Receipt(accepted=0, refused={(each, "unroutable"): n for each, n in types})
        judged = [await self._gate.judge(route, payload) for route in routes]
        offers = [each for one in judged for each in one.offers]
        try:
            await self._gate.to_its_end(offer(self._store, offers, self._clock))
        except StoreFailed as failure:
            if failure.kind == "unfit":  # nor could it be later
                raise RefusedPayload(500, "storage_unfit", _UNFIT) from None
            raise RefusedPayload(503, f"storage_{failure.kind}", _NOT_STORED) from None
        reasons = judged[0].refused
        return Receipt(payload.count - sum(reasons.values()), reasons)


class Door:
    """The sink that a receiver keeps for life: behind it, routes are exchanged."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def accept(self, payload: Payload) -> Receipt:
        """See `Sink.accept`."""
        return await self.sink.accept(payload)


class Gate:
    """Bounds the bytes that wait for judgement, and keeps judging off the event loop."""

    def __init__(self, limit: int, executor: Executor) -> None:
        self.open = True
        self._limit = limit
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._waiting = 0
        self._executor = executor

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A payload is on its way from the door to the store."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    async def to_its_end(self, storing: Coroutine[Any, Any, None]) -> None:
        """Wait for it. Who is cancelled goes; what is being stored is still on its way."""
        task = asyncio.create_task(storing)
        self._enter()
        task.add_done_callback(lambda _: self._leave())
        await asyncio.shield(task)

    def _enter(self) -> None:
        self._inside += 1
        self._empty.clear()

    def _leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    async def empty(self) -> None:
        """Return when no payload is on its way."""
        await self._empty.wait()

    async def judge(self, route: Route, payload: Payload) -> Judged:
        """`route.judge(payload)` in a worker thread. Raises RefusedPayload when too busy."""
        if not self.open:
            raise RefusedPayload(503, "shutdown", "shutting down")
        size = payload.size
        if self._waiting and self._waiting + size > self._limit:
            raise RefusedPayload(429, "busy", "too many bytes are waiting to be sanitised")
        self._waiting += size
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, route.judge, payload, route.takers())
        finally:
            self._waiting -= size
