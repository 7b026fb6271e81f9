"""When an exporter is started and aborted: never open while its destination is distrusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..pipeline.component import Exporter
from .clock import Clock

_AGAIN = 1.0  # seconds until an exporter that did not start is tried again


class Access:
    """To one exporter. Belongs to one event loop."""

    def __init__(
        self,
        id_: str,
        exporter: Exporter,
        clock: Clock,
        log: logging.Logger,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when it is open again."""
        self.is_open = False  # whether its exporter may be used
        self._id = id_
        self._exporter = exporter
        self._clock = clock
        self._log = log
        self._wake = wake
        self._is_barred = False
        self._is_wanted = False
        self._shut = 0  # how often the exporter was aborted
        self._opening = asyncio.Lock()
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the exporter as soon as it may be. Raises what its start raises."""
        self._is_wanted = True
        await self._open()

    def bar(self) -> None:
        """Abort the exporter at once; it is not started until `unbar`."""
        self._is_barred = True
        self.is_open = False
        self._shut += 1
        self._exporter.abort()

    def unbar(self) -> None:
        """Let it be started again. That goes on by itself if it is wanted."""
        self._is_barred = False
        if self._is_wanted and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.create_task(self._reopen(), name=f"{self._id} reopening")

    async def leave(self) -> None:
        """Start it no more."""
        self._is_wanted = False
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.gather(self._reopening, return_exceptions=True)

    async def _open(self) -> None:
        """Start the exporter unless somebody has or it is barred, now or meanwhile."""
        async with self._opening:
            while not self.is_open and not self._is_barred:
                before = self._shut
                await self._exporter.start()
                self.is_open = before == self._shut
                if not self.is_open:  # it may have come too early for what start made
                    self._exporter.abort()

    async def _reopen(self) -> None:
        while not self.is_open and not self._is_barred:
            try:
                await self._open()
            except Exception as failure:  # noqa: BLE001  a foreign text may quote
                self._log.error("%s did not open again: %s", self._id, type(failure).__name__)
                await self._clock.wait(asyncio.Event(), self._clock.now() + _AGAIN)
        self._wake()
