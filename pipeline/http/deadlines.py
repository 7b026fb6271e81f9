"""Answers that must have come as a whole by a moment, however slowly their bytes come.

A socket's own time-out is for each piece: whoever sends one now and then holds its reader for ever.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class Within:
    """What `http.client.HTTPResponse` reads from, in the place of a socket. Raises TimeoutError."""

    def __init__(self, connected: socket.socket, deadline: float, most: int) -> None:
        """`deadline` is in seconds of `time.monotonic`; `most` is in bytes, of all answers that
        come before the last one (1xx), too.
        """
        self._socket = connected
        self._deadline = deadline
        self._most = most

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """As a socket's: closing it leaves the connection open, and it outlives that."""
        return io.BufferedReader(_Reader(self._socket, self._deadline, self._most))


class _Reader(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: float, most: int) -> None:
        super().__init__()
        self._socket = connected
        self._file = connected.makefile("rb", buffering=0)
        self._deadline = deadline
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0 or self._left <= 0:
            raise TimeoutError
        self._socket.settimeout(seconds)
        received = self._file.readinto(buffer)
        self._left -= received or 0
        return received

    def close(self) -> None:
        self._file.close()
        super().close()
