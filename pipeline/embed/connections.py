"""The connections of one sender, to be cut all at once: urllib3's, which SDKs send over.

Closing a pool closes what is idle. What is under way is in the hands of another thread: its
socket is shut down under it, so that what it wrote and the kernel has not sent yet is thrown away
and the peer gets a reset.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urllib3 import PoolManager
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection
    from urllib3.connectionpool import HTTPConnectionPool

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Connections:
    """Makes connections, and begins requests, only while `allowed`; cuts those there are."""

    def __init__(self, allowed: Callable[[], bool]) -> None:
        self._allowed = allowed
        self._lock = threading.RLock()  # a signal's handler may send, too
        # Second handles on the sockets: TLS takes the first ones over.
        self._sockets: dict[int, socket.socket] = {}

    def manage(self, pool: PoolManager) -> None:
        """Make every connection of a pool, which has none yet, one of these."""
        pool.pool_classes_by_scheme = {
            scheme: self._pool_class(class_)
            for scheme, class_ in pool.pool_classes_by_scheme.items()
        }

    def cut(self) -> None:
        """Reset all of them. Whoever waits for one is woken by an error."""
        with self._lock:
            sockets = list(self._sockets.values())
            self._sockets.clear()
        for handle in sockets:
            with contextlib.suppress(OSError):
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                handle.shutdown(socket.SHUT_RDWR)
            handle.close()

    def _pool_class(self, class_: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        connection_class = self._connection_class(class_.ConnectionCls)
        return type(class_.__name__, (class_,), {"ConnectionCls": connection_class})

    def _connection_class(self, class_: Any) -> Any:
        connections = self

        class Connection(class_):  # type: ignore[misc]  # whichever the pool has
            """A connection that is known."""

            def _new_conn(self) -> socket.socket:
                connections.check(self)
                made: socket.socket = super()._new_conn()
                connections.add(self, made)
                return made

            def putrequest(self, *arguments: Any, **more: Any) -> None:
                # On a kept connection, right before bytes go out: what was allowed when the request
                # was made may not be any more, after an attempt before or when the process stood.
                connections.check(self)
                super().putrequest(*arguments, **more)

            def close(self) -> None:
                connections.forget(self)
                super().close()

        return Connection

    def check(self, connection: HTTPConnection) -> None:
        """Refuse to look a host up, to connect, or to send, while that is not allowed."""
        if not self._allowed():
            raise NewConnectionError(connection, "not allowed by the control document")

    def add(self, connection: HTTPConnection, made: socket.socket) -> None:
        """Know a new one; refuse it if the word came meanwhile."""
        with self._lock:
            self._sockets[id(connection)] = made.dup()
        try:
            self.check(connection)
        except NewConnectionError:
            self.forget(connection)
            made.close()
            raise

    def forget(self, connection: HTTPConnection) -> None:
        """It is being closed."""
        with self._lock:
            handle = self._sockets.pop(id(connection), None)
        if handle is not None:
            handle.close()
