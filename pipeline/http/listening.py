"""Accepts connections for a server, so many at one time: files are left for everybody else.

Where there are as many as there may be, who has asked for nothing for the longest makes room, or
else who has been sending a request for long: SDKs connect anew. Where nobody can go, who connects
waits in the system's queue, and is not refused: SDKs of Sentry do not send again what was.

asyncio would accept, too, but tells nobody of a connection before it has shaken hands, and of none
that never does.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable, Sequence
from functools import partial

from ..host.open_files import cannot_accept
from .endpoints import listen
from .quiet_http import QuietConnection, QuietServer

_WAITING = 128  # connections that the system keeps until they are accepted
_PAUSE = 1.0  # seconds after which it is tried again to accept where no file may be opened
_FULL_PAUSE = 0.1  # seconds after which it is looked again who can go
_JUST_NOW = 0.1  # seconds in which a request arrives whose client has connected to send one
# Seconds that a request may take to arrive where others have no room, and after which who has asked
# for something may not be about to ask for more.
_LONG = 5.0
_AT_ONCE = 16  # the share of its connections that make room in one go: looking for them takes time
_HANDSHAKE = 10.0  # seconds that a client may take for TLS to begin
_RECORD = 16 * 1024  # bytes of a record of TLS: no read gets more
_GOODBYE = 2.0  # and for it to end
# It was closed before it was accepted, or another process was quicker.
_GONE = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EPERM})


class Listener:
    """Accepts who connects to some sockets, which it closes. Belongs to the running event loop."""

    def __init__(
        self,
        server: QuietServer,
        sockets: Sequence[socket.socket],
        most: int,
        *,
        tls: ssl.SSLContext | None = None,
        on_full: Callable[[int], None] | None = None,
        on_bad_tls: Callable[[], None] | None = None,
        before: Listener | None = None,
    ) -> None:
        """`most` connections at one time, with those that a listener `before` it still has.

        `on_full` is told when somebody finds no room, with how many connections made some;
        `on_bad_tls`, when TLS could not begin: whoever just goes away is nobody's fault.
        """
        self._server = server
        self._sockets = list(sockets)
        self._most = most
        self._tls = tls
        if tls is not None:
            # asyncio keeps 256 KiB for each connection otherwise, for what comes in one go.
            sslproto.SSLProtocol.max_size = _RECORD
        self._on_full = on_full or (lambda _: None)
        self._on_bad_tls = on_bad_tls or (lambda: None)
        before_it: list[Listener] = [] if before is None else [before, *before._before]
        self._before: list[Listener] = [each for each in before_it if each._open]
        self._loop = asyncio.get_running_loop()
        self._open: dict[QuietConnection, asyncio.Task[object]] = {}
        self._again: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        server.on_gone = self._leave
        server.is_crowded = lambda: self.count > most // 2

    def start(self) -> None:
        """Begin to accept. Raises OSError."""
        for each in self._sockets:
            each.setblocking(False)
            each.listen(_WAITING)
        self._watch()

    @property
    def count(self) -> int:
        """How many are connected, or about to be."""
        return sum(len(each._open) for each in (self, *self._before))

    def shut(self) -> None:
        """Accept nobody any more; connections stay. Idempotent."""
        self._unwatch()
        self._before = []  # its successor has those, and would keep all that ever were
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            each.close()
        if not self._open:
            self._empty.set()

    async def emptied(self) -> None:
        """Return when it is shut and nobody is connected any more, or when it was closed."""
        await self._empty.wait()

    async def close(self, grace: float) -> None:
        """Shut, and end all connections: requests that have begun may take `grace` seconds."""
        self.shut()
        await asyncio.sleep(0)  # who has just been accepted gets that far
        for connection, task in list(self._open.items()):
            if connection.transport is None:
                task.cancel()
        self._server.pre_shutdown()
        await self._server.shutdown(grace)
        self._empty.set()  # who does not read keeps a connection until the process ends

    def _watch(self) -> None:
        self._again = None
        for each in self._sockets:
            self._loop.add_reader(each, self._accept, each)

    def _unwatch(self) -> None:
        for each in self._sockets:
            self._loop.remove_reader(each)
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _pause(self, seconds: float) -> None:
        self._unwatch()
        self._again = self._loop.call_later(seconds, self._watch)

    def _accept(self, bound: socket.socket) -> None:
        if self._before:
            self._before = [each for each in self._before if each._open]
        if self.count >= self._most and not self._make_room():
            self._pause(_FULL_PAUSE)
            return
        try:
            accepted, _ = bound.accept()
        except OSError as error:
            if error.errno not in _GONE:
                cannot_accept(error)
                self._pause(_PAUSE)
            return
        connection = self._server()
        shaking = self._loop.connect_accepted_socket(
            lambda: connection,
            accepted,
            ssl=self._tls,
            ssl_handshake_timeout=_HANDSHAKE if self._tls else None,
            ssl_shutdown_timeout=_GOODBYE if self._tls else None,
        )
        task: asyncio.Task[object] = self._loop.create_task(shaking)
        self._open[connection] = task
        task.add_done_callback(partial(self._shaken, connection, accepted))

    def _make_room(self) -> bool:
        open_ = [(each, owner) for owner in (self, *self._before) for each in owner._open]
        just_now = self._loop.time() - _JUST_NOW
        long_ago = self._loop.time() - _LONG
        idle = [
            pair
            for pair in open_
            if pair[0].asked is None
            and pair[0].since < (long_ago if pair[0].has_asked else just_now)
        ]
        slow = [pair for pair in open_ if pair[0].is_sent and pair[0].since < long_ago]
        some = 1 + self._most // _AT_ONCE
        going = heapq.nsmallest(some, idle or slow, key=lambda pair: pair[0].since)
        for connection, owner in going:
            owner._dismiss(connection)
        self._on_full(len(going))
        return bool(going)

    def _dismiss(self, connection: QuietConnection) -> None:
        if connection.transport is None:
            self._open[connection].cancel()
        else:
            connection.transport.abort()  # in TLS, closing waits for the client
        self._leave(connection)

    def _shaken(
        self, connection: QuietConnection, accepted: socket.socket, task: asyncio.Task[object]
    ) -> None:
        """A client has shaken hands, or not: then nobody tells that its connection has ended."""
        if task.cancelled() or task.exception() is not None:
            accepted.close()
            self._leave(connection)
            if not task.cancelled() and isinstance(task.exception(), ssl.SSLError):
                self._on_bad_tls()

    def _leave(self, connection: QuietConnection) -> None:
        self._open.pop(connection, None)
        if self._again is not None:
            self._again.cancel()
            self._watch()
        if not self._open and not self._sockets:
            self._empty.set()


async def serve_at(server: QuietServer, endpoint: str, most: int) -> tuple[Listener, int]:
    """Have a server answer at `host:port`; with the port in use. Raises OSError."""
    sockets = listen(endpoint)
    listener = Listener(server, sockets, most)
    port = int(sockets[0].getsockname()[1])
    try:
        listener.start()
    except OSError:
        listener.shut()
        raise
    return listener, port
