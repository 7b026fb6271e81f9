"""Wrappers that sanitise what opentelemetry-sdk exports before its exporter gets it.

    BatchSpanProcessor(OtelSpanExporter(OTLPSpanExporter(), pipeline))
    BatchLogRecordProcessor(OtelLogExporter(OTLPLogExporter(), pipeline))

With `control`, what makes the exporter is passed instead of an exporter:

    OtelSpanExporter(OTLPSpanExporter, pipeline, control=control, destination="otlp")

Then it exports only while the fleet's control document trusts `destination`. `standbys` make
exporters to backends of your own, by id, that the control document may choose from while the
destination is not trusted. What cannot be sent waits in memory, within `control.queue_size`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from .otel_sanitising import Records, Sanitising
from .otel_trees import log_of, log_tree, records_of, span_of, span_tree

if TYPE_CHECKING:
    from ..api import Pipeline
    from .control import Control
    from .ledger import Ledger


class OtelSpanExporter(SpanExporter):
    """Sanitises spans and passes them to `inner`."""

    def __init__(
        self,
        inner: SpanExporter | Callable[..., SpanExporter],
        pipeline: Pipeline,
        *,
        control: Control | None = None,
        destination: str = "otlp",
        operators: Sequence[str] = (),
        standbys: Mapping[str, Callable[..., SpanExporter]] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """`operators`: the domains of who runs the destination. With `ledger`, it is booked what
        the destination (and standbys) got. Raises TypeError, ValueError.
        """
        self._way = Sanitising(
            _SPANS, inner, pipeline, control=control, destination=destination,
            operators=operators, standbys=standbys, ledger=ledger,
        )  # fmt: skip

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sanitise and export. SUCCESS when nothing is left to export, and for what waits."""
        result: SpanExportResult = self._way.export(spans)
        return result

    def shutdown(self) -> None:
        """Shut `inner` down."""
        self._way.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush `inner`."""
        return self._way.force_flush(timeout_millis)


class OtelLogExporter(LogRecordExporter):
    """Sanitises log records and passes them to `inner`."""

    def __init__(
        self,
        inner: LogRecordExporter | Callable[..., LogRecordExporter],
        pipeline: Pipeline,
        *,
        control: Control | None = None,
        destination: str = "otlp",
        operators: Sequence[str] = (),
        standbys: Mapping[str, Callable[..., LogRecordExporter]] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """As `OtelSpanExporter`."""
        self._way = Sanitising(
            _LOGS, inner, pipeline, control=control, destination=destination,
            operators=operators, standbys=standbys, ledger=ledger,
        )  # fmt: skip

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Sanitise and export. SUCCESS when nothing is left to export, and for what waits.

        errlock's own log is left out: telling of a failure here would make the next one.
        """
        others = [record for record in batch if not _is_own(record)]
        result: LogRecordExportResult = self._way.export(others)
        return result

    def shutdown(self) -> None:
        """Shut `inner` down."""
        self._way.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush `inner`."""
        return self._way.force_flush(timeout_millis)


def _size_of_spans(spans: Sequence[ReadableSpan]) -> int:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return encode_spans(spans).ByteSize()


def _size_of_logs(records: Sequence[ReadableLogRecord]) -> int:
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

    return encode_logs(records).ByteSize()


def _is_own(record: ReadableLogRecord) -> bool:
    """Whether errlock logged it: the SDK's logging handler names the scope after the logger."""
    scope = record.instrumentation_scope
    return scope is not None and f"{scope.name}.".startswith("errlock.")


_SPANS = Records(
    signal="traces",
    type="otlp_span",
    there=lambda spans: [span_tree(span) for span in spans],
    back=lambda payload: records_of(payload, span_of),
    size_of=_size_of_spans,
    success=SpanExportResult.SUCCESS,
)
_LOGS = Records(
    signal="logs",
    type="log_record",
    there=lambda records: [log_tree(record) for record in records],
    back=lambda payload: records_of(payload, log_of),
    size_of=_size_of_logs,
    success=LogRecordExportResult.SUCCESS,
)
