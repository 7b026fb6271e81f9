"""What runs: receivers, routes and destinations, built from a configuration.

A *route* is one pipeline. It scans a payload once, renders it once per distinct effective policy
among its destinations, and offers each destination its copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..delivery.destination import Destination
from ..policy.parts import HashPart, Part, raised_classes
from ..policy.plan import Plan
from .chain import Chain, Step, refused
from .component import Exporter, Processor, Receipt, Receiver, Settings, Sink
from .config import Config, PipelineOptions
from .counters import Counters
from .crossing import convert
from .errors import ConfigError, DropReason, Problem, RefusedPayload, within
from .payloads.document import Document, Payload, Protocol

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

# Pipelines with these type names take one signal, as collector users expect; others take all.
SIGNALS = ("logs", "metrics", "traces")


@dataclass(frozen=True, slots=True)
class Branch:
    """The destinations of a route that get the same bytes: one policy, one protocol."""

    plan: Plan | None
    stricter: Chain | None
    protocols: Sequence[Protocol]
    destinations: Sequence[Destination]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a branch gets of one payload."""

    payloads: Sequence[Payload]
    left_out: Sequence[Document] = ()  # its protocol has no place for them


@dataclass(frozen=True, slots=True)
class Judged:
    """A payload after its route: what goes to each branch, in their order, and what was refused."""

    outgoing: Sequence[Outgoing]
    refused: Mapping[DropReason, int]


class Route:
    """One pipeline at work."""

    def __init__(self, id_: str, chain: Chain, branches: Sequence[Branch]) -> None:
        self.id = id_
        self._chain = chain
        self._branches = branches
        kind = id_.partition("/")[0]
        self._signal = kind if kind in SIGNALS else None

    def takes(self, payload: Payload) -> bool:
        """Whether this pipeline is for such payloads."""
        return self._signal is None or getattr(payload, "signal", None) == self._signal

    def judge(self, payload: Payload) -> Judged:
        """Everything that costs time: sanitise for each branch, in the branch's protocol."""
        scanned = self._chain.scan(payload)
        outgoing = []
        refusals: Mapping[DropReason, int] = {}
        for branch in self._branches:
            rendered = self._chain.render(scanned, branch.plan)
            refusals = refused(rendered)
            if branch.stricter is not None:
                rendered = branch.stricter.run(rendered)
            outgoing.append(_in_protocol(rendered, branch.protocols))
        return Judged(outgoing, refusals)

    def offer(self, judged: Judged) -> None:
        """Queue what `judge` made. Never blocks."""
        for branch, outgoing in zip(self._branches, judged.outgoing, strict=True):
            for destination in branch.destinations:
                for payload in outgoing.payloads:
                    destination.offer(payload)
                destination.leave_out(outgoing.left_out)


def _in_protocol(payload: Payload, accepted: Sequence[Protocol]) -> Outgoing:
    """A payload as it is if it may stay so, else as payloads of another protocol."""
    if payload.protocol in accepted:
        return Outgoing([payload])
    converted = convert(payload, accepted[0])
    return Outgoing(converted.payloads, converted.left_out)


class RouteSink:
    """Where one receiver puts payloads: every route that names it."""

    def __init__(self, routes: Sequence[Route], gate: Gate) -> None:
        self._routes = routes
        self._gate = gate

    async def accept(self, payload: Payload) -> Receipt:
        """See `Sink.accept`."""
        routes = [route for route in self._routes if route.takes(payload)]
        if not routes:
            return Receipt(accepted=0, refused={"unroutable": payload.count})
        judged = [await self._gate.judge(route, payload) for route in routes]
        for route, outgoing in zip(routes, judged, strict=True):
            route.offer(outgoing)
        reasons = judged[0].refused
        return Receipt(payload.count - sum(reasons.values()), reasons)


class Gate:
    """Bounds the bytes that wait for judgement, and keeps judging off the event loop."""

    def __init__(self, limit: int, executor: Executor) -> None:
        self.open = True
        self._limit = limit
        self._waiting = 0
        self._executor = executor

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
            return await loop.run_in_executor(self._executor, route.judge, payload)
        finally:
            self._waiting -= size


@dataclass(frozen=True, slots=True)
class Graph:
    """The running parts of a configuration, wired."""

    receivers: Mapping[str, Receiver]
    sinks: Mapping[str, Sink]
    destinations: Mapping[str, Destination]
    gate: Gate


def build(
    config: Config, counters: Counters, executor: Executor, tracer: Tracer | None = None
) -> Graph:
    """Build every component that a pipeline names, and wire them. Starts nothing.

    With a tracer, payloads are traced from door to destination. Raises ConfigError with every
    problem that only shows when components are built.
    """
    pipelines = config.service.pipelines
    parts = _Components(config, counters, tracer)
    destinations = {
        id_: parts.destination(id_, exporter) for id_, exporter in parts.exporters.items()
    }
    gate = Gate(config.service.max_bytes_in_flight, executor)
    routes = {id_: parts.route(id_, options, destinations) for id_, options in pipelines.items()}
    if parts.problems:
        raise ConfigError(parts.problems)
    return Graph(
        receivers=parts.receivers,
        sinks={
            id_: parts.traced(
                id_,
                RouteSink([routes[p] for p, o in pipelines.items() if id_ in o.receivers], gate),
            )
            for id_ in parts.receivers
        },
        destinations=destinations,
        gate=gate,
    )


class _Components:
    """The running parts of a configuration, each built once (processors: once a pipeline)."""

    def __init__(self, config: Config, counters: Counters, tracer: Tracer | None) -> None:
        self.problems: list[Problem] = []
        self._config = config
        self._tracer = tracer
        self._counters = counters
        storage = config.service.storage
        self._storage = None if storage == "memory" else Path(storage)
        pipelines = config.service.pipelines.values()
        self.receivers: dict[str, Receiver] = {
            id_: self._build("receivers", id_, config.receivers[id_])
            for id_ in dict.fromkeys(id_ for options in pipelines for id_ in options.receivers)
        }
        self.exporters: dict[str, Exporter] = {
            id_: self._build("exporters", id_, config.exporters[id_].component)
            for id_ in dict.fromkeys(id_ for options in pipelines for id_ in options.exporters)
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
        return Settings(id=id_, counters=self._counters, log=log, storage=self._storage)

    def destination(self, id_: str, exporter: Exporter) -> Destination:
        """The exporter with a queue of its own."""
        options = self._config.exporters[id_].delivery
        if self._tracer is not None:
            from .tracing import TracedExporter

            exporter = TracedExporter(exporter, id_, self._tracer)
        return Destination(id_, exporter, options, self._counters, self._settings(id_).log)

    def traced(self, receiver: str, sink: Sink) -> Sink:
        """The sink of a receiver, with spans around it if there is a tracer."""
        if self._tracer is None:
            return sink
        from .tracing import TracedSink

        return TracedSink(sink, receiver, self._tracer)

    def route(
        self, id_: str, options: PipelineOptions, destinations: Mapping[str, Destination]
    ) -> Route:
        """A pipeline, with one branch for each distinct effective policy and protocol."""
        chain = self._chain(id_, options.processors, id_)
        branches: dict[object, list[str]] = {}
        for exporter in options.exporters:
            own = tuple(self._config.exporters[exporter].processors)
            parts = self._chain(id_, own, id_).parts
            self._check_strictness(exporter, parts, chain.parts, id_)
            scope = exporter if any(map(_is_scoped, [*chain.parts, *parts])) else ""
            accepts = tuple(destinations[exporter].accepts)
            branches.setdefault((own, scope, accepts), []).append(exporter)
        return Route(
            id_,
            chain,
            [
                Branch(
                    chain.plan(ids[0]),
                    self._stricter(ids[0], id_),
                    destinations[ids[0]].accepts,
                    [destinations[exporter] for exporter in ids],
                )
                for ids in branches.values()
            ],
        )

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

    def _stricter(self, exporter: str, pipeline: str) -> Chain | None:
        own = self._config.exporters[exporter].processors
        return self._chain(pipeline, own, f"{pipeline}/{exporter}", exporter) if own else None

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
        return Chain(steps, self._counters, name, scope)


def _is_scoped(part: Part) -> bool:
    """Whether what a part writes differs from destination to destination."""
    return isinstance(part, HashPart) and not part.shared
