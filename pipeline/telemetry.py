"""errlock's own metrics and traces, through opentelemetry-sdk.

Metrics keep the OpenTelemetry Collector's names where it has one, so that existing dashboards
work; what it has no name for starts with `errlock_`. Label values come from closed lists.
https://opentelemetry.io/docs/collector/internal-telemetry/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry, generate_latest

from .counters import COUNTER_NAMES, CounterName, Counters

if TYPE_CHECKING:
    from ..delivery.destination import Destination

# The collector counts by signal. A Sentry document counts where its OTLP counterpart would.
_SIGNAL = {
    "otlp_span": "spans",
    "span": "spans",
    "transaction": "spans",
    "data_point": "metric_points",
    "metric": "metric_points",
}
_SIGNALS = ("spans", "log_records", "metric_points")

# The collector's name (less the signal) -> our counter and the labels that it keeps.
_COLLECTOR_NAMES: dict[str, tuple[CounterName, tuple[str, ...]]] = {
    "otelcol_receiver_accepted": ("receiver_accepted", ("receiver", "transport")),
    "otelcol_receiver_refused": ("receiver_refused", ("receiver", "transport")),
    "otelcol_exporter_sent": ("exporter_sent", ("exporter",)),
    "otelcol_exporter_send_failed": ("exporter_dropped", ("exporter",)),
}


class Telemetry:
    """Reads the counters and destinations when somebody asks; pushes them if an endpoint is set."""

    def __init__(
        self,
        counters: Counters,
        destinations: Mapping[str, Destination],
        metrics_otlp: str | None = None,
        traces_otlp: str | None = None,
    ) -> None:
        """Register every instrument. `*_otlp` are OTLP/gRPC endpoints (`host:port`)."""
        self._counters = counters
        self._destinations = destinations
        self._started = time.monotonic()
        self._registry = CollectorRegistry()
        resource = Resource.create({"service.name": "errlock"})
        readers: list[MetricReader] = [
            PrometheusMetricReader(
                disable_target_info=True, scope_info_enabled=False, registry=self._registry
            )
        ]
        if metrics_otlp:
            readers.append(_push_reader(metrics_otlp))
        self._meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        self._tracers = _tracers(traces_otlp, resource) if traces_otlp else None
        self._register()

    @property
    def tracer(self) -> Tracer:
        """Where the collector's own spans go; nowhere unless an endpoint is set."""
        return self._tracers.get_tracer("errlock") if self._tracers else NoOpTracer()

    def prometheus(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def shutdown(self) -> None:
        """Push what is left and stop."""
        self._meters.shutdown()
        if self._tracers:
            self._tracers.shutdown()

    def _register(self) -> None:
        meter = self._meters.get_meter("errlock")
        for name in COUNTER_NAMES:
            meter.create_observable_counter(f"errlock_{name}", [self._own(name)])
        for prefix, (name, labels) in _COLLECTOR_NAMES.items():
            for signal in _SIGNALS:
                meter.create_observable_counter(
                    f"{prefix}_{signal}", [self._collectors(name, labels, signal)]
                )
        meter.create_observable_gauge("otelcol_exporter_queue_size", [self._queue("bytes")])
        meter.create_observable_gauge("otelcol_exporter_queue_capacity", [self._queue("capacity")])
        meter.create_observable_gauge(
            "errlock_exporter_queue_documents", [self._queue("documents")]
        )
        meter.create_observable_gauge("errlock_exporter_queue_age_seconds", [self._queue("age")])
        meter.create_observable_counter("otelcol_process_uptime", [self._uptime], unit="s")

    def _own(self, wanted: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            for name, labels, value in self._counters:
                if name == wanted:
                    yield Observation(value, dict(labels))

        return observe

    def _collectors(
        self, wanted: str, kept: tuple[str, ...], signal: str
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterator[Observation]:
            sums: dict[tuple[tuple[str, str], ...], int] = {}
            for name, labels, value in self._counters:
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
            for id_, destination in self._destinations.items():
                status = destination.status()
                value = {
                    "bytes": status.queued_bytes,
                    "capacity": status.capacity_bytes,
                    "documents": status.queued_documents,
                    "age": status.oldest_age,
                }[what]
                yield Observation(value, {"exporter": id_})

        return observe

    def _uptime(self, _options: CallbackOptions) -> Iterator[Observation]:
        yield Observation(time.monotonic() - self._started)


def _push_reader(endpoint: str) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    return PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint, insecure=True))


def _tracers(endpoint: str, resource: Resource) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True))
    )
    return provider
