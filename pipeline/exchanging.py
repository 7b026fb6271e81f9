"""The changes of a running collector's graph, one by one, and what ends because of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from ..delivery.clock import Clock
from .component import Receiver
from .switching import Switch

_log = logging.getLogger("errlock.collector")


class Exchanges:
    """Belongs to the collector's event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lock = asyncio.Lock()  # held while destinations are exchanged
        self._retiring: dict[asyncio.Task[None], Receiver] = {}

    async def make(self, switch: Switch, turned: Callable[[], None], patience: float) -> None:
        """Go over to another graph. Raises what `Switch.prepare` raises; then all is as it was.

        `turned` is called as soon as everything that comes in goes through the new one. What is
        old may go on for `patience` seconds then.
        """
        await switch.prepare()
        switch.turn()
        turned()
        for receiver in switch.retiring:
            task = asyncio.create_task(receiver.retire(), name="a replaced receiver")
            self._retiring[task] = receiver
            task.add_done_callback(self._retiring.pop)
        await switch.drain(self._clock.now() + patience)

    async def close_doors(self, receivers: Iterable[Receiver], seconds: float) -> None:
        """Let requests that have begun end, there and at replaced receivers, but not for longer."""
        open_ = [*self._retiring.values(), *receivers]
        stops = [*self._retiring, *(asyncio.create_task(each.stop()) for each in open_)]
        if not stops:
            return
        _, late = await asyncio.wait(stops, timeout=seconds)
        for stop in late:
            stop.cancel()
        if late:
            _log.warning("requests that had begun did not end in time")
        failures = await asyncio.gather(*stops, return_exceptions=True)
        for failure in failures:
            if isinstance(failure, Exception):  # its text may quote
                _log.error("a receiver did not close cleanly: %s", type(failure).__name__)
