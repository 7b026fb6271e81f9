"""The wrapper for metrics of opentelemetry-sdk: real meters, readers, exporters and servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
from canaries import CANARIES, FRAGMENTS, found_in
from grpc_sink import grpc_sink
from http_sink import http_sink
from live_control import AUDIENCE, KEYS, ControlServer, bundle, online, release
from mask_canaries import MASK, failing, masking
from metered_sink import MeteredSink
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics import Histogram as HistogramInstrument
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from waiting import wait_for
from wire import Wire

from errlock.pipeline.embed import Control, OtelMetricExporter

MakeWire = Callable[[int], Wire]


@contextmanager
def metering(
    exporter: MetricExporter, views: Sequence[View] = (), **attributes: str
) -> Iterator[MeterProvider]:
    resource = Resource({"service.name": "shop", **attributes}, "https://schema.example/1")
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, 3_600_000)],
        resource,
        shutdown_on_exit=False,
        views=views,
    )
    yield provider
    provider.shutdown()


VIEWS = [
    View(instrument_name="time", aggregation=ExponentialBucketHistogramAggregation()),
    View(instrument_name="orders", attribute_keys={"of"}),
]


def measure(provider: MeterProvider, text: str) -> None:
    """Metrics of every kind, the text wherever one can be."""
    meter = provider.get_meter("lib", "1.2", "https://schema.example/2", {"scope": text})
    attributes: dict[str, Any] = {
        "of": text,
        "list": [text, "b"],
        "int": 3,
        "float": 1.5,
        "bool": True,
    }
    orders = meter.create_counter("orders", "1", text)
    size = meter.create_histogram("size", text, "how large")
    duration = meter.create_histogram("time", "ms", "how long")
    meter.create_observable_gauge("load", [lambda _: [Observation(-0.5, attributes)]])
    meter.create_up_down_counter("open").add(-7, attributes)
    with TracerProvider(shutdown_on_exit=False).get_tracer("lib").start_as_current_span("sale"):
        orders.add(0, {"of": text, "who": text})  # who is left to the exemplar
        for amount in (2, 900, 0):
            size.record(amount, attributes)
            duration.record(amount / 7, attributes)


def points_of(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


class Kept(MetricExporter):
    """Keeps what it is given."""

    def __init__(self, result: MetricExportResult = MetricExportResult.SUCCESS) -> None:
        super().__init__()
        self.given: list[MetricsData] = []
        self.timeouts: list[float] = []
        self.result = result

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        self.given.append(metrics_data)
        self.timeouts.append(timeout_millis)
        return self.result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        pass


def collected(text: str) -> MetricsData:
    """What a reader hands to its exporter."""
    kept = Kept()
    with metering(kept, VIEWS) as provider:
        measure(provider, text)
    return kept.given[0]


def test_metrics_reach_the_real_exporter_without_secrets(wire: MakeWire) -> None:
    with http_sink() as port:
        relay = wire(port)
        exporter = OTLPMetricExporter(f"http://127.0.0.1:{relay.port}/v1/metrics")
        wrapped = OtelMetricExporter(exporter, masking())
        with metering(wrapped, VIEWS, **{"process.owner": CANARIES["email"]}) as provider:
            measure(provider, FRAGMENTS["email"])
    assert len(relay.requests) == 1
    assert found_in(relay.views()) == []
    request = ExportMetricsServiceRequest.FromString(relay.requests[0].body)
    (scope,) = request.resource_metrics[0].scope_metrics
    orders = next(metric for metric in scope.metrics if metric.name == "orders")
    clean = f"no account for {MASK}"
    (point,) = orders.sum.data_points
    assert (orders.description, point.attributes[0].value.string_value) == (clean, clean)
    (who,) = point.exemplars[0].filtered_attributes
    assert (who.key, who.value.string_value) == ("who", clean)


def test_clean_metrics_stay_as_they_are() -> None:
    data, kept = collected("nothing to hide"), Kept()
    assert OtelMetricExporter(kept, masking()).export(data, 77) is MetricExportResult.SUCCESS
    assert encode_metrics(kept.given[0]) == encode_metrics(data)
    assert points_of(kept.given[0]) == 5
    assert '"trace_id"' in kept.given[0].to_json()
    assert kept.timeouts == [77]


PREFERENCES: dict[str, Any] = {
    "preferred_temporality": {Counter: AggregationTemporality.DELTA},
    "preferred_aggregation": {HistogramInstrument: ExponentialBucketHistogramAggregation()},
}


def test_readers_do_what_the_exporter_prefers(
    fleet: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_sink() as port, follow(fleet) as control:
        make = partial(OTLPMetricExporter, f"http://127.0.0.1:{port}/v1/metrics", **PREFERENCES)
        for exporter in (
            OtelMetricExporter(make(), masking()),
            OtelMetricExporter(make, masking(), control=control),
            OtelMetricExporter(Kept(), masking(), **PREFERENCES),
        ):
            given: list[MetricsData] = []
            monkeypatch.setattr(
                exporter, "export", lambda data, given=given, **_: given.append(data)
            )
            with metering(exporter) as provider:
                measure(provider, "text")
            (scope,) = given[0].resource_metrics[0].scope_metrics
            data: dict[str, Any] = {metric.name: metric.data for metric in scope.metrics}
            assert data["orders"].aggregation_temporality is AggregationTemporality.DELTA
            assert data["open"].aggregation_temporality is AggregationTemporality.CUMULATIVE
            assert type(data["size"]) is ExponentialHistogram


def test_metrics_that_cannot_be_judged_are_not_exported_and_counted() -> None:
    pipeline, kept = failing(), Kept()
    exporter = OtelMetricExporter(kept, pipeline)
    assert exporter.export(collected(FRAGMENTS["email"])) is MetricExportResult.SUCCESS
    assert kept.given == []
    lost = {"reason": "processor_failed", "type": "data_point"}
    assert pipeline.counters.total("processor_dropped", **lost) == 5


def test_a_point_that_otlp_has_no_room_for_is_dropped_alone() -> None:
    data, kept, pipeline = collected("good"), Kept(), masking()
    points: Any = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    (good,) = points
    bad = [replace(good, attributes={"what": object()}), replace(good, value=2**70)]
    points[:] = [bad[0], good, bad[1]]
    OtelMetricExporter(kept, pipeline).export(data)
    assert points_of(kept.given[0]) == 5
    assert pipeline.counters.total("processor_dropped", reason="broken", type="data_point") == 2


def test_equal_resources_of_what_was_made_anew_lose_no_points() -> None:
    """The SDK's encoder keeps of several equal resources only the last."""
    kept = Kept()
    with metering(kept) as provider:
        for name in ("one", "two"):
            provider.get_meter(name).create_counter("orders").add(1)
    wrapped = Kept()
    OtelMetricExporter(wrapped, masking()).export(kept.given[0])
    (resource,) = encode_metrics(wrapped.given[0]).resource_metrics
    assert [scope.scope.name for scope in resource.scope_metrics] == ["one", "two"]


def test_what_the_exporter_answers_is_answered() -> None:
    failed = OtelMetricExporter(Kept(MetricExportResult.FAILURE), masking())
    assert failed.export(collected("good")) is MetricExportResult.FAILURE


@contextmanager
def follow(fleet: ControlServer) -> Iterator[Control]:
    control = Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS])
    yield control
    control.close()


def test_metrics_of_a_held_destination_wait_and_go_to_the_standby(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    def to(sink: MeteredSink) -> Callable[..., MetricExporter]:
        return partial(OTLPMetricExporter, f"http://127.0.0.1:{sink.port}/v1/metrics")

    fleet.say(held=("otlp",))
    with follow(fleet) as control:
        exporter = OtelMetricExporter(
            to(backend), masking(), control=control, standbys={"otlp/standby": to(other)}
        )
        with metering(exporter) as provider:
            counter = provider.get_meter("lib").create_counter("orders")
            counter.add(1, {"n": "event 1 "})
            provider.force_flush()
            fleet.wait_until_applied()
            assert (backend.received, other.received) == (b"", b"")
            fleet.document = bundle(online(), release(1, {"otlp": time.time()}))
            wait_for(lambda: backend.numbers == [1])
            fleet.say(distrusted=("otlp",), active={"otlp": "otlp/standby"})
            fleet.wait_until_applied()
            wait_for(lambda: backend.ended == 1)
            counter.add(1, {"n": "event 2 "})
    assert (backend.numbers, set(other.numbers)) == ([1], {1, 2})


def test_a_grpc_exporter_follows_too(fleet: ControlServer, wire: MakeWire) -> None:
    """It reads a batch anew for each attempt, and is given one that can be read only if allowed."""
    requests: list[bytes] = []

    def export(request: bytes, _context: grpc.ServicerContext) -> bytes:
        requests.append(request)
        return b""

    with grpc_sink("metrics", export) as port, follow(fleet) as control:
        make = partial(GrpcMetrics, f"http://127.0.0.1:{port}", insecure=True)
        with metering(OtelMetricExporter(make, masking(), control=control)) as provider:
            measure(provider, FRAGMENTS["card"])
    (request,) = requests
    assert found_in([request]) == []
    assert b"orders" in request
