"""Where errlock's own metrics and traces are pushed to, while nobody there is distrusted.

An exporter of opentelemetry-sdk cannot be told to close its connection and go on later: it is shut
down, and a new one is made when it may push again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

# Whether whoever is at a host may be told anything.
MayTell = Callable[[str], bool]


E = TypeVar("E", MetricExporter, SpanExporter)


class Push(Generic[E]):
    """An exporter, for as long as it may push. Safe to use from every thread."""

    def __init__(self, endpoint: str, make: Callable[[], E], may_tell: MayTell) -> None:
        """`endpoint`: `host:port`, or a URL."""
        url = endpoint if "://" in endpoint else f"//{endpoint}"
        self._host = urlsplit(url).hostname or ""
        self.made: Callable[[], E] = make
        self._may_tell = may_tell
        self._changing = threading.Lock()  # held while there is another exporter, or none
        self._exporter: E | None = None

    def export(self, batch: Any, **options: Any) -> Any:
        """What came of it; None when it was not tried."""
        with self._changing:
            allowed = self._may_tell(self._host)
            if allowed and self._exporter is None:
                self._exporter = self.made()
            exporter = self._exporter
        if not allowed or exporter is None:
            self.close()
            return None
        try:
            return exporter.export(batch, **options)
        except ValueError:  # its channel was closed under it
            return None

    def obey(self) -> None:
        """Close the connection if nothing may be told there any more, under an export as well."""
        if not self._may_tell(self._host):
            self.close()

    def close(self) -> None:
        """Close the connection. Idempotent."""
        with self._changing:
            exporter, self._exporter = self._exporter, None
        if exporter is not None:
            exporter.shutdown()


class PushedMetrics(MetricExporter):
    """Pushes metrics."""

    def __init__(self, push: Push[MetricExporter]) -> None:
        like = push.made()  # by its environment it says how sums are told
        super().__init__(like._preferred_temporality, like._preferred_aggregation)
        self._push = push

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any
    ) -> MetricExportResult:
        """See `MetricExporter.export`."""
        done = self._push.export(metrics_data, timeout_millis=timeout_millis)
        return MetricExportResult.FAILURE if done is None else done

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing waits here."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Close the connection."""
        self._push.close()


class PushedSpans(SpanExporter):
    """Pushes spans."""

    def __init__(self, push: Push[SpanExporter]) -> None:
        self._push = push

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter.export`."""
        done = self._push.export(spans)
        return SpanExportResult.FAILURE if done is None else done

    def shutdown(self) -> None:
        """Close the connection."""
        self._push.close()
