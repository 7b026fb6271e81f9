"""Spans, log records and data points on their way to an exporter: judged, and made anew.

They are read into an OTLP payload, judged as the collector judges them, and written into new SDK
objects from nothing but what came out of that. What could not be judged is left out; the export
counts as done, since the same bytes would fare no better later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from ..errors import BrokenDocument, DropReason, kind_of
from ..payloads.otlp import OtlpRequest
from .judging import expect_pipeline, judging
from .otel_booking import BookedExporter, Books
from .otel_trees import resource_tree, scope_tree

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from ..api import Pipeline
    from ..payloads.document import DocumentType, Payload
    from ..payloads.otlp_signals import Signal
    from .control import Control
    from .ledger import Ledger, Note
    from .otel_booking import Exporter

_T = TypeVar("_T", bound="Record")
_Tree: TypeAlias = dict[str, Any]


class Record(Protocol):
    """A span, a log record, a data point."""

    @property
    def resource(self) -> Resource:
        """What its process says of itself."""

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """What made it."""


@dataclass(frozen=True, slots=True)
class Records(Generic[_T]):
    """A kind of records of the SDK."""

    signal: Signal
    type: DocumentType
    there: Callable[[Sequence[_T]], list[_Tree]]  # of one resource and scope
    back: Callable[[Payload], list[_T]]  # of what is left of a payload
    size_of: Callable[[Sequence[_T]], int]  # bytes, as they are sent
    success: Any  # what an export answers that went well
    taking: Callable[[Any], Exporter[_T]] = lambda exporter: exporter  # batches of them


class Sanitising(Generic[_T]):
    """Between a processor of the SDK and an exporter."""

    def __init__(
        self,
        kind: Records[_T],
        inner: Any,
        pipeline: Pipeline,
        *,
        control: Control | None,
        destination: str,
        operators: Sequence[str],
        standbys: Mapping[str, Callable[..., Any]] | None,
        ledger: Ledger | None,
    ) -> None:
        """See `OtelSpanExporter`."""
        expect_pipeline(pipeline)
        if ledger is not None:
            ledger.expect_ids(destination, *(standbys or {}))
        self._kind: Records[_T] = kind
        self._pipeline = pipeline
        self._destination = destination
        self._books = Books(ledger, pipeline, destination)
        self._inner: Exporter[_T] = self._exporter(inner, control, operators, standbys or {})

    def export(self, records: Sequence[_T], **how: Any) -> Any:
        """Sanitise and export, `how` as the exporter knows it. Success when nothing is left to
        export, and for what waits.
        """
        with judging():
            clean = self._sanitised(records)
        return self._inner.export(clean, **how) if clean else self._kind.success

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._inner.shutdown()
        self._books.flush()

    def force_flush(self, timeout_millis: int) -> bool:
        """Flush the exporter."""
        return self._inner.force_flush(timeout_millis)

    def _exporter(
        self,
        inner: Any,
        control: Control | None,
        operators: Sequence[str],
        standbys: Mapping[str, Callable[..., Any]],
    ) -> Exporter[_T]:
        """The exporter, and booking what it says; or one that follows the control document."""
        if control is None:
            if callable(inner) or standbys:
                raise TypeError("expected an exporter; what makes one, and standbys, need control")
            if not hasattr(inner, "export"):
                raise TypeError(f"expected an exporter to wrap, got {kind_of(inner)}")
            return BookedExporter(self._kind.taking(inner), self._destination, self._books)
        if not callable(inner):
            raise TypeError("with control, expected what makes an exporter, such as its class")
        from .control import Destination
        from .otel_following import FollowingExporter

        there = Destination(self._destination, tuple(operators))
        return FollowingExporter(
            self._making(inner),
            control,
            there,
            {id_: self._making(make) for id_, make in standbys.items()},
            self._books,
            success=self._kind.success,
            size_of=self._kind.size_of,
            lose=lambda records, why: self._count_unsent(len(records), why),
        )

    def _making(self, make: Callable[..., Any]) -> Callable[..., Exporter[_T]]:
        """What makes an exporter of records; whether it takes `session` is still to be seen."""

        @wraps(make)
        def made(**given: Any) -> Exporter[_T]:
            return self._kind.taking(make(**given))

        return made

    def _sanitised(self, records: Sequence[_T]) -> list[_T]:
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
                for payload in self._payloads(group):
                    result = self._pipeline.judge_payload(payload)
                    held = self._books.noted(result)
                    if result.count_alive:
                        self._pipeline.plant(result)
                        clean += self._kind.back(result)
                        notes += held
                    made += len(payload.documents)
            except Exception:  # noqa: BLE001, S110  what nobody judged does not go out: it is counted
                pass
            self._count(len(group) - made)
        self._books.remember(clean, notes)
        return clean

    def _payloads(self, group: Sequence[_T]) -> Iterator[OtlpRequest]:
        """One payload; or, when it holds something that OTLP has no room for, one a record."""
        resource = resource_tree(group[0].resource)
        scope = scope_tree(group[0].instrumentation_scope)
        try:
            trees, now = self._kind.there(group), time.time()
            yield OtlpRequest.from_trees(
                self._kind.signal, resource, scope, trees, project="", received=now
            )
        except BrokenDocument:
            for record in group if len(group) > 1 else ():
                yield from self._payloads([record])

    def _count(self, lost: int) -> None:
        """Count records that could not even be put before the policy."""
        if lost:
            self._books.unjudged(self._kind.type, lost)
            self._pipeline.counters.add(
                "processor_dropped",
                lost,
                pipeline="library",
                processor="embed",
                type=self._kind.type,
                reason="broken",
            )

    def _count_unsent(self, amount: int, reason: DropReason) -> None:
        """Count what waited and could not be sent."""
        self._pipeline.counters.add(
            "exporter_dropped",
            amount,
            exporter=self._destination,
            type=self._kind.type,
            reason=reason,
        )
