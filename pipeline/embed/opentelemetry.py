"""Wrappers that sanitise what opentelemetry-sdk exports before its exporter gets it.

    BatchSpanProcessor(OtelSpanExporter(OTLPSpanExporter(), pipeline))
    BatchLogRecordProcessor(OtelLogExporter(OTLPLogExporter(), pipeline))

Spans and log records are read into an OTLP payload, judged as the collector judges them, and
written into new SDK objects from nothing but what came out of that. What could not be judged is
left out; the export counts as done, since the same bytes would fare no better later.

With `control`, what makes the exporter is passed instead of an exporter:

    OtelSpanExporter(OTLPSpanExporter, pipeline, control=control, destination="otlp")

Then it exports only while the fleet's control document trusts `destination`. `standbys` make
exporters to backends of your own, by id, that the control document may choose from while the
destination is not trusted. What cannot be sent waits in memory, within `control.queue_size`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..errors import BrokenDocument, DropReason
from ..payloads.otlp import OtlpRequest
from .judging import judging
from .otel_booking import BookedExporter, Books
from .otel_trees import (
    log_of,
    log_tree,
    resource_of,
    resource_tree,
    scope_of,
    scope_tree,
    span_of,
    span_tree,
)

if TYPE_CHECKING:
    from ..api import Pipeline
    from ..payloads.document import Document, DocumentType
    from .control import Control
    from .ledger import Ledger, Note
    from .otel_booking import Exporter

_T = TypeVar("_T", ReadableSpan, ReadableLogRecord)
_Tree: TypeAlias = dict[str, Any]
_Back: TypeAlias = Callable[[_Tree, Resource, InstrumentationScope], _T]


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
        _check_ids(ledger, destination, *(standbys or {}))
        self._pipeline = pipeline
        self._destination = destination
        self._books = Books(ledger, pipeline, destination)
        self._inner: Exporter[ReadableSpan] = _inner(
            inner,
            control,
            destination,
            operators,
            standbys or {},
            self._books,
            success=SpanExportResult.SUCCESS,
            size_of=_size_of_spans,
            lose=lambda spans, why: _count_unsent(
                pipeline, destination, "otlp_span", len(spans), why
            ),
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sanitise and export. SUCCESS when nothing is left to export, and for what waits."""
        with judging():
            clean = _sanitised(self._pipeline, "traces", spans, span_tree, span_of, self._books)
        return self._inner.export(clean) if clean else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Shut `inner` down."""
        self._inner.shutdown()
        self._books.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush `inner`."""
        return self._inner.force_flush(timeout_millis)


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
        """`operators`: the domains of who runs the destination. With `ledger`, it is booked what
        the destination (and standbys) got. Raises TypeError, ValueError.
        """
        _check_ids(ledger, destination, *(standbys or {}))
        self._pipeline = pipeline
        self._destination = destination
        self._books = Books(ledger, pipeline, destination)
        self._inner: Exporter[ReadableLogRecord] = _inner(
            inner,
            control,
            destination,
            operators,
            standbys or {},
            self._books,
            success=LogRecordExportResult.SUCCESS,
            size_of=_size_of_logs,
            lose=lambda records, why: _count_unsent(
                pipeline, destination, "log_record", len(records), why
            ),
        )

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Sanitise and export. SUCCESS when nothing is left to export, and for what waits.

        errlock's own log is left out: telling of a failure here would make the next one.
        """
        others = [record for record in batch if not _is_own(record)]
        with judging():
            clean = _sanitised(self._pipeline, "logs", others, log_tree, log_of, self._books)
        return self._inner.export(clean) if clean else LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Shut `inner` down."""
        self._inner.shutdown()
        self._books.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush `inner`."""
        return self._inner.force_flush(timeout_millis)


def _inner(
    inner: Any,
    control: Control | None,
    destination: str,
    operators: Sequence[str],
    standbys: Mapping[str, Callable[..., Any]],
    books: Books,
    **more: Any,
) -> Exporter[Any]:
    """The exporter, and booking what it says; or one that follows the control document."""
    if control is None:
        if callable(inner) or standbys:
            raise TypeError("expected an exporter; what makes one, and standbys, need control")
        return BookedExporter(inner, destination, books)
    if not callable(inner):
        raise TypeError("with control, expected what makes an exporter, such as its class")
    from .control import Destination
    from .otel_following import FollowingExporter

    there = Destination(destination, tuple(operators))
    return FollowingExporter(inner, control, there, standbys, books, **more)


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


def _sanitised(
    pipeline: Pipeline,
    signal: Literal["logs", "traces"],
    records: Sequence[_T],
    there: Callable[[_T], _Tree],
    back: _Back[_T],
    books: Books,
) -> list[_T]:
    """What is left of the records; those of one resource and scope are judged together."""
    notes: list[Note] = []
    groups: dict[tuple[int, int], list[_T]] = {}
    for record in records:
        key = id(record.resource), id(record.instrumentation_scope)
        groups.setdefault(key, []).append(record)
    clean: list[_T] = []
    for group in groups.values():
        made = 0
        try:
            for payload in _payloads(signal, group, there):
                made += len(payload.documents)
                result = pipeline.judge_payload(payload)
                held = books.noted(result)
                if result.count_alive:
                    pipeline.plant(result)
                    clean += _records(result.alive, back)
                    notes += held
        except Exception:  # noqa: BLE001  whatever it is: what nobody judged does not go out
            made = 0
        _count(pipeline, signal, len(group) - made, books)
    books.remember(clean, notes)
    return clean


def _check_ids(ledger: Ledger | None, *destinations: str) -> None:
    """Raises ValueError for what cannot be accounted for."""
    if ledger is not None:
        from .ledger import checked_destination

        for id_ in destinations:
            checked_destination(id_)


def _payloads(
    signal: Literal["logs", "traces"], group: Sequence[_T], there: Callable[[_T], _Tree]
) -> Iterator[OtlpRequest]:
    """One payload; or, when it holds something that OTLP has no room for, one a record."""
    resource = resource_tree(group[0].resource)
    scope = scope_tree(group[0].instrumentation_scope)
    now = time.time()
    try:
        yield OtlpRequest.from_trees(
            signal, resource, scope, [there(record) for record in group], project="", received=now
        )
    except BrokenDocument:
        for record in group if len(group) > 1 else ():
            yield from _payloads(signal, [record], there)


def _records(documents: Iterable[Document], back: _Back[_T]) -> list[_T]:
    """SDK objects of documents; those of one resource share it, as exporters expect."""
    resources: dict[int, Resource] = {}
    scopes: dict[int, InstrumentationScope] = {}
    records = []
    for document in documents:
        scope, resource = document.parents
        if id(resource) not in resources:
            resources[id(resource)] = resource_of(_tree(resource))
        if id(scope) not in scopes:
            scopes[id(scope)] = scope_of(_tree(scope))
        records.append(back(_tree(document), resources[id(resource)], scopes[id(scope)]))
    return records


def _tree(document: Document) -> _Tree:
    tree = document.tree
    assert isinstance(tree, dict)
    return tree


def _count(pipeline: Pipeline, signal: Literal["logs", "traces"], lost: int, books: Books) -> None:
    """Count records that could not even be put before the policy."""
    if lost:
        type_: DocumentType = "otlp_span" if signal == "traces" else "log_record"
        books.unjudged(type_, lost)
        pipeline.counters.add(
            "processor_dropped",
            lost,
            pipeline="library",
            processor="embed",
            type=type_,
            reason="broken",
        )


def _count_unsent(
    pipeline: Pipeline, destination: str, type_: str, amount: int, reason: DropReason
) -> None:
    """Count what waited and could not be sent."""
    pipeline.counters.add(
        "exporter_dropped", amount, exporter=destination, type=type_, reason=reason
    )
