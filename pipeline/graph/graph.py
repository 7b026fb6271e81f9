"""What runs: receivers, routes and destinations, built from a configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ...delivery.clock import Clock
from ...delivery.destination import Destination
from ...delivery.loading import Policy
from ...delivery.standby import Lineup, Standby
from ...delivery.store import Store
from ...ledger.account.accountant import Accountant
from ...ledger.controls import Way
from ...ledger.keeping import Ledger
from ...policy.parts import HashPart, Part, raised_classes
from ..chain import Chain, Step
from ..component import Exporter, Processor, Receiver, Settings, Sink
from ..config import Config, PipelineOptions
from ..config.policy import policy_digest
from ..counters import Counters
from ..errors import ConfigError, Problem, within
from ..host.memory import in_flight
from ..payloads.document import Payload
from ..planting import plant_in_thread
from ..registry import blamed
from .controls import way
from .routes import Branch, Gate, Route, RouteSink, portions_of
from .tightening import STRICT

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What outlives a graph: all that are built for one collector share it.

    With a tracer, payloads are traced from door to destination; with a ledger, it is told what is
    delivered.
    """

    counters: Counters
    executor: Executor
    store: Store
    clock: Clock
    tracer: Tracer | None = None
    ledger: Ledger | None = None


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


def build(config: Config, around: Surroundings, before: Graph | None = None) -> Graph:
    """Build every component that a pipeline names, and wire them. Starts nothing.

    Receivers and destinations of the graph `before` are taken over where their options are the
    same. Raises ConfigError with every problem that only shows when components are built.
    """
    pipelines = config.service.pipelines
    parts = _Components(config, around, before)
    destinations = {
        id_: parts.destination(id_, exporter) for id_, exporter in parts.exporters.items()
    }
    store, clock, executor = around.store, around.clock, around.executor
    lineup = Lineup(destinations, parts.standbys(), clock)
    if (ledger := around.ledger) is not None:
        # It waits for the disk, so not on the event loop.
        lineup.told = lambda *failover: executor.submit(ledger.failed_over, *failover)
    gate = Gate(in_flight(config.service.max_bytes_in_flight), executor)
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

    def __init__(self, config: Config, around: Surroundings, before: Graph | None) -> None:
        self.problems: list[Problem] = []
        self.policies: dict[str, list[Policy]] = {}
        self.hashing: list[tuple[HashPart, str]] = []
        self.ways: list[Way] = []
        self._before = before
        self._config = config
        self._around = around
        pipelines = config.service.pipelines.values()
        self.receivers: dict[str, Receiver] = {
            id_: self._receiver(id_)
            for id_ in dict.fromkeys(id_ for options in pipelines for id_ in options.receivers)
        }
        # None: the destination of the graph before is taken over with its exporter.
        self.exporters: dict[str, Exporter | None] = {
            id_: None
            if before is not None and _same_destination(before, config, id_)
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
            with blamed(options):
                return options.build(self._settings(id_))
        except ConfigError as error:
            self.problems += within(f"{section}.{id_}", error.problems)
            return None

    def _settings(self, id_: str) -> Settings:
        log = logging.getLogger(f"errlock.{id_}")
        return Settings(
            id=id_,
            counters=self._around.counters,
            log=log,
            storage=self._config.service.folder,
            exporters=tuple(self._config.exporters),
        )

    def _receiver(self, id_: str) -> Any:
        if self._before is not None and _same_receiver(self._before, self._config, id_):
            return self._before.receivers[id_]
        return self._build("receivers", id_, self._config.receivers[id_])

    def destination(self, id_: str, exporter: Exporter | None) -> Destination:
        """The exporter with a queue of its own."""
        if exporter is None:
            assert self._before is not None
            return self._before.destinations[id_]
        options, around = self._config.exporters[id_].delivery, self._around
        if around.tracer is not None:
            from .tracing import TracedExporter

            exporter = TracedExporter(exporter, id_, around.tracer)
        log = self._settings(id_).log
        made = Destination(
            id_, exporter, options, around.counters, log, around.store, clock=around.clock
        )
        if around.ledger is not None:
            made.tell(Accountant(around.ledger, id_))
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
        if self._around.tracer is None:
            return sink
        from .tracing import TracedSink

        return TracedSink(sink, receiver, self._around.tracer)

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
        return Route(id_, chain, made, lineup, ledger=self._around.ledger)

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
        ledger, executor = self._around.ledger, self._around.executor

        def resanitise(payload: Payload) -> Payload:
            passed = again.run(payload, plan)
            passed = stricter_again.run(passed) if stricter_again is not None else passed
            if ledger is not None:
                passed.manifest = ledger.renewed(passed, judged=judged)
            return passed

        async def in_thread(payload: Payload) -> Payload:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, resanitise, payload)

        async def cut(payload: Payload) -> Sequence[Payload]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, portions_of, payload, ledger)

        planters = [*chain.planters, *(stricter.planters if stricter is not None else ())]
        planted = ledger.planted if ledger is not None else None
        for destination in group:
            plant = partial(plant_in_thread, executor, planters, destination.id, planted)
            policy = Policy(version, in_thread, plant if planters else None, cut)
            self.policies.setdefault(destination.id, []).append(policy)
        return Branch(plan, stricter, group[0].accepts, group, version, judged)

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
        ledger = self._around.ledger
        trace = ledger.tracer.traces if ledger is not None else None
        return Chain(steps, self._around.counters, name, scope, trace)


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


def _same_receiver(before: Graph, config: Config, id_: str) -> bool:
    """Whether a receiver runs with these very options."""
    return id_ in before.receivers and before.config.receivers[id_] == config.receivers[id_]


def _same_destination(before: Graph, config: Config, id_: str) -> bool:
    """Whether a destination runs with these very options of its exporter and its queue."""
    if id_ not in before.destinations:
        return False
    old, new = before.config.exporters[id_], config.exporters[id_]
    return old.component == new.component and all(
        getattr(old.delivery, each) == getattr(new.delivery, each)
        for each in ("sending_queue", "retry_on_failure")
    )


def policy_version(config: Config, pipeline: str, exporter: str) -> str:
    """Names the policy under which a pipeline's documents leave for an exporter."""
    chains = (config.service.pipelines[pipeline].processors, config.exporters[exporter].processors)
    digest = policy_digest(*([(id_, config.processors[id_]) for id_ in chain] for chain in chains))
    return f"{pipeline}:{digest}"
