"""A destination that reads slowly and counts, at its own socket, every byte that reaches it."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import ssl
import termios
import threading
import time
from pathlib import Path
from typing import Literal

# HTTP/2: settings that allow a stream any amount (initial window 2^31-1), and the connection too.
_HTTP2 = bytes([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 127, 255, 255, 255]) + bytes(
    [0, 0, 4, 8, 0, 0, 0, 0, 0, 127, 255, 0, 0]
)


class SlowPeer:
    """Use as a context. It speaks just enough for a client to send what it has."""

    def __init__(
        self,
        *,
        http2: bool = False,
        certificate: tuple[Path, Path] | None = None,
        proxy: bool = False,
    ) -> None:
        """`proxy`: it is a forward proxy, too, and itself at the other end of each tunnel."""
        self._proxy = proxy
        self.connections = 0
        self.received = 0  # bytes, with what TLS adds
        self.ended: Literal["reset", "closed"] | None = None  # by the client
        self._greeting = _HTTP2 if http2 else b""
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
            self._tls.set_alpn_protocols(["h2"] if http2 else ["http/1.1"])
        self._hurry = threading.Event()
        self._over = threading.Event()
        self._counting = threading.Lock()  # held while bytes go from the kernel into `received`
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen()
        self._current: socket.socket | None = None
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SlowPeer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._hurry.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    @property
    def arrived(self) -> int:
        """Bytes that were read, and those that this side's kernel holds for reading."""
        with self._counting:
            if self._current is None:
                return self.received
            held = array.array("i", [0])
            fcntl.ioctl(self._current.fileno(), termios.FIONREAD, held)
            return self.received + held[0]

    @property
    def is_cut_off(self) -> bool:
        """Whether the client has reset the connection, though nobody has read up to there."""
        with self._counting:
            if self._current is None:
                return self.ended == "reset"
            looking = select.poll()
            looking.register(self._current, 0)
            return any(what & select.POLLERR for _, what in looking.poll(0))

    def wait_for(self, amount: int, seconds: float = 60.0) -> None:
        """Return when so many bytes were read."""
        until = time.monotonic() + seconds
        while self.received < amount:
            assert time.monotonic() < until, f"only {self.received} bytes came"
            time.sleep(0.01)

    def read_on(self, seconds: float = 60.0) -> None:
        """Read everything that is still to come; return when the client has ended it."""
        self._hurry.set()
        until = time.monotonic() + seconds
        while self.ended is None:
            assert time.monotonic() < until, "the connection stayed open"
            time.sleep(0.01)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self.ended = None
            with connection:
                self._current = connection
                ended = self._read(connection)
                with self._counting:
                    self.ended, self._current = ended, None

    def _read(self, connection: socket.socket) -> Literal["reset", "closed"] | None:
        try:
            connection.settimeout(60.0)
            if self._proxy:
                self._open_tunnel(connection)
            if self._tls is not None:
                self._shake_hands(connection, self._tls)
            else:
                connection.sendall(self._greeting)
            looking = select.poll()
            looking.register(connection, select.POLLIN)
            while not self._over.is_set():
                if not looking.poll(200):
                    continue
                with self._counting:
                    data = connection.recv(4096)
                    self.received += len(data)
                if not data:
                    return "closed"
                self._hurry.wait(0.01)
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        except EOFError:  # while shaking hands
            return "closed"
        return None

    def _open_tunnel(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (data := connection.recv(4096)):
                raise EOFError
            head += data
        self.received += len(head)
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")

    def _shake_hands(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        """TLS in memory, so that what is counted is what the socket brings."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = tls.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                data = connection.recv(4096)
                if not data:
                    raise EOFError from None
                self.received += len(data)
                incoming.write(data)
        if self._greeting:
            session.write(self._greeting)
        connection.sendall(outgoing.read())
