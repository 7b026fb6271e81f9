"""Spans of errlock's own work: judging a payload, and each attempt to deliver one.

Their attributes are ids of components, types and counts: never a name or value of a payload.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind, Status, StatusCode

from ..component import Delivered, Exporter, Receipt, Sink
from ..errors import ExportFailed, RefusedPayload
from ..payloads.document import DocumentType, Payload, Protocol

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue


@contextmanager
def _span(tracer: Tracer, name: str, kind: SpanKind, payload: Payload, id_: str) -> Iterator[Span]:
    """A span around work of component `id_` on a payload; a failure is told by its kind only."""
    types = payload.types
    attributes: dict[str, AttributeValue] = {
        "errlock.component": id_,
        "errlock.protocol": payload.protocol,
        "errlock.bytes": payload.size,
        **{f"errlock.documents.{type_}": amount for type_, amount in types.items()},
    }
    with tracer.start_as_current_span(
        name, None, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except (ExportFailed, RefusedPayload) as failure:
            what = failure.kind if isinstance(failure, ExportFailed) else failure.reason
            span.set_status(Status(StatusCode.ERROR, what))
            raise


class TracedSink:
    """A sink with a span around it."""

    def __init__(self, sink: Sink, receiver: str, tracer: Tracer) -> None:
        self._sink = sink
        self._receiver = receiver
        self._tracer = tracer

    async def accept(self, payload: Payload) -> Receipt:
        """See `Sink.accept`."""
        name, id_ = "errlock.accept", self._receiver
        with _span(self._tracer, name, SpanKind.INTERNAL, payload, id_) as span:
            receipt = await self._sink.accept(payload)
            span.set_attribute("errlock.accepted", receipt.accepted)
            return receipt


class TracedExporter(Exporter):
    """An exporter with a span around each attempt."""

    def __init__(self, exporter: Exporter, id_: str, tracer: Tracer) -> None:
        self._exporter = exporter
        self._id = id_
        self._tracer = tracer

    @property
    def accepts(self) -> Sequence[Protocol]:  # type: ignore[override]  # of the one inside
        """See `Exporter`."""
        return self._exporter.accepts

    @property
    def supported(self) -> frozenset[DocumentType] | None:  # type: ignore[override]  # as above
        """See `Exporter`."""
        return self._exporter.supported

    async def start(self) -> None:
        """See `Exporter.start`."""
        await self._exporter.start()

    async def export(self, payload: Payload) -> Delivered:
        """See `Exporter.export`."""
        name, id_ = "errlock.export", self._id
        with _span(self._tracer, name, SpanKind.CLIENT, payload, id_) as span:
            delivered = await self._exporter.export(payload)
            span.set_attribute("errlock.accepted", delivered.accepted)
            return delivered

    def abort(self) -> None:
        """See `Exporter.abort`."""
        self._exporter.abort()

    async def stop(self) -> None:
        """See `Exporter.stop`."""
        await self._exporter.stop()
