"""How a collector is, told to people and scripts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version

from ....delivery.disk.store import DiskStore
from ....delivery.store import Store
from ....delivery.trust.states import Trust
from ...control.status import (
    CopiesStatus,
    DestinationStatus,
    FleetStatus,
    FollowerStatus,
    FollowingStatus,
    JournalStatus,
    KeyringStatus,
    ReceiverStatus,
    RouteStatus,
    StandsIn,
    Status,
    TrustSaid,
)
from .collecting import Collecting
from .rates import Rates


class Overview:
    """Looks at a collector from any thread, without waiting for its event loop."""

    def __init__(self, collector: Collecting) -> None:
        self._collector = collector
        self._started = time.time()
        self.rates = Rates(collector.counters)

    def status(self) -> Status:
        """How everything is, right now."""
        collector = self._collector
        share, degraded = collector.refused_share()
        return Status(
            version=version("errlock"),
            state=collector.state,
            degraded=degraded,
            refused_share=round(share, 4),
            storage_fault=collector.storage_fault,
            trust_fault=collector.trust.fault,
            strict=collector.strict,
            journal=None
            if collector.ledger is None
            else JournalStatus(**collector.ledger.status()),
            keyrings=[KeyringStatus(**asdict(each)) for each in collector.keyrings.status()],
            copies=_copies(collector.store),
            started=self._started,
            receivers=self._receivers(),
            routes=self.routes(),
            destinations=[self._destination(id_) for id_ in collector.destinations],
            unclaimed=dict(collector.unclaimed.documents),
            fleet=self.fleet(),
            following=self._following(),
        )

    def _receivers(self) -> list[ReceiverStatus]:
        return [
            ReceiverStatus(id=id_, transport=name, connections=each.open, max_connections=each.most)
            for id_, receiver in self._collector.receivers.items()
            for name, each in receiver.connections().items()
        ]

    def routes(self) -> list[RouteStatus]:
        """Where what comes in goes now."""
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
                        StandsIn(id=standby.id, instead_of=each, cause=standby.cause)
                        for each, standby in stand_ins
                        if standby is not None
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
            trust=said(*self._collector.trust.word(id_)),
            health=status.health,
            queued_documents=status.queued_documents,
            queued_bytes=status.queued_bytes,
            capacity_bytes=int(status.capacity_bytes),
            oldest_age=round(status.oldest_age, 3),
            accepted_per_second=self.rates.of("exporter_offered", id_),
            delivered_per_second=self.rates.of("exporter_sent", id_),
            last_error=status.last_error,
            dropped=self._dropped(id_),
        )

    def _dropped(self, id_: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for name, labels, amount in self._collector.counters:
            if name == "exporter_dropped" and ("exporter", id_) in labels:
                found[dict(labels)["reason"]] += amount
        return dict(found)

    def fleet(self) -> FleetStatus | None:
        """Who follows this collector; None where it publishes nothing."""
        document = self._collector.fleet.document
        if document is None:
            return None
        return FleetStatus(
            version=document.version,
            followers=[
                FollowerStatus(name=each.name, seen=each.seen, version=each.version)
                for each in document.followers()
            ],
            release_lost=document.lost,
        )

    def _following(self) -> FollowingStatus | None:
        obeying = self._collector.fleet.obeying
        if obeying is None:
            return None
        status = obeying.status()
        return FollowingStatus(
            fresh=status.fresh, age=status.age, version=status.version, trouble=status.trouble
        )


def _copies(store: Store) -> CopiesStatus | None:
    if not isinstance(store, DiskStore) or not store.copies.seconds:
        return None
    return CopiesStatus(oldest=store.copies.oldest, lost=store.copies.lost)


def said(about: str, trust: Trust) -> TrustSaid:
    """A word as it is told."""
    return TrustSaid(state=trust.state, by=trust.by, why=trust.why, since=trust.since, about=about)
