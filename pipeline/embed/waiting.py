"""What waits in an application while its destination may not be sent to, within a bound."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .control import Control, Destination

T = TypeVar("T")


class Waiting(Generic[T]):
    """Says where to send now, and keeps what cannot be sent. Safe to use from every thread.

    And from a signal's handler, which may run in the middle of each of these methods.
    """

    def __init__(
        self,
        control: Control,
        destination: Destination,
        standbys: Sequence[Destination],
        lose: Callable[[T], None],
    ) -> None:
        """`lose` is told of each item that there was no room for: the oldest go first."""
        self._control = control
        self._destination = destination
        self._standbys = standbys
        self._lose = lose
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all that waits: it belongs to the process before a fork."""
        self._lock = threading.RLock()
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def target(self) -> str | None:
        """The id of the destination that may get it now; None: it has to wait."""
        target = self._control.target(self._destination, self._standbys)
        return None if target is None else target.id

    @property
    def distrusted(self) -> list[str]:
        """The ids of those whose connections must be closed."""
        return [
            destination.id
            for destination in (self._destination, *self._standbys)
            if self._control.trust(destination) == "distrusted"
        ]

    @property
    def is_decided(self) -> bool:
        """Whether more waiting for the control document changes nothing."""
        return self._control.status().fresh

    def keep(self, item: T, size: int) -> None:
        """Let an item of `size` bytes wait."""
        lost = []
        with self._lock:
            self._items.append((item, size))
            self._bytes += size
            while self._items and self._bytes > self._control.queue_size:
                oldest, its_size = self._items.popleft()
                self._bytes -= its_size
                lost.append(oldest)
        for oldest in lost:
            self._lose(oldest)

    def take(self, id_: str) -> T | None:
        """The oldest that waits, if that destination may get it now."""
        if self.target != id_:
            return None
        with self._lock:
            try:
                item, size = self._items.popleft()
            except IndexError:
                return None
            self._bytes -= size
            return item

    def rest(self) -> list[T]:
        """All that waits, which waits no more."""
        with self._lock:
            kept, self._items, self._bytes = self._items, deque(), 0
        return [item for item, _ in kept]
