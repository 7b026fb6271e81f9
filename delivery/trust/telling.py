"""Telling those who have to obey what is in force about their destination."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from .states import UNSAID, Trust


class Telling:
    """Subscribers are told on one event loop; aborters by whichever thread knows first."""

    def __init__(self, of: Callable[[str], Trust], log: logging.Logger) -> None:
        """`of` says what is in force for a destination."""
        self._of = of
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: dict[str, Trust] = {}
        self._subscribers: list[Callable[[str, Trust], None]] = []
        self._aborters: list[Callable[[str], None]] = []

    def belong_here(self) -> None:
        """Have the subscribers told on the running event loop."""
        self._loop = asyncio.get_running_loop()

    def on_loop(self, work: Callable[[], None]) -> None:
        """Do something on that loop: now if it is the running one, else as soon as it can."""
        if self._loop is None or self._loop is _running_loop():
            work()
        else:
            with suppress(RuntimeError):  # it has ended, and with it everything that could obey
                self._loop.call_soon_threadsafe(work)

    def subscribe(self, callback: Callable[[str, Trust], None]) -> None:
        """Have it called with what has been told so far, and with each change."""
        self._subscribers.append(callback)
        for destination, trust in self._told.items():
            self._call(callback, destination, trust)

    def subscribe_abort(self, abort: Callable[[str], None]) -> None:
        """Have it called with each destination that is distrusted, until the loop knows of it."""
        self._aborters.append(abort)

    def forget(self) -> None:
        """Tell everything once more."""
        self._told = {}

    def tell(self, destinations: Iterable[str]) -> None:
        """Tell what the subscribers do not know yet. On the event loop."""
        for destination in destinations:
            now = self._of(destination)
            if now != self._told.get(destination, UNSAID):
                self._told[destination] = now
                for callback in self._subscribers:
                    self._call(callback, destination, now)

    def abort(self, destinations: Iterable[str]) -> None:
        """Cut off what is distrusted and the event loop does not know of. From any thread."""
        for destination in destinations:
            known = self._told.get(destination, UNSAID).state == "distrusted"
            if not known and self._of(destination).state == "distrusted":
                for abort in self._aborters:
                    self._call(abort, destination)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        """What one of them raises must not keep the others from obeying."""
        try:
            callback(*args)
        except Exception as failure:  # noqa: BLE001  whatever it raises
            self._log.error("a change of trust was not obeyed: %s", type(failure).__name__)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
