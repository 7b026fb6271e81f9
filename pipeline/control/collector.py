"""Operations on a collector in this process, from the control API's thread.

What tightens is in force without waiting for the collector's event loop, which may be busy to
the last. Everything else is done on that loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, Protocol, TypeVar

from ...delivery.destination import Destination
from ...delivery.standby import Lineup
from ...delivery.store import Store, StoreFailed
from ...delivery.trust import Trust
from ...delivery.trust_book import NotPersisted, TrustBook
from ...ledger.entries import EntryKind
from ...ledger.keeping import Ledger
from ..config import Config
from ..config.incident import PlanOptions
from ..counters import Counters
from ..fleet.fleet import Fleet
from ..graph import Route
from ..registry import nearest
from ..storage import remember_swaps
from .messages import (
    CollectorState,
    DestinationStatus,
    FleetStatus,
    FollowerStatus,
    FollowingStatus,
    JournalStatus,
    Plan,
    PlanRun,
    Plans,
    Purged,
    RouteStatus,
    StandsIn,
    Status,
    Swapped,
    TrustChanged,
    TrustOf,
    TrustSaid,
)
from .operations import Refused
from .plans import run
from .rates import Rates

T = TypeVar("T")

_SAMPLE_EVERY = 5.0  # seconds


class Collecting(Protocol):
    """What of a collector is used here."""

    counters: Counters
    state: CollectorState
    loop: asyncio.AbstractEventLoop
    store: Store
    fleet: Fleet
    trust: TrustBook  # what people said about destinations
    ledger: Ledger | None  # None: it keeps none

    @property
    def config(self) -> Config:
        """The configuration that it runs."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id. Their `status` may be asked for from other threads."""

    @property
    def lineup(self) -> Lineup:
        """Which destinations get what comes in."""

    @property
    def routes(self) -> Mapping[str, Route]:
        """By the pipeline's id."""

    def refused_share(self) -> tuple[float, bool]:
        """The share of the last minute's documents nobody could judge, and whether it is bad."""


class CollectorOperations:
    """See `Operations`."""

    def __init__(self, collector: Collecting) -> None:
        self._collector = collector
        self._started = time.time()
        self._rates = Rates(collector.counters)

    async def sample(self) -> None:
        """See `Operations.sample`."""
        while True:
            self._rates.sample()
            await asyncio.sleep(_SAMPLE_EVERY)

    def status(self) -> Status:
        """See `Operations.status`."""
        collector = self._collector
        share, degraded = collector.refused_share()
        return Status(
            version=version("errlock"),
            state=collector.state,
            degraded=degraded,
            refused_share=round(share, 4),
            trust_fault=collector.trust.fault,
            journal=None
            if collector.ledger is None
            else JournalStatus(**collector.ledger.status()),
            started=self._started,
            routes=self._routes(),
            destinations=[self._destination(id_) for id_ in collector.destinations],
            fleet=self._fleet(),
            following=self._following(),
        )

    async def tighten(
        self, names: Sequence[str], state: Literal["held", "distrusted"], by: str, why: str
    ) -> TrustChanged:
        """See `Operations.tighten`."""
        targets = self._targets(names)
        try:
            await self._collector.trust.tighten(names, state, by, why)
        except NotPersisted as failure:
            return self._changed(targets, failure.kind)
        return self._changed(targets)

    async def resume(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """See `Operations.resume`."""
        for id_ in self._targets(names):
            if self._collector.trust.of(id_).state == "distrusted":
                raise Refused(409, "distrusted", f"{id_} is distrusted: trust it, if you do")
        return await self.trust(names, by, why)

    async def trust(self, names: Sequence[str], by: str, why: str) -> TrustChanged:
        """See `Operations.trust`."""
        targets = self._targets(names)
        try:
            await self._collector.trust.loosen(names, "trusted", by, why)
        except NotPersisted as failure:
            raise Refused(
                503,
                "not_written",
                f"it could not be written down ({failure.kind}): nothing changed",
            ) from None
        return self._changed(targets)

    async def swap(self, from_: str, to: str, by: str, why: str) -> Swapped:
        """See `Operations.swap`."""
        collector = self._collector
        swapped = self._swapped(self._id(from_), self._id(to))
        if (state := collector.trust.of(to).state) != "trusted":
            raise Refused(409, state, f"{to} is {state}")

        async def put_in_force() -> str | None:
            collector.lineup.swapped = swapped
            try:
                await remember_swaps(collector.store, swapped)
            except StoreFailed as failure:
                return failure.kind
            return None

        trouble = await self._on_loop(put_in_force())
        await self._record("route", {"swapped": from_, "for": to, "by": by, "why": why})
        return Swapped(routes=self._routes(), not_written=trouble)

    async def purge(self, destination: str, *, really: bool, by: str, why: str) -> Purged:
        """See `Operations.purge`."""
        found = self._collector.destinations[self._id(destination)]

        async def purge() -> tuple[int, int]:
            return found.purge(really=really)

        documents, size = await self._on_loop(purge())
        if really:
            purged = {"destination": destination, "documents": documents, "bytes": size}
            await self._record("purge", {**purged, "by": by, "why": why})
        return Purged(destination=destination, done=really, documents=documents, bytes=size)

    async def _record(self, kind: EntryKind, body: Mapping[str, object]) -> None:
        """Tell the journal what was done, if there is one."""
        if (ledger := self._collector.ledger) is not None:
            await asyncio.to_thread(ledger.record, kind, body)

    def plans(self) -> Plans:
        """See `Operations.plans`."""
        return Plans(plans=[_plan(*each) for each in self._collector.config.incident.plans.items()])

    async def run_plan(self, name: str, by: str, why: str) -> PlanRun:
        """See `Operations.run_plan`."""
        plans = self._collector.config.incident.plans
        if name not in plans:
            raise Refused(404, "plan", f"there is no plan {name!r}{nearest(name, plans) or '.'}")
        exporters = self._collector.config.exporters
        swaps = [(exporters[id_].standby_for or "", id_) for id_ in plans[name].activate]
        return PlanRun(name=name, steps=await run(self, plans[name], swaps, by, why))

    def _id(self, id_: str) -> str:
        """The same, if it is a destination's. Raises Refused."""
        known = self._collector.destinations
        if id_ not in known:
            near = nearest(id_, list(known)) or "."
            raise Refused(
                404, "destination", f"no destination {id_!r}{near} Known: {', '.join(known)}"
            )
        return id_

    def _targets(self, names: Sequence[str]) -> list[str]:
        """The destinations that names mean, each once. Raises Refused."""
        book = self._collector.trust
        return list(
            dict.fromkeys(id_ for name in names for id_ in book.targets(name) or [self._id(name)])
        )

    def _swapped(self, from_: str, to: str) -> dict[str, str]:
        """What is swapped once this is, too. Raises Refused."""
        exporters = self._collector.config.exporters
        swapped = dict(self._collector.lineup.swapped)
        if exporters[to].standby_for == from_:
            return {**swapped, from_: to}
        if exporters[from_].standby_for != to:
            raise Refused(409, "standby", f"{to} does not stand by for {from_}")
        if swapped.pop(to, None) != from_:
            raise Refused(409, "standby", f"{from_} was not swapped for {to}")
        return swapped

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns on the collector's event loop."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(work, self._collector.loop)
        )

    def _changed(self, targets: Sequence[str], trouble: str | None = None) -> TrustChanged:
        book = self._collector.trust
        return TrustChanged(
            destinations=[TrustOf(id=id_, trust=_said(book.of(id_))) for id_ in targets],
            not_written=trouble,
            fleet_version=None if (fleet := self._fleet()) is None else fleet.version,
        )

    def _fleet(self) -> FleetStatus | None:
        document = self._collector.fleet.document
        if document is None:
            return None
        return FleetStatus(
            version=document.version,
            followers=[
                FollowerStatus(name=each.name, seen=each.seen, version=each.version)
                for each in document.followers()
            ],
        )

    def _following(self) -> FollowingStatus | None:
        obeying = self._collector.fleet.obeying
        if obeying is None:
            return None
        status = obeying.status()
        return FollowingStatus(
            fresh=status.fresh, age=status.age, version=status.version, trouble=status.trouble
        )

    def _routes(self) -> list[RouteStatus]:
        lineup = self._collector.lineup
        found = []
        for id_, pipeline in self._collector.config.service.pipelines.items():
            route = self._collector.routes[id_]
            stand_ins = [(each, lineup.stand_in(each, route.ids)) for each in pipeline.exporters]
            found.append(
                RouteStatus(
                    id=id_,
                    receivers=list(pipeline.receivers),
                    processors=list(pipeline.processors),
                    exporters=list(pipeline.exporters),
                    stand_ins=[
                        StandsIn(id=found.id, instead_of=each, cause=found.cause)
                        for each, found in stand_ins
                        if found is not None
                    ],
                )
            )
        return found

    def _destination(self, id_: str) -> DestinationStatus:
        status = self._collector.destinations[id_].status()
        options = self._collector.config.exporters[id_]
        return DestinationStatus(
            id=id_,
            operators=sorted(options.operators),
            standby_for=options.standby_for,
            trust=_said(self._collector.trust.of(id_)),
            health=status.health,
            queued_documents=status.queued_documents,
            queued_bytes=status.queued_bytes,
            capacity_bytes=int(status.capacity_bytes),
            oldest_age=round(status.oldest_age, 3),
            accepted_per_second=self._rates.of("exporter_offered", id_),
            delivered_per_second=self._rates.of("exporter_sent", id_),
            last_error=status.last_error,
        )


def _said(trust: Trust) -> TrustSaid:
    return TrustSaid(state=trust.state, by=trust.by, why=trust.why, since=trust.since)


def _plan(name: str, options: PlanOptions) -> Plan:
    return Plan(
        name=name,
        distrust=list(options.distrust),
        hold=list(options.hold),
        activate=list(options.activate),
    )
