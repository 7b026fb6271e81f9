"""Clients in threads that send one thing after the other; what was acknowledged is remembered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

TIMEOUT = 60.0


class Clients:
    """Half of them keep their connection, the others make a new one each time.

    Use as a context. `_send` is what one of them does until `_over` is set.
    """

    def __init__(self, threads: int) -> None:
        self.acknowledged: set[str] = set()
        self.refused: list[str] = []  # statuses, or kinds of failures
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=[number % 2 == 0], daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(TIMEOUT)

    def wait(self, condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
        """Return when it is true. Raises AssertionError when that takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (len(self.acknowledged), self.refused[:5])
            time.sleep(0.02)

    def _send(self, keeps: bool) -> None:
        raise NotImplementedError
