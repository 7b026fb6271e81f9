"""Metrics of opentelemetry-sdk on their way to an exporter: taken apart into data points, and put
together again.

A data point is what is judged, counted and lost on its own, as in the collector; the SDK hands over
and exporters take whole trees of them. The way back uses nothing but what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    DataPointT,
    DataT,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..errors import BrokenDocument
from ..payloads.otlp_tree import TreeReader
from .otel_trees import plain, resource_of, scope_of

if TYPE_CHECKING:
    from ..payloads.document import Payload

_Tree = dict[str, Any]

_FIELDS: dict[type, str] = {
    Sum: "sum",
    Gauge: "gauge",
    Histogram: "histogram",
    ExponentialHistogram: "exponential_histogram",
}


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """A data point and what it shares with others: of the metric, not its own list of points."""

    point: DataPointT
    metric: Metric
    instrumentation_scope: InstrumentationScope
    resource: Resource


class PointExporter:
    """Hands data points to an exporter of metrics."""

    def __init__(self, inner: MetricExporter) -> None:
        self._inner = inner

    def export(self, batch: Sequence[MetricPoint], /, **how: Any) -> Any:
        """Export; `how` as `MetricExporter.export` has it."""
        return self._inner.export(data_of(batch), **how)

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporter."""
        return self._inner.force_flush(timeout_millis)


def points_of(data: MetricsData) -> list[MetricPoint]:
    """All data points."""
    return [
        MetricPoint(point, metric, scope.scope, resource.resource)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


def data_of(points: Sequence[MetricPoint]) -> MetricsData:
    """What an exporter takes. The points are gone through each time that it is read, not now."""
    return MetricsData(_Grouped(points))


class _Grouped(Sequence[ResourceMetrics]):
    """Data points by resource, scope and metric.

    Equal resources are one: exporters keep of several only the last.
    """

    def __init__(self, points: Sequence[MetricPoint]) -> None:
        self._points = points

    def __iter__(self) -> Iterator[ResourceMetrics]:
        tree: dict[Resource, dict[InstrumentationScope, dict[int, list[MetricPoint]]]] = {}
        for point in self._points:
            scopes = tree.setdefault(point.resource, {})
            metrics = scopes.setdefault(point.instrumentation_scope, {})
            metrics.setdefault(id(point.metric), []).append(point)
        for resource, scopes in tree.items():
            yield ResourceMetrics(
                resource,
                [
                    ScopeMetrics(
                        scope, list(map(_metric_with, metrics.values())), scope.schema_url or ""
                    )
                    for scope, metrics in scopes.items()
                ],
                resource.schema_url,
            )

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _metric_with(points: Sequence[MetricPoint]) -> Metric:
    metric = points[0].metric
    data: Any = metric.data
    return replace(metric, data=replace(data, data_points=[point.point for point in points]))


def metric_trees(points: Sequence[MetricPoint]) -> list[_Tree]:
    """Metrics with their data, for `OtlpRequest.from_trees`.

    Raises BrokenDocument for what OTLP has no room for.
    """
    groups = [list(group) for _, group in groupby(points, key=lambda each: id(each.metric))]
    return [
        _metric_tree(group[0].metric, [_point_tree(each.point) for each in group])
        for group in groups
    ]


def _metric_tree(metric: Metric, points: list[_Tree]) -> _Tree:
    data: _Tree = {"data_points": points}
    for name in ("aggregation_temporality", "is_monotonic"):
        if hasattr(metric.data, name):
            data[name] = getattr(metric.data, name)
    field = _FIELDS.get(type(metric.data))
    if field is None:
        raise BrokenDocument("a metric has data of a kind that nobody knows")
    texts = {name: plain(getattr(metric, name)) for name in ("name", "description", "unit")}
    return {**texts, field: data}


def _point_tree(point: DataPointT) -> _Tree:
    tree: _Tree = {
        "attributes": plain(point.attributes or {}),
        "start_time_unix_nano": point.start_time_unix_nano,
        "time_unix_nano": point.time_unix_nano,
        "exemplars": [_exemplar_tree(each) for each in point.exemplars],
    }
    if isinstance(point, NumberDataPoint):
        return {**tree, **_number(point.value)}
    tree |= {name: getattr(point, name) for name in ("count", "sum", "min", "max")}
    if isinstance(point, HistogramDataPoint):
        bounds = {"explicit_bounds": list(point.explicit_bounds)}
        return {**tree, "bucket_counts": list(point.bucket_counts), **bounds}
    tree |= {name: getattr(point, name) for name in ("scale", "zero_count", "flags")}
    return {
        **tree,
        "positive": _buckets_tree(point.positive),
        "negative": _buckets_tree(point.negative),
    }


def _number(value: float) -> _Tree:
    return {"as_int" if isinstance(value, int) else "as_double": value}


def _buckets_tree(buckets: Buckets) -> _Tree:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts)}


def _exemplar_tree(exemplar: Exemplar) -> _Tree:
    return {
        "filtered_attributes": plain(exemplar.filtered_attributes or {}),
        "time_unix_nano": exemplar.time_unix_nano,
        "span_id": f"{exemplar.span_id:016x}" if exemplar.span_id is not None else None,
        "trace_id": f"{exemplar.trace_id:032x}" if exemplar.trace_id is not None else None,
        **_number(exemplar.value),
    }


def metric_points_of(payload: Payload) -> list[MetricPoint]:
    """SDK objects of what is left of a payload, made of what goes out of it."""
    request = ExportMetricsServiceRequest.FromString(payload.encode())
    points = []
    for resource_metrics in request.resource_metrics:
        resource = resource_of(_around(resource_metrics, resource_metrics.resource))
        for scope_metrics in resource_metrics.scope_metrics:
            scope = scope_of(_around(scope_metrics, scope_metrics.scope))
            for message in scope_metrics.metrics:
                metric, found = _metric(message)
                points += [MetricPoint(point, metric, scope, resource) for point in found]
    return points


def _around(message: Any, inner: Any) -> _Tree:
    return {**TreeReader().message(inner), "schema_url": message.schema_url}


def _metric(message: Any) -> tuple[Metric, list[DataPointT]]:
    """A metric without its data points, and those."""
    field = message.WhichOneof("data")
    data = getattr(message, field)
    points = [_POINTS[field](TreeReader().message(point)) for point in data.data_points]
    metric = Metric(message.name, message.description, message.unit, _data(field, data))
    return metric, points


def _data(field: str, message: Any) -> DataT:
    if field == "gauge":
        return Gauge([])
    temporality = AggregationTemporality(message.aggregation_temporality)
    if field == "sum":
        return Sum([], temporality, message.is_monotonic)
    return (
        Histogram([], temporality)
        if field == "histogram"
        else ExponentialHistogram([], temporality)
    )


def _point(tree: _Tree) -> _Tree:
    """What points of every kind have."""
    return {
        "attributes": tree.get("attributes", {}),
        "start_time_unix_nano": tree.get("start_time_unix_nano", 0),
        "time_unix_nano": tree.get("time_unix_nano", 0),
        "exemplars": [_exemplar(each) for each in tree.get("exemplars", ())],
    }


def _number_point(tree: _Tree) -> NumberDataPoint:
    return NumberDataPoint(**_point(tree), value=_value(tree))


def _statistics(tree: _Tree) -> _Tree:
    return {
        "count": tree.get("count", 0),
        **{name: tree.get(name) for name in ("sum", "min", "max")},
    }


def _histogram_point(tree: _Tree) -> HistogramDataPoint:
    return HistogramDataPoint(
        **_point(tree),
        **_statistics(tree),
        bucket_counts=tree.get("bucket_counts", []),
        explicit_bounds=tree.get("explicit_bounds", []),
    )


def _exponential_point(tree: _Tree) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        **_point(tree),
        **_statistics(tree),
        scale=tree.get("scale", 0),
        zero_count=tree.get("zero_count", 0),
        flags=tree.get("flags", 0),
        positive=_buckets(tree.get("positive", {})),
        negative=_buckets(tree.get("negative", {})),
    )


_POINTS: dict[str, Callable[[_Tree], DataPointT]] = {
    "sum": _number_point,
    "gauge": _number_point,
    "histogram": _histogram_point,
    "exponential_histogram": _exponential_point,
}


def _buckets(tree: _Tree) -> Buckets:
    return Buckets(tree.get("offset", 0), tree.get("bucket_counts", []))


def _exemplar(tree: _Tree) -> Exemplar:
    ids = {name: int(tree[name], 16) if name in tree else None for name in ("span_id", "trace_id")}
    return Exemplar(
        tree.get("filtered_attributes", {}), _value(tree), tree.get("time_unix_nano", 0), **ids
    )


def _value(tree: Mapping[str, Any]) -> float:
    """Raises KeyError where the policy took the number out: the SDK knows no point without one."""
    value: float = tree["as_int"] if "as_int" in tree else tree["as_double"]
    return value
