"""The way of an application that follows to one destination, over an exporter of opentelemetry-sdk.

An exporter of the SDK cannot be told to close its connections and go on later: it is shut down,
and a new one is made when its destination is trusted again. So what makes exporters is passed,
and not an exporter.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .connections import Connections
from .otel_booking import Exporter, has_arrived

if TYPE_CHECKING:
    from requests import Response, Session

_log = logging.getLogger("errlock.embed")

T = TypeVar("T")
# Makes an exporter. One that takes `session` (OTLP over HTTP) is given one.
Make = Callable[..., Any]


class NotAllowed(Exception):  # noqa: N818  a word of the control document
    """It stopped an attempt. What was to be sent has to wait."""


class _Readable(list[T]):
    """A batch that is read only while it may be sent. OTLP over gRPC reads it for each attempt."""

    def __init__(self, batch: Sequence[T], allowed: Callable[[], bool]) -> None:
        super().__init__(batch)
        self._allowed = allowed

    def __iter__(self) -> Iterator[T]:
        """Raises NotAllowed."""
        if not self._allowed():
            raise NotAllowed
        return super().__iter__()


class Outlet(Generic[T]):
    """The way to one destination: an exporter while that is trusted, and its connections."""

    def __init__(self, make: Make, allowed: Callable[[], bool]) -> None:
        self._make = make
        self._allowed = allowed
        self.start_anew()

    def start_anew(self) -> None:
        """Forget exporter and connections: they belong to the process before a fork."""
        self._sending = threading.Lock()  # exporters need not be safe to use from two threads
        self._exporter: Exporter[T] | None = None
        self._connections = Connections(self._allowed)

    def export(self, batch: Sequence[T]) -> Any:
        """Make an attempt. Raises NotAllowed, and else as exporters do."""
        with self._sending:
            exporter = self._exporter
            if exporter is None and self._allowed():
                exporter = self._exporter = self._made()
            # Only now: whoever cuts finds the exporter, or this finds that it is not allowed.
            if exporter is None or not self._allowed():
                raise NotAllowed
            try:
                result = exporter.export(_Readable(batch, self._allowed))
            except Exception:
                if self._allowed():
                    raise
                raise NotAllowed from None
        if not has_arrived(result) and not self._allowed():
            raise NotAllowed
        return result

    def cut(self) -> None:
        """Reset every connection, under an export as well; the next one needs a new exporter.

        How that one takes being shut down is not waited for: others are to be cut off, too.
        """
        exporter, self._exporter = self._exporter, None
        self._connections.cut()
        if exporter is not None:
            apart = threading.Thread(target=_shut_down, args=[exporter], daemon=True)
            try:
                apart.start()
            except RuntimeError:  # there are too many, or the interpreter ends
                _shut_down(exporter)

    def close(self) -> None:
        """As `cut`, and wait for the exporter."""
        exporter, self._exporter = self._exporter, None
        self._connections.cut()
        if exporter is not None:
            _shut_down(exporter)

    def force_flush(self, timeout_millis: int) -> bool:
        """Flush the exporter if there is one."""
        exporter = self._exporter
        return exporter is None or exporter.force_flush(timeout_millis)

    def _made(self) -> Exporter[T]:
        takes_session = "session" in inspect.signature(self._make).parameters
        made: Exporter[T] = (
            self._make(session=_session(self._connections)) if takes_session else self._make()
        )
        return made


def _shut_down(exporter: Exporter[Any]) -> None:
    try:
        exporter.shutdown()
    except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
        _log.warning("an exporter did not shut down: %s", type(failure).__name__)


def _session(connections: Connections) -> Session:
    """A session of requests that follows no redirect, and whose connections can be cut."""
    from requests import Session
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            connections.manage(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **options)
            if is_new:
                connections.manage(manager)
            return manager

    class Direct(Session):
        def get_redirect_target(self, resp: Response) -> str | None:
            return None  # it would be followed with all that is sent: to somebody distrusted, maybe

    session = Direct()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    return session
