"""The life of a collector: start exporters, then receivers; stop receivers first, then drain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ...delivery.clock import Clock
from ...ledger.journal.entries import now
from ...ledger.keeping import Ledger
from ..component import Receiver
from ..config import Config
from ..config.policy import policy_in_force
from ..control.status import CollectorState, StorageFault
from ..control.token_watch import TokenWatch
from ..control.tokens import TokenStore
from ..counters import Counters
from ..fleet.fleet import Fleet
from ..graph.exchanging import Exchanges
from ..graph.graph import Graph, Surroundings, build
from ..graph.routes import Door, Gate, Route
from ..graph.switching import Switch
from ..graph.tightening import strict_chain, tightened
from ..host.tasks import keep_going
from ..host.threads import start_all
from ..registry import blamed
from . import expiry
from .admin import AdminServer
from .kept_profile import KeptProfile
from .kept_trust import KeptTrust
from .keyrings import KeptKeyrings
from .operating.control import control_of
from .operating.health import Health
from .purging import Destroyed, Purges
from .refusals import RefusedShare
from .reloading import Changes, Source, with_service_of
from .replays import Replays
from .storage import recall_swaps, store_of
from .store_watch import StorageWatch, Unclaimed
from .telemetry import Metrics, Tracing
from .unavailable import named, storage_named
from .waiting import all_finished, first_of

if TYPE_CHECKING:
    from ...delivery.destination import Destination
    from ...delivery.standby import Lineup
    from ...delivery.trust.book import TrustBook

_log = logging.getLogger("errlock.collector")

# The interpreter judges one payload at a time; the second thread keeps the first one fed.
_JUDGES = 2


class Collector:
    """A graph with its telemetry, started and stopped as one."""

    def __init__(self, config: Config) -> None:
        """Build everything; open nothing."""
        self.counters = Counters()
        self.state: CollectorState = "starting"
        self.config = config
        self._executor = ThreadPoolExecutor(_JUDGES, thread_name_prefix="errlock-judge")
        telemetry = config.service.telemetry
        traces = telemetry.traces.otlp_endpoint
        self._tracing = Tracing(traces, self._may_tell) if traces else None
        folder = config.service.folder
        # What ends with the process needs no record that outlives it.
        self.ledger = Ledger(folder, config.service.ledger) if folder is not None else None
        self.clock = Clock()
        self.store = store_of(config.service, self.clock)
        tracer = self._tracing.tracer if self._tracing else None
        self._around = Surroundings(
            self.counters, self._executor, self.store, self.clock, tracer, self.ledger
        )
        self._profile = KeptProfile(self.store, self.ledger, lambda: self._go_over(self.config))
        self.graph: Graph = self._build(config)
        self._doors = {id_: Door(sink) for id_, sink in self.graph.sinks.items()}
        self.source: Source | None = None  # where its configuration comes from, if it may change
        self._exchanges = Exchanges(self.clock)
        self.reloading = self._exchanges.lock
        self._reloaded = asyncio.Event()
        self._admin = AdminServer()
        self._refusals = RefusedShare(self.counters)
        self._storage = StorageWatch(self.store)
        self.unclaimed = Unclaimed(self.store)
        self._purges = Purges(self.store)
        self._watches: list[asyncio.Task[None]] = []
        self.replays = Replays(
            self, self.store, lambda scope: strict_chain(self.counters, scope, self.ledger)
        )
        self._control = control_of(self)
        self._kept_trust = KeptTrust(config.service, self.graph, self.store, self.ledger)
        self.trust: TrustBook = self._kept_trust.book
        self.keyrings = KeptKeyrings(lambda: self.graph, self.store, self.ledger)
        self.fleet = Fleet(config.service, self.trust, lambda: self.graph)
        self.metrics = Metrics(self, telemetry.metrics.otlp_endpoint, self._may_tell)
        self.trust.subscribe_abort(self._hush)

    def _may_tell(self, host: str) -> bool:
        return self._kept_trust.may_tell(host)

    def _hush(self, _distrusted: str) -> None:
        """Push no telemetry any more to where somebody is distrusted. From any thread."""
        self.metrics.obey()
        if self._tracing is not None:
            self._tracing.obey()

    def _build(self, config: Config, before: Graph | None = None) -> Graph:
        return build(tightened(config) if self.strict else config, self._around, before)

    async def start(self) -> None:
        """Open destinations, then the operators' endpoints, then the doors.

        Raises OSError, and ConfigError when a keyring has no key for a destination.
        """
        with storage_named():
            await self._start()

    async def _start(self) -> None:
        self.loop = asyncio.get_running_loop()
        start_all(self._executor, _JUDGES)
        await self._open_what_is_kept()
        self.graph.put_in_force()
        with named("service.publish"):
            await self.fleet.start()
        for id_, destination in self.graph.destinations.items():
            path = f"exporters.{id_}"
            with named(path), blamed(self.config.exporters[id_].component, path):
                await destination.start()
        await self.replays.open()
        await self._open_to_operators()
        await asyncio.to_thread(self.graph.prepare)
        for id_, receiver in self.graph.receivers.items():
            path = f"receivers.{id_}"
            with named(path), blamed(self.config.receivers[id_], path):
                await receiver.start(self._doors[id_])
            where = ", ".join(endpoint for _, endpoint in self.config.receivers[id_].endpoints())
            _log.info("receiver %s is open%s", id_, where and f": {where}")
        self._begin_watches()
        self.state = "running"

    async def _open_what_is_kept(self) -> None:
        """The store and the ledger, and what they remember of what people said."""
        with named("service.storage"):
            self._kept_trust.prepare()
            await self.store.open()
        if self.ledger is not None:
            await self.ledger.open(policy_in_force(self.config), self.graph.ways)
        await self._profile.open()
        if self.strict:
            self._begin_strict()
        await self.keyrings.open()
        await self._kept_trust.open()
        if self.ledger is not None:
            self.ledger.send_heads(self._may_tell)
        self.lineup.swapped = await recall_swaps(self.store)

    def _begin_strict(self) -> None:
        """Exchange the graph, of which nothing is open yet, for one under the strict profile."""
        self.graph = self._build(self.config)
        for id_, door in self._doors.items():
            door.sink = self.graph.sinks[id_]
        self._kept_trust.rule(self.graph)
        _log.warning("the policy is tightened: everything passes the strict profile")

    async def _open_to_operators(self) -> None:
        service = self.config.service
        if service.telemetry.metrics.level != "none":
            with named("service.telemetry.metrics"):
                await self._admin.tell_metrics(
                    service.telemetry.metrics.endpoint, self.metrics.prometheus
                )
        if service.health.endpoint:
            with named("service.health"):
                await self._admin.tell_health(service.health.endpoint, Health(self))
        if self._control is not None:
            with named("service.control"):
                await self._control.start()

    def _begin_watches(self) -> None:
        watches: dict[str, Callable[[], Awaitable[None]]] = {
            "refusals": self._refusals.watch,
            "storage watch": self._storage.run,
            "certificates": lambda: expiry.watch(lambda: self.config),
        }
        folder = self.config.service.folder
        if self.ledger is not None and folder is not None:
            watches["tokens"] = TokenWatch(TokenStore(folder), self.ledger).run
        self._watches = [
            asyncio.create_task(keep_going(name, run, _log), name=name)
            for name, run in watches.items()
        ]
        self.unclaimed.look(self.destinations)

    async def stop(self) -> None:
        """Close the doors, deliver what can be delivered in time, count the rest. Idempotent."""
        if self.state == "stopped":
            return
        self.state = "stopping"
        for watch in self._watches:
            watch.cancel()
        timeout = self.config.service.shutdown_timeout
        deadline = self.clock.now() + timeout
        await self._exchanges.close()
        await self.replays.close()
        # They must not take the time that the queues need.
        await self._exchanges.close_doors(self.graph.receivers.values(), timeout / 2)
        self.graph.gate.open = False
        # What was replaced has its time from when that was, so it ends before this does.
        await asyncio.gather(
            *(self._stop_one(each, deadline) for each in self.graph.destinations.values()),
            self._exchanges.settled(),
        )
        self.unclaimed.close()
        # Until here somebody may have to stop what drains.
        if self._control is not None:
            await self._control.stop()
        await self._admin.stop()
        await self.fleet.stop()
        await self._kept_trust.close()
        await self.keyrings.close()
        if self.ledger is not None:
            await self.ledger.close()
        await self.store.close()
        self._executor.shutdown()
        # These push once more and wait for the answer.
        await asyncio.to_thread(self.metrics.shutdown)
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.shutdown)
        self.state = "stopped"

    async def _stop_one(self, destination: Destination, deadline: float) -> None:
        await self._exchanges.taken_over(destination.id)
        await destination.stop(deadline)

    @property
    def lineup(self) -> Lineup:
        """Which destinations get what comes in."""
        return self.graph.lineup

    @property
    def gate(self) -> Gate:
        """What passes it is waited for by a reload."""
        return self.graph.gate

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """By id. Their `connections` may be asked for from other threads."""
        return self.graph.receivers

    @property
    def routes(self) -> Mapping[str, Route]:
        """By the pipeline's id."""
        return self.graph.routes

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id. Their `status` may be asked for from other threads."""
        return self.graph.destinations

    @property
    def strict(self) -> bool:
        """Whether people had the policy tightened."""
        return self._profile.is_strict

    def refused_share(self) -> tuple[float, bool]:
        """The share of the last minute's documents nobody could judge, and whether it is bad."""
        return self._refusals.verdict()

    async def reload(self, config: Config) -> Changes:
        """Run another configuration instead: no gap, no loss. Returns what changed.

        Raises ConfigError, or OSError when a door or an exporter cannot be opened, or it stops;
        then everything goes on as it was.
        """
        return await self._exchanges.one(lambda: self._reload(config))

    async def _reload(self, config: Config) -> Changes:
        changes = Changes.between(self.config, config)
        if not changes:
            return changes
        began = now()
        await self._go_over(with_service_of(config, self.config))
        self.unclaimed.look(self.destinations)
        if self.ledger is not None:
            await asyncio.to_thread(self._tell_ledger, changes, began)
        return changes

    async def tighten(self, by: str, why: str) -> None:
        """Judge everything by the strict profile too, what waits included, until `relax`.

        In force when it returns; remembered by the next start. Raises ConfigError or OSError when
        that cannot be (then nothing has changed), StoreFailed when it could not be remembered.
        """
        await self._exchanges.one(lambda: self._profile.tighten(by, why))

    async def relax(self, by: str, why: str) -> None:
        """Go back to the policy as it is configured. Remembered first; raises as `tighten`."""
        await self._exchanges.one(lambda: self._profile.relax(by, why))

    async def waits(self, destination: str) -> tuple[int, int]:
        """How many documents and bytes `purge` would destroy."""
        return self._purges.waits(self.destinations[destination])

    async def purge(self, destination: str) -> Destroyed:
        """See `Purges.purge`."""
        async with self.reloading:  # else another destination has been given what waits here
            return await self._purges.purge(self.destinations[destination])

    async def _go_over(self, config: Config) -> None:
        """Run a graph of this configuration instead of the one that runs."""
        old = self.graph
        new = await asyncio.to_thread(self._build, config, old)
        await asyncio.to_thread(new.prepare)
        await self.keyrings.prepare(new)
        self._kept_trust.rule(old, new)
        try:
            with storage_named():
                await self._exchanges.make(
                    Switch(old, new, self._doors),
                    lambda: self._turned(config, new),
                    config.service.shutdown_timeout,
                )
        finally:
            self._kept_trust.rule(self.graph)

    def _turned(self, config: Config, new: Graph) -> None:
        self.config, self.graph = config, new
        self._reloaded.set()

    def _tell_ledger(self, changes: Changes, began: str) -> None:
        assert self.ledger is not None
        self.ledger.record("reload", changes.as_dict())
        self.ledger.in_force(policy_in_force(self.config), self.graph.ways, "reload", began)

    async def finished(self) -> None:
        """Return when every receiver has nothing more to come. Servers never have."""
        while True:
            self._reloaded.clear()
            receivers = self.graph.receivers.values()
            await first_of(all_finished(receivers), self._reloaded.wait())
            if not self._reloaded.is_set():
                return

    @property
    def storage_fault(self) -> StorageFault | None:
        """See `Collecting.storage_fault`."""
        return self._storage.trouble
