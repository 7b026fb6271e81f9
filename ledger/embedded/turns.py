"""Changes that are made one after the other, also those of a signal's handler amid another one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Change = Callable[[], None]


class Turns:
    """Safe from every thread. A handler never waits for the thread that it interrupts."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changing = False
        self._later: deque[Change] = deque()

    def make(self, change: Change) -> None:
        """Make a change; amid another one of this very thread: when that is made."""
        with self._lock:
            self._later.append(change)
            if not self._changing:
                self._make_all()

    @property
    def amid(self) -> bool:
        """Whether this very thread is amid a change: then who asks is a handler."""
        with self._lock:
            return self._changing

    def _make_all(self) -> None:
        self._changing = True
        try:
            while self._later:
                self._later.popleft()()
        finally:
            self._changing = False
