"""Books what opentelemetry-sdk's exporters really send, by what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...delivery.losses import lost_by_reason

if TYPE_CHECKING:
    from ..api import Pipeline
    from ..errors import DropReason
    from ..payloads.document import DocumentType, Payload
    from .ledger import Ledger, Note

T_contra = TypeVar("T_contra", contravariant=True)


class Exporter(Protocol[T_contra]):
    """What exporters of spans, of log records and of data points have in common."""

    def export(self, batch: Sequence[T_contra], /, **how: Any) -> Any:
        """Send; the result is an enum with SUCCESS."""

    def shutdown(self) -> Any:
        """Close connections; never used again."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what is buffered."""


class Books:
    """What batches that wait or are under way hold, for the account. Without a ledger: nothing."""

    def __init__(self, ledger: Ledger | None, pipeline: Pipeline, destination: str) -> None:
        """Has the pipeline note what it finds. What does not leave would have gone to
        `destination`. Safe from every thread. Raises ValueError.
        """
        self._ledger = ledger
        self._pipeline = pipeline
        self._destination = destination
        self._notes: dict[int, Sequence[Note]] = {}  # by identity of the batch
        if ledger is not None:
            ledger.keep_account_of(pipeline)

    def noted(self, payload: Payload) -> list[Note]:
        """What a sanitised payload holds. What is lost in it is booked."""
        if self._ledger is None:
            return []
        note = self._ledger.note(self._pipeline, payload)
        self._ledger.withhold(self._destination, note, lost_by_reason(payload))
        return [note] if note.documents else []

    def unjudged(self, type_: DocumentType, amount: int) -> None:
        """Book records that could not even be put before the policy."""
        if self._ledger is not None:
            note = self._ledger.note(self._pipeline, None)
            self._ledger.withhold(self._destination, note, {(type_, "broken"): amount})

    def withhold(self, batch: Sequence[object], reason: DropReason) -> None:
        """Book that a batch does not leave, unless an attempt was booked that may have sent it."""
        for note in self.forget(batch):
            assert self._ledger is not None
            lost = {(type_, reason): count for type_, count in note.documents.items()}
            self._ledger.withhold(self._destination, note, lost)

    def remember(self, batch: Sequence[object], notes: Sequence[Note]) -> None:
        """That a batch holds this, for as long as nobody knows what became of it."""
        if notes:
            self._notes[id(batch)] = notes

    def sent(self, destination: str, batch: Sequence[object], *, arrived: bool) -> None:
        """Book an attempt: a batch arrived, or nobody knows."""
        for note in self.forget(batch):
            assert self._ledger is not None
            if arrived:
                self._ledger.book(destination, note)
            else:
                self._ledger.book(destination, note, "perhaps", "retries_exhausted")

    def forget(self, batch: Sequence[object]) -> Sequence[Note]:
        """A batch that is gone."""
        return self._notes.pop(id(batch), ())

    def flush(self) -> None:
        """Hand over: there is an end."""
        if self._ledger is not None:
            self._ledger.flush()


def has_arrived(result: Any) -> bool:
    """Whether an exporter's answer says so. Processors of the SDK do not mind one without any."""
    return getattr(result, "name", None) == "SUCCESS"


class BookedExporter:
    """An exporter whose answers are booked."""

    def __init__(self, inner: Exporter[Any], destination: str, books: Books) -> None:
        self._inner = inner
        self._destination = destination
        self._books = books

    def export(self, batch: Sequence[Any], /, **how: Any) -> Any:
        """See `Exporter.export`."""
        arrived = False
        try:
            result = self._inner.export(batch, **how)
            arrived = has_arrived(result)
        finally:
            self._books.sent(self._destination, batch, arrived=arrived)
        return result

    def shutdown(self) -> Any:
        """See `Exporter.shutdown`."""
        return self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """See `Exporter.force_flush`."""
        return self._inner.force_flush(timeout_millis)
