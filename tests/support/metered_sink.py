"""A backend that counts each byte at its own socket, and when it came."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Manner = Literal["answers", "answers late", "never answers", "reads slowly", "sends elsewhere"]

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
_ELSEWHERE = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n"
_LATE = 1.0  # seconds
_DEADLINE = 120.0  # the first start on a machine compiles the policy


class MeteredSink:
    """Takes HTTP requests. What came is in `arrivals`: when (time.monotonic()) and what."""

    def __init__(self, manner: Manner) -> None:
        self.arrivals: list[tuple[float, bytes]] = []
        self.ended = 0  # connections that clients closed or reset
        self.manner = manner
        self.elsewhere = b""  # a URL
        self._listener = socket.create_server(("127.0.0.1", 0))
        if manner == "reads slowly":  # else its kernel takes a whole request at once
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def received(self) -> bytes:
        """Everything, in the order of arrival."""
        return b"".join(data for _, data in list(self.arrivals))

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that came, `event 7` is 7, each as often as it came."""
        return [int(number) for number in re.findall(rb"event (\d+)\b", self.received)]

    @property
    def requests(self) -> int:
        """How many requests began."""
        return self.received.count(b"POST /")

    def bytes_after(self, moment: float) -> int:
        """How many bytes came later than a moment of time.monotonic()."""
        return sum(len(data) for when, data in list(self.arrivals) if when > moment)

    def wait_for_bytes(self, more_than: int = 0) -> None:
        """Return when more than so many bytes have come."""
        deadline = time.monotonic() + _DEADLINE
        while len(self.received) <= more_than:
            assert time.monotonic() < deadline, "nothing comes"
            time.sleep(0.01)

    def close(self) -> None:
        """Close every connection and take no more."""
        # Shutting down wakes the thread that waits in accept; closing alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(connection)
            thread = threading.Thread(target=self._take, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _take(self, connection: socket.socket) -> None:
        buffer = b""
        try:
            while data := connection.recv(2000 if self.manner == "reads slowly" else 65536):
                self.arrivals.append((time.monotonic(), data))
                buffer += data
                while (size := _size_of_request(buffer)) is not None and len(buffer) >= size:
                    buffer = buffer[size:]
                    if self.manner == "answers late":
                        time.sleep(_LATE)
                    if self.manner in ("answers", "answers late"):
                        connection.sendall(_ANSWER)
                    if self.manner == "sends elsewhere":
                        connection.sendall(_ELSEWHERE % self.elsewhere)
                if self.manner == "reads slowly":
                    time.sleep(0.01)
        except OSError:
            pass
        finally:
            connection.close()
        self.ended += 1


def _size_of_request(buffer: bytes) -> int | None:
    head, separator, _ = buffer.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = _LENGTH.search(head)
    return len(head) + 4 + (int(length[1]) if length else 0)


@contextmanager
def metered_sink(manner: Manner = "answers") -> Iterator[MeteredSink]:
    """Run one."""
    sink = MeteredSink(manner)
    try:
        yield sink
    finally:
        sink.close()
