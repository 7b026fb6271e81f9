"""The wrapper that sanitises metrics of opentelemetry-sdk before their exporter gets them.

    PeriodicExportingMetricReader(OtelMetricExporter(OTLPMetricExporter(), pipeline))

In a module of its own, as who has spans and logs only need not import all of metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import Aggregation

from .otel_metrics import (
    MetricPoint,
    PointExporter,
    data_of,
    metric_points_of,
    metric_trees,
    points_of,
)
from .otel_sanitising import Records, Sanitising

if TYPE_CHECKING:
    from ..api import Pipeline
    from .control import Control
    from .ledger import Ledger


class OtelMetricExporter(MetricExporter):
    """Sanitises metrics and passes them to `inner`."""

    def __init__(
        self,
        inner: MetricExporter | Callable[..., MetricExporter],
        pipeline: Pipeline,
        *,
        control: Control | None = None,
        destination: str = "otlp",
        operators: Sequence[str] = (),
        standbys: Mapping[str, Callable[..., MetricExporter]] | None = None,
        ledger: Ledger | None = None,
        preferred_temporality: dict[type, AggregationTemporality] | None = None,
        preferred_aggregation: dict[type, Aggregation] | None = None,
    ) -> None:
        """As `OtelSpanExporter`. The preferences are those of `inner` unless given: readers ask for
        them at once, so with `control` one exporter is made and closed only to know them.
        """
        self._way = Sanitising(
            _METRICS, inner, pipeline, control=control, destination=destination,
            operators=operators, standbys=standbys, ledger=ledger,
        )  # fmt: skip
        if preferred_temporality is None or preferred_aggregation is None:
            temporality, aggregation = _preferences(inner)
            preferred_temporality = preferred_temporality or temporality
            preferred_aggregation = preferred_aggregation or aggregation
        super().__init__(preferred_temporality, preferred_aggregation)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Sanitise and export. SUCCESS when nothing is left to export, and for what waits."""
        points = points_of(metrics_data)
        result: MetricExportResult = self._way.export(
            points, timeout_millis=timeout_millis, **kwargs
        )
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shut `inner` down."""
        self._way.shutdown()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush `inner`."""
        return self._way.force_flush(int(timeout_millis))


def _preferences(
    inner: MetricExporter | Callable[..., MetricExporter],
) -> tuple[dict[type, AggregationTemporality] | None, dict[type, Aggregation] | None]:
    """What an exporter would have readers do, as `PeriodicExportingMetricReader` asks it."""
    exporter = inner() if callable(inner) else inner
    try:
        return exporter._preferred_temporality, exporter._preferred_aggregation
    finally:
        if exporter is not inner:
            exporter.shutdown()


def _size_of_metrics(points: Sequence[MetricPoint]) -> int:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    return encode_metrics(data_of(points)).ByteSize()


_METRICS = Records(
    signal="metrics",
    type="data_point",
    there=metric_trees,
    back=metric_points_of,
    size_of=_size_of_metrics,
    success=MetricExportResult.SUCCESS,
    taking=PointExporter,
)
