"""Exporters of opentelemetry-sdk that follow a control document: where to send, and what waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from ...policy.forks import in_children
from ..errors import DropReason
from .control import Control, Destination
from .otel_booking import Books, has_arrived
from .otel_outlet import Make, NotAllowed, Outlet
from .waiting import Waiting

_log = logging.getLogger("errlock.embed")

_LAST_CHANCE_MILLIS = 5000
_MOMENT = 2.0  # seconds

T = TypeVar("T")


class _Here(threading.local):
    """Whether this very thread is sending."""

    sending = False


class FollowingExporter(Generic[T]):
    """Exports batches where the control document lets it, and keeps what has to wait."""

    def __init__(
        self,
        make: Make,
        control: Control,
        destination: Destination,
        standbys: Mapping[str, Make],
        books: Books,
        *,
        success: Any,
        size_of: Callable[[Sequence[T]], int],
        lose: Callable[[Sequence[T], DropReason], None],
    ) -> None:
        """`success` is what is said of what waits; `lose` is told of what does no more, and
        `books` of what was sent where.
        """
        others = [Destination(id_) for id_ in standbys]
        self._control = control
        self._books = books
        self._success = success
        self._size_of = size_of
        self._tell_lost = lose
        self._waiting: Waiting[Sequence[T]] = Waiting(
            control, destination, others, lambda batch: self._lose(batch, "queue_full")
        )
        self._outlets: dict[str, Outlet[T]] = {
            id_: Outlet(each, self._permission(id_))
            for id_, each in {destination.id: make, **standbys}.items()
        }
        self._here = _Here()
        self._draining = threading.Lock()
        self._patient = True
        control.subscribe(self._obey)
        in_children(self, lambda exporter: exporter.start_anew())

    def start_anew(self) -> None:
        """Begin with nothing after a fork."""
        self._here = _Here()
        self._draining = threading.Lock()
        self._patient = True
        self._waiting.start_anew()
        for outlet in self._outlets.values():
            outlet.start_anew()

    def _permission(self, id_: str) -> Callable[[], bool]:
        return lambda: self._waiting.target == id_

    def export(self, batch: Sequence[T], /, **_how: Any) -> Any:
        """Send, or keep: what may wait for hours has no use for a caller's time-out."""
        if self._here.sending:
            # A signal's handler in the middle of an export: that one's thread sends it later.
            self._waiting.keep(batch, self._size_of(batch))
            return self._success
        self._wait_for_word()
        target = self._waiting.target
        if target is not None and not len(self._waiting):
            try:
                with self._sending_here():
                    result = self._sent(target, batch)
            except NotAllowed:
                pass
            else:
                if len(self._waiting):
                    self._drain()
                return result
        self._waiting.keep(batch, self._size_of(batch))
        self._drain()
        return self._success

    @contextmanager
    def _sending_here(self) -> Iterator[None]:
        self._here.sending = True
        try:
            yield
        finally:
            self._here.sending = False

    def _wait_for_word(self) -> None:
        """Give the control document a moment, once each time that it is missing or too old.

        Processors flush by exporting and do not ask again.
        """
        deadline = time.monotonic() + _MOMENT
        while self._patient and self._waiting.target is None and time.monotonic() < deadline:
            if self._waiting.is_decided:
                break
            time.sleep(0.01)
        self._patient = self._waiting.is_decided

    def _drain(self, until: float | None = None) -> None:
        """Send what waits, as long as that is allowed, and begin nothing after `until` (monotonic
        seconds); returns when nobody sends of it any more, or then.
        """
        if self._here.sending:
            return
        seconds = -1 if until is None else max(0.0, until - time.monotonic())
        with self._sending_here():
            if self._draining.acquire(timeout=seconds):
                try:
                    self._send_what_waits(until)
                finally:
                    self._draining.release()

    def _sent(self, target: str, batch: Sequence[T]) -> Any:
        """See `Outlet.export`; what came of it is booked."""
        try:
            result = self._outlets[target].export(batch)
        except NotAllowed:
            raise
        except Exception:
            self._books.sent(target, batch, arrived=False)
            raise
        self._books.sent(target, batch, arrived=has_arrived(result))
        return result

    def _lose(self, batch: Sequence[T], why: DropReason) -> None:
        self._books.withhold(batch, why)
        self._tell_lost(batch, why)

    def _send_what_waits(self, until: float | None) -> None:
        while (target := self._waiting.target) is not None:
            if until is not None and time.monotonic() >= until:
                return
            batch = self._waiting.take(target)
            if batch is None:
                return
            try:
                result = self._sent(target, batch)
            except NotAllowed:
                self._waiting.keep(batch, self._size_of(batch))
            except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
                _log.warning("an exporter failed with %s", type(failure).__name__)
                self._lose(batch, "retries_exhausted")
            else:
                if not has_arrived(result):
                    self._lose(batch, "retries_exhausted")

    def _obey(self) -> None:
        """The control document says something else now."""
        for id_ in self._waiting.distrusted:
            self._outlets[id_].cut()
        if len(self._waiting) and self._waiting.target is not None:
            threading.Thread(target=self._drain_apart, name="errlock-resume", daemon=True).start()

    def _drain_apart(self) -> None:
        """Do not wait for the next batch, and do not hold up following."""
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            self._drain()
        finally:
            detach(token)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what may be sent; False when something still has to wait."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._drained(deadline) > 0 and (left := deadline - time.monotonic()) > 0:
            if self._waiting.is_decided and self._waiting.target is None:
                break
            time.sleep(min(0.01, left))
        flushed = [
            outlet.force_flush(max(0, int(1000 * (deadline - time.monotonic()))))
            for outlet in self._outlets.values()
        ]
        return not len(self._waiting) and all(flushed)

    def _drained(self, until: float) -> int:
        """Send what waits; how much still does."""
        self._drain(until)
        return len(self._waiting)

    def shutdown(self) -> None:
        """Send what may be sent, then close; what still waits is lost."""
        self.force_flush(_LAST_CHANCE_MILLIS)
        self._control.unsubscribe(self._obey)
        for batch in self._waiting.rest():  # first: else who sends of it just now goes on
            self._lose(batch, "shutdown")
        for outlet in self._outlets.values():
            outlet.close()
