"""What runs: receivers, routes and destinations, built from a configuration.

A *route* is one pipeline. It scans a payload once, renders it once per distinct effective policy
among its destinations, and offers each destination its copy.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..delivery.clock import Clock
from ..delivery.destination import Destination, Policy
from ..delivery.losses import LostCounts, lost_by_reason
from ..delivery.offering import Offer, offer
from ..delivery.standby import Lineup, Standby
from ..delivery.store import Store, StoreFailed
from ..ledger.account.accountant import Accountant
from ..ledger.controls import Way
from ..ledger.keeping import Ledger
from ..policy.parts import HashPart, Part, raised_classes
from ..policy.plan import Plan
from .chain import Chain, Step, refused
from .component import Exporter, Planter, Processor, Receipt, Receiver, Settings, Sink
from .config import Config, PipelineOptions
from .config.written import as_written
from .controls import way
from .counters import Counters
from .crossing import convert
from .errors import ConfigError, DropReason, Problem, RefusedPayload, within
from .payloads.document import Document, Payload, Protocol
from .planting import Planting
from .tightening import STRICT

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_NOT_STORED = "cannot be stored now; nothing of it was taken"

# Pipelines with these type names take one signal, as collector users expect; others take all.
SIGNALS = ("logs", "metrics", "traces")


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
    refused: Mapping[DropReason, int]


class Route:
    """One pipeline at work."""

    def __init__(
        self,
        id_: str,
        chain: Chain,
        branches: Sequence[Branch],
        lineup: Lineup,
        *,
        encoded: bool,
        ledger: Ledger | None = None,
    ) -> None:
        """`encoded`: what is offered is encoded already, for a store that is durable.

        With a ledger, what is in it is noted.
        """
        self.id = id_
        self._ledger = ledger
        self._encoded = encoded
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
        refusals: Mapping[DropReason, int] = {}
        for branch in self._branches:
            destinations = [each for each in branch.destinations if each.id in takers]
            if not destinations:
                continue
            rendered = self._chain.render(scanned, branch.plan)
            refusals = refused(rendered)
            if branch.stricter is not None:
                rendered = branch.stricter.run(rendered)
            offers += offers_of(
                rendered, branch, destinations, encoded=self._encoded, ledger=self._ledger
            )
        return Judged(offers, refusals)


def offers_of(
    payload: Payload,
    branch: Branch,
    destinations: Sequence[Destination],
    *,
    encoded: bool,
    ledger: Ledger | None,
    before: LostCounts | None = None,
) -> list[Offer]:
    """A payload as it is if it may stay so, else as payloads of another protocol.

    What was lost in it is told, less what was lost `before`.
    """
    policy = branch.policy
    payloads: Sequence[Payload] = [payload]
    carried: Sequence[Sequence[Document] | None] = [None]
    left_out: Sequence[Document] = ()
    offers = []
    if payload.protocol not in branch.protocols:
        converted = convert(payload, branch.protocols[0])
        payloads, carried, left_out = converted.payloads, converted.carried, converted.left_out
    for each, documents in zip(payloads, carried, strict=True):
        # Encoding may lose a document, so it comes before anybody counts.
        body = each.encode() if encoded else None
        if ledger is not None:
            each.manifest = ledger.manifest(each, documents, judged=branch.judged)
        offers.append(Offer(each, policy, destinations, body))
    lost = lost_by_reason(payload) - (before or LostCounts())
    for each in payloads:
        if each is not payload:
            lost += lost_by_reason(each)
    if left_out or (lost and ledger is not None):
        manifest = payloads[0].manifest if payloads else b""
        offers.append(
            Offer(None, policy, destinations, left_out=left_out, lost=lost, manifest=manifest)
        )
    return offers


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
            return Receipt(accepted=0, refused={"unroutable": payload.count})
        judged = [await self._gate.judge(route, payload) for route in routes]
        offers = [each for one in judged for each in one.offers]
        try:
            await self._gate.to_its_end(offer(self._store, offers, self._clock))
        except StoreFailed as failure:
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


@dataclass(frozen=True, slots=True)
class Graph:
    """The running parts of a configuration, wired."""

    config: Config
    receivers: Mapping[str, Receiver]
    sinks: Mapping[str, Sink]
    destinations: Mapping[str, Destination]
    policies: Mapping[str, Sequence[Policy]]  # of each destination
    hashing: Sequence[tuple[HashPart, str]]  # what makes pseudonyms, and for which destination
    ways: Sequence[Way]  # what stands between documents and destinations
    routes: Mapping[str, Route]
    lineup: Lineup
    gate: Gate

    def prepare(self) -> None:
        """See `Route.prepare`."""
        for route in self.routes.values():
            route.prepare()

    def put_in_force(self) -> None:
        """Have destinations deliver under its policies."""
        for id_, policies in self.policies.items():
            self.destinations[id_].policies = policies


def build(
    config: Config,
    counters: Counters,
    executor: Executor,
    store: Store,
    clock: Clock,
    *,
    tracer: Tracer | None = None,
    ledger: Ledger | None = None,
    before: Graph | None = None,
) -> Graph:
    """Build every component that a pipeline names, and wire them. Starts nothing.

    With a tracer, payloads are traced from door to destination; with a ledger, it is told what is
    delivered. Receivers and destinations of the graph `before` are taken over where their options
    are the same. Raises ConfigError with every problem that only shows when components are built.
    """
    pipelines = config.service.pipelines
    parts = _Components(config, counters, executor, tracer, ledger, before, durable=store.durable)
    destinations = {
        id_: parts.destination(id_, exporter, store, clock)
        for id_, exporter in parts.exporters.items()
    }
    lineup = Lineup(destinations, parts.standbys(), clock)
    if ledger is not None:
        # It waits for the disk, so not on the event loop.
        lineup.told = lambda *failover: executor.submit(ledger.failed_over, *failover)
    gate = Gate(config.service.max_bytes_in_flight, executor)
    routes = {
        id_: parts.route(id_, options, destinations, lineup) for id_, options in pipelines.items()
    }
    if parts.problems:
        raise ConfigError(parts.problems)

    def sink(receiver: str) -> Sink:
        served = [routes[id_] for id_, each in pipelines.items() if receiver in each.receivers]
        return parts.traced(receiver, RouteSink(served, gate, store, clock))

    return Graph(
        config=config,
        receivers=parts.receivers,
        sinks={id_: sink(id_) for id_ in parts.receivers},
        destinations=destinations,
        policies=parts.policies,
        hashing=parts.hashing,
        ways=parts.ways,
        routes=routes,
        lineup=lineup,
        gate=gate,
    )


class _Components:
    """The running parts of a configuration, each built once (processors: once a pipeline)."""

    def __init__(
        self,
        config: Config,
        counters: Counters,
        executor: Executor,
        tracer: Tracer | None,
        ledger: Ledger | None,
        before: Graph | None,
        *,
        durable: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self.policies: dict[str, list[Policy]] = {}
        self.hashing: list[tuple[HashPart, str]] = []
        self.ways: list[Way] = []
        self._before = before
        self._config = config
        self._executor = executor
        self._tracer = tracer
        self._ledger = ledger
        self._counters = counters
        storage = config.service.storage
        self._durable = durable
        self._storage = None if storage == "memory" else Path(storage)
        pipelines = config.service.pipelines.values()
        self.receivers: dict[str, Receiver] = {
            id_: self._receiver(id_)
            for id_ in dict.fromkeys(id_ for options in pipelines for id_ in options.receivers)
        }
        # None: the destination of the graph before is taken over with its exporter.
        self.exporters: dict[str, Exporter | None] = {
            id_: None
            if same_destination(before, config, id_)
            else self._build("exporters", id_, config.exporters[id_].component)
            for id_ in dict.fromkeys(
                id_ for each in pipelines for id_ in exporters_of(config, each)
            )
        }
        self._processors: dict[tuple[str, str], Processor | Part] = {}
        if self.problems:
            raise ConfigError(self.problems)

    def _build(self, section: str, id_: str, options: Any) -> Any:
        """A component; None and a problem when it cannot be built."""
        try:
            return options.build(self._settings(id_))
        except ConfigError as error:
            self.problems += within(f"{section}.{id_}", error.problems)
            return None

    def _settings(self, id_: str) -> Settings:
        log = logging.getLogger(f"errlock.{id_}")
        return Settings(
            id=id_,
            counters=self._counters,
            log=log,
            storage=self._storage,
            exporters=tuple(self._config.exporters),
        )

    def _receiver(self, id_: str) -> Any:
        before = self._before
        if before is not None and same_receiver(before, self._config, id_):
            return before.receivers[id_]
        return self._build("receivers", id_, self._config.receivers[id_])

    def destination(
        self, id_: str, exporter: Exporter | None, store: Store, clock: Clock
    ) -> Destination:
        """The exporter with a queue of its own."""
        if exporter is None:
            assert self._before is not None
            return self._before.destinations[id_]
        options = self._config.exporters[id_].delivery
        if self._tracer is not None:
            from .tracing import TracedExporter

            exporter = TracedExporter(exporter, id_, self._tracer)
        log = self._settings(id_).log
        made = Destination(id_, exporter, options, self._counters, log, store, clock=clock)
        if self._ledger is not None:
            made.tell(Accountant(self._ledger, id_))
        return made

    def standbys(self) -> dict[str, Standby]:
        """The exporters that stand by for others."""
        found = {id_: self._config.exporters[id_].delivery for id_ in self.exporters}
        return {
            id_: Standby(options.standby_for, options.failover_after)
            for id_, options in found.items()
            if options.standby_for is not None
        }

    def traced(self, receiver: str, sink: Sink) -> Sink:
        """The sink of a receiver, with spans around it if there is a tracer."""
        if self._tracer is None:
            return sink
        from .tracing import TracedSink

        return TracedSink(sink, receiver, self._tracer)

    def route(
        self,
        id_: str,
        options: PipelineOptions,
        destinations: Mapping[str, Destination],
        lineup: Lineup,
    ) -> Route:
        """A pipeline, with one branch for each distinct effective policy and protocol."""
        chain = self._chain(id_, options.processors, id_)
        branches: dict[object, list[str]] = {}
        for exporter in exporters_of(self._config, options):
            own = tuple(self._config.exporters[exporter].processors)
            parts = self._chain(id_, own, id_).parts
            self._check_strictness(exporter, parts, chain.parts, id_)
            self.ways.append(self._way(id_, exporter, chain))
            hashing = [part for part in (*chain.parts, *parts) if isinstance(part, HashPart)]
            self.hashing += [(part, exporter) for part in hashing]
            scope = "" if all(part.shared for part in hashing) else exporter
            accepts = tuple(destinations[exporter].accepts)
            branches.setdefault((own, scope, accepts), []).append(exporter)
        made = [
            self._branch(id_, options, chain, [destinations[each] for each in ids])
            for ids in branches.values()
        ]
        return Route(id_, chain, made, lineup, encoded=self._durable, ledger=self._ledger)

    def _way(self, pipeline: str, exporter: str, chain: Chain) -> Way:
        own = [id_ for id_ in self._config.exporters[exporter].processors if id_ != STRICT]
        parts = [*chain.parts, *self._chain(pipeline, own, pipeline).parts]
        return way(self._config, pipeline, exporter, parts)

    def _branch(
        self, pipeline: str, options: PipelineOptions, chain: Chain, group: Sequence[Destination]
    ) -> Branch:
        """Destinations that share a policy, and how what waits for them passes a newer one."""
        first = group[0].id
        own = self._config.exporters[first].processors
        plan = chain.plan(first)
        stricter = self._chain(pipeline, own, f"{pipeline}/{first}", first) if own else None
        version = policy_version(self._config, pipeline, first)
        judged = chain.judges or (stricter is not None and stricter.judges)
        again = chain.without_once()
        stricter_again = stricter.without_once() if stricter is not None else None
        # Not `self`: destinations keep these functions, and it knows the graph before this one,
        # whose functions know the one before that, back to the first.
        ledger, executor = self._ledger, self._executor

        def resanitise(payload: Payload) -> Payload:
            passed = again.run(payload, plan)
            passed = stricter_again.run(passed) if stricter_again is not None else passed
            if ledger is not None:
                passed.manifest = ledger.renewed(passed, judged=judged)
            return passed

        async def in_thread(payload: Payload) -> Payload:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, resanitise, payload)

        planters = [*chain.planters, *(stricter.planters if stricter is not None else ())]
        for destination in group:
            policy = Policy(version, in_thread, self._planting(planters, destination.id))
            self.policies.setdefault(destination.id, []).append(policy)
        return Branch(plan, stricter, group[0].accepts, group, version, judged)

    def _planting(self, planters: Sequence[Planter], destination: str) -> Planting | None:
        if not planters:
            return None
        tell = self._ledger.planted if self._ledger is not None else None
        return Planting(planters, destination, tell, self._executor)

    def _check_strictness(
        self, exporter: str, own: Sequence[Part], base: Sequence[Part], pipeline: str
    ) -> None:
        for class_, before, after in raised_classes(own, base):
            self.problems.append(
                Problem(
                    f"exporters.{exporter}.processors",
                    f"would make {class_} {after}, which pipeline '{pipeline}' leaves {before}; "
                    "an exporter's own processors may only be stricter",
                )
            )

    def _chain(self, pipeline: str, ids: Sequence[str], name: str, scope: str = "") -> Chain:
        steps = []
        for id_ in ids:
            key = (pipeline, id_)
            if key not in self._processors:
                built = self._build("processors", id_, self._config.processors[id_])
                if built is None:
                    continue
                self._processors[key] = built
            steps.append(Step(id_, self._processors[key]))
        trace = self._ledger.tracer.traces if self._ledger is not None else None
        return Chain(steps, self._counters, name, scope, trace)


def exporters_of(config: Config, options: PipelineOptions) -> list[str]:
    """The exporters of a pipeline, with those that stand by for them."""
    ids = list(options.exporters)
    for id_ in ids:  # it grows: a standby may have one of its own
        ids += [
            other
            for other, each in config.exporters.items()
            if each.standby_for == id_ and other not in ids
        ]
    return ids


def same_receiver(before: Graph, config: Config, id_: str) -> bool:
    """Whether a receiver runs with these very options."""
    return id_ in before.receivers and before.config.receivers[id_] == config.receivers[id_]


def same_destination(before: Graph | None, config: Config, id_: str) -> bool:
    """Whether a destination runs with these very options of its exporter and its queue."""
    if before is None or id_ not in before.destinations:
        return False
    old, new = before.config.exporters[id_], config.exporters[id_]
    return old.component == new.component and all(
        getattr(old.delivery, each) == getattr(new.delivery, each)
        for each in ("sending_queue", "retry_on_failure")
    )


def policy_version(config: Config, pipeline: str, exporter: str) -> str:
    """Names the policy under which a pipeline's documents leave for an exporter.

    Another one when any option of a processor differs, but for secrets, of which nothing is kept.
    """
    options, own = config.service.pipelines[pipeline], config.exporters[exporter].processors
    written = {
        "errlock": version("errlock"),
        "processors": [[id_, as_written(config.processors[id_])] for id_ in options.processors],
        "own": [[id_, as_written(config.processors[id_])] for id_ in own],
    }
    text = json.dumps(written, sort_keys=True, default=str)
    return f"{pipeline}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
