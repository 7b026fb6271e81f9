"""A forward proxy: tunnels (CONNECT), and requests in absolute form. It remembers their heads."""

from __future__ import annotations

import base64
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_SIZE = 65536


class ForwardProxy:
    """Use `forward_proxy`."""

    def __init__(self, credentials: str | None) -> None:
        self.heads: list[bytes] = []  # of what it was asked for
        self.answer = b""  # what it says to everybody, instead of doing it
        self._wanted = credentials
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                if not (piece := client.recv(_SIZE)):
                    return
                data += piece
            head, _, rest = data.partition(b"\r\n\r\n")
            self.heads.append(head)
            if self.answer:
                client.sendall(self.answer)
                return
            if not self._knows(head):
                client.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
                return
            method, target, _ = head.decode("latin-1").split("\r\n")[0].split(" ")
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                with socket.create_connection((host, int(port))) as there:
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    self._relay(client, there)
                return
            url = urlsplit(target)
            own = head.decode("latin-1").replace(target, url.path, 1)
            with socket.create_connection((url.hostname or "", url.port or 80)) as there:
                there.sendall(own.encode("latin-1") + b"\r\n\r\n" + rest)
                self._relay(client, there)

    def _knows(self, head: bytes) -> bool:
        if self._wanted is None:
            return True
        basic = base64.b64encode(self._wanted.encode())
        return b"Proxy-Authorization: Basic " + basic in head

    def _relay(self, client: socket.socket, there: socket.socket) -> None:
        other = {client: there, there: client}
        while not self._over.is_set():
            for each in select.select(list(other), [], [], 0.1)[0]:
                if not (data := each.recv(_SIZE)):
                    return
                other[each].sendall(data)


@contextmanager
def forward_proxy(credentials: str | None = None) -> Iterator[ForwardProxy]:
    """Run one that wants these credentials (`user:password`), or none."""
    proxy = ForwardProxy(credentials)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
