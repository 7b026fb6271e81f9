"""errlock's own metrics and traces, through opentelemetry-sdk.

Metrics keep the OpenTelemetry Collector's names where it has one, so that existing dashboards
work; what it has no name for starts with `errlock_`. Label values come from closed lists.
https://opentelemetry.io/docs/collector/internal-telemetry/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, generate_latest

from ...delivery.disk.store import DiskStore
from ...delivery.store import Store
from ...delivery.trust.states import STRICTNESS
from ..counters import COUNTERS, CounterName, Counters
from .pushing import MayTell, Push, PushedMetrics, PushedSpans

if TYPE_CHECKING:
    from ...delivery.destination import Destination
    from ...ledger.keeping import Ledger
    from ..component import Receiver
    from ..fleet.fleet import Fleet

# The collector counts by signal. A Sentry document counts where its OTLP counterpart would.
_SIGNAL = {
    "otlp_span": "spans",
    "span": "spans",
    "transaction": "spans",
    "data_point": "metric_points",
    "metric": "metric_points",
}
_SIGNALS = ("spans", "log_records", "metric_points")
# Of pushes: where they go is what the configuration says, not what the environment does.
_OPTIONS: Any = (("grpc.enable_http_proxy", 0),)  # the exporters' annotation wants texts

# The collector's name (less the signal) -> our counter and the labels that it keeps.
_COLLECTOR_NAMES: dict[str, tuple[CounterName, tuple[str, ...]]] = {
    "otelcol_receiver_accepted": ("receiver_accepted", ("receiver", "transport")),
    "otelcol_receiver_refused": ("receiver_refused", ("receiver", "transport")),
    "otelcol_exporter_sent": ("exporter_sent", ("exporter",)),
    "otelcol_exporter_send_failed": ("exporter_dropped", ("exporter",)),
}

_OF_COLLECTORS = "Of one signal, under the name that the collector has for it: "
# Metrics without a row of their own in a table, each with its sentence.
_SENTENCES = {
    "errlock_copies_lost": "Deliveries whose copy was kept for less than service.retain_delivered.",
    "errlock_follow_age_seconds": "How old the last valid control document is.",
    "errlock_follow_failed": "Looks for a control document that found none, or no valid one.",
    "errlock_journal_entries": "Entries of the journal.",
    "errlock_journal_head": "The head of the journal, as a number: another one when an entry is.",
    "errlock_publish_followers": "Who asked for the control document in the last half minute.",
    "otelcol_process_uptime": "How long it has been running.",
}
_GAUGES = (
    ("otelcol_exporter_queue_size", "bytes", "Bytes that wait for a destination."),
    ("otelcol_exporter_queue_capacity", "capacity", "Bytes that may wait for a destination."),
    ("errlock_exporter_queue_documents", "documents", "Documents that wait for a destination."),
    ("errlock_exporter_queue_age_seconds", "age", "How long the oldest one has waited."),
    ("errlock_exporter_trust", "trust", "0: trusted, 1: held, 2: distrusted."),
)


_CONNECTIONS = (
    ("errlock_receiver_connections", "open", "Connections to a receiver."),
    ("errlock_receiver_connections_limit", "most", "How many it may have at one time."),
)


class Measured(Protocol):
    """What of a collector is measured here."""

    counters: Counters
    store: Store
    ledger: Ledger | None
    fleet: Fleet

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """By id; others after a reload."""

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """By id; others after a reload."""


class Metrics:
    """Looks at a collector when somebody asks; pushes what it sees if an endpoint is set."""

    def __init__(self, collector: Measured, otlp_endpoint: str | None, may_tell: MayTell) -> None:
        """Register every instrument. With an OTLP/gRPC endpoint, metrics are pushed there too.

        `may_tell`: see `obey`.
        """
        self._collector = collector
        self._started = time.monotonic()
        self._registry = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(
                disable_target_info=True, scope_info_enabled=False, registry=self._registry
            )
        ]
        self._push = _push_of_metrics(otlp_endpoint, may_tell) if otlp_endpoint else None
        if self._push is not None:
            readers.append(PeriodicExportingMetricReader(PushedMetrics(self._push)))
        self._meters = MeterProvider(readers, resource=_resource(), shutdown_on_exit=False)
        self._register()

    def prometheus(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def obey(self) -> None:
        """Push nothing to a host that may be told nothing any more. From any thread."""
        if self._push is not None:
            self._push.obey()

    def shutdown(self) -> None:
        """Push what is left and stop."""
        self._meters.shutdown()

    def _register(self) -> None:
        meter = self._meters.get_meter("errlock")
        for name, (sentence, _) in COUNTERS.items():
            meter.create_observable_counter(
                f"errlock_{name}", [self._own(name)], description=sentence
            )
        for prefix, (name, labels) in _COLLECTOR_NAMES.items():
            for signal in _SIGNALS:
                meter.create_observable_counter(
                    f"{prefix}_{signal}",
                    [self._collectors(name, labels, signal)],
                    description=_OF_COLLECTORS + COUNTERS[name][0],
                )
        for gauge, what, sentence in _GAUGES:
            meter.create_observable_gauge(gauge, [self._queue(what)], description=sentence)
        for gauge, what, sentence in _CONNECTIONS:
            meter.create_observable_gauge(gauge, [self._connections(what)], description=sentence)
        for gauge, value in _gauges_of(self._collector).items():
            meter.create_observable_gauge(gauge, [_single(value)], description=_SENTENCES[gauge])
        for counter, observe, unit in (
            ("errlock_follow_failed", self._failures, ""),
            ("otelcol_process_uptime", self._uptime, "s"),
        ):
            meter.create_observable_counter(
                counter, [observe], unit=unit, description=_SENTENCES[counter]
            )

    def _own(self, wanted: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            for name, labels, value in self._collector.counters:
                if name == wanted:
                    yield Observation(value, dict(labels))

        return observe

    def _collectors(
        self, wanted: str, kept: tuple[str, ...], signal: str
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            sums: dict[tuple[tuple[str, str], ...], int] = {}
            for name, labels, value in self._collector.counters:
                if name != wanted:
                    continue
                if _SIGNAL.get(dict(labels).get("type", ""), "log_records") == signal:
                    key = tuple(label for label in labels if label[0] in kept)
                    sums[key] = sums.get(key, 0) + value
            for key, value in sums.items():
                yield Observation(value, dict(key))

        return observe

    def _queue(self, what: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            for id_, destination in self._collector.destinations.items():
                status = destination.status()
                value = {
                    "bytes": status.queued_bytes,
                    "capacity": status.capacity_bytes,
                    "documents": status.queued_documents,
                    "age": status.oldest_age,
                    "trust": STRICTNESS[status.trust],
                }[what]
                yield Observation(value, {"exporter": id_})

        return observe

    def _connections(self, what: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            for id_, receiver in self._collector.receivers.items():
                for transport, connections in receiver.connections().items():
                    labels = {"receiver": id_, "transport": transport}
                    yield Observation(getattr(connections, what), labels)

        return observe

    def _failures(self, _options: CallbackOptions) -> Iterator[Observation]:
        for reason, times in self._collector.fleet.failures().items():
            yield Observation(times, {"reason": reason})

    def _uptime(self, _options: CallbackOptions) -> Iterator[Observation]:
        yield Observation(time.monotonic() - self._started)


def _gauges_of(collector: Measured) -> Mapping[str, Callable[[], float]]:
    """Those without labels, by name, of what there is in a collector."""
    gauges = dict(collector.fleet.gauges())
    if collector.ledger is not None:
        gauges["errlock_journal_entries"] = collector.ledger.entries
        gauges["errlock_journal_head"] = collector.ledger.head_number
    if isinstance(collector.store, DiskStore):
        copies = collector.store.copies
        gauges["errlock_copies_lost"] = lambda: copies.lost
    return gauges


def _single(value: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterator[Observation]:
        yield Observation(value())

    return observe


class Tracing:
    """Pushes errlock's own spans to an OTLP/gRPC endpoint."""

    def __init__(self, otlp_endpoint: str, may_tell: MayTell) -> None:
        """`may_tell`: see `obey`."""
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        make = partial(OTLPSpanExporter, **_how(otlp_endpoint))
        self._push: Push[SpanExporter] = Push(otlp_endpoint, make, may_tell)
        self._provider.add_span_processor(BatchSpanProcessor(PushedSpans(self._push)))
        self.tracer: Tracer = self._provider.get_tracer("errlock")

    def obey(self) -> None:
        """See `Metrics.obey`."""
        self._push.obey()

    def shutdown(self) -> None:
        """Push what is left and stop."""
        self._provider.shutdown()


def _push_of_metrics(endpoint: str, may_tell: MayTell) -> Push[MetricExporter]:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    return Push(endpoint, partial(OTLPMetricExporter, **_how(endpoint)), may_tell)


def _how(endpoint: str) -> dict[str, Any]:
    plain = not endpoint.startswith("https://")
    return {"endpoint": endpoint, "insecure": plain, "channel_options": _OPTIONS}


def _resource() -> Resource:
    return Resource({"service.name": "errlock", "service.version": version("errlock")})
