"""Whether anything may be sent to a destination: what people say of it, and its exporter's doors.

An exporter is never open while its destination is distrusted.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping

from ..target import Target
from .states import TrustState

_AGAIN = 1.0  # seconds until an exporter that did not start is tried again
# Who said it, and why, is in the journal and in `errlock status`.
_SAYING: Mapping[TrustState, str] = {
    "trusted": "%s is trusted again",
    "held": "%s is held: what is for it waits",
    "distrusted": "%s is distrusted: not a byte more, what is for it waits",
}


class Access:
    """To one exporter. Belongs to one event loop."""

    def __init__(self, target: Target) -> None:
        self.on_open: Callable[[], None] = lambda: None  # called when it is open again
        self.is_open = False  # whether its exporter may be used
        self.trust: TrustState = "trusted"
        self.trusted_since = -math.inf
        self._id = target.id
        self._exporter = target.exporter
        self._clock = target.clock
        self._log = target.log
        self._is_barred = False
        self._is_wanted = False
        self._shut = 0  # how often the exporter was aborted
        self._opening = asyncio.Lock()
        self._reopening: asyncio.Task[None] | None = None

    @property
    def may_send(self) -> bool:
        """Whether anything may be sent now."""
        return self.trust == "trusted" and self.is_open

    def set_trust(self, state: TrustState, since: float) -> bool:
        """Send or keep, from now on; said at a time `since`, in an earlier process perhaps.

        Returns whether what is in flight is to be aborted: the exporter's doors are shut by then.
        """
        now = self._clock.now()
        before, self.trust = self.trust, state
        if state != before:
            level = logging.INFO if state == "trusted" else logging.WARNING
            self._log.log(level, _SAYING[state], self._id)
        if state == "trusted":
            self.remember(min(since, now) if before == state else now)
        if state != before and state == "distrusted":
            self._bar()
            return True
        if state != before == "distrusted":
            self._unbar()
        return False

    def remember(self, since: float) -> None:
        """It has been trusted since then at the earliest."""
        self.trusted_since = max(self.trusted_since, since)

    async def open(self) -> None:
        """Start the exporter as soon as it may be. Raises what its start raises."""
        self._is_wanted = True
        await self._open()

    def _bar(self) -> None:
        """Abort the exporter at once; it is not started until `_unbar`."""
        self._is_barred = True
        self.is_open = False
        self._shut += 1
        self.abort()

    def abort(self) -> None:
        """Have the exporter let nothing out any more. From any thread.

        Whatever it makes of that, nothing is raised: others are to be cut off, too.
        """
        try:
            self._exporter.abort()
        except Exception as failure:  # noqa: BLE001  a foreign text may quote
            self._log.error("%s: its exporter did not abort: %s", self._id, type(failure).__name__)

    def _unbar(self) -> None:
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
                    self.abort()

    async def _reopen(self) -> None:
        while not self.is_open and not self._is_barred:
            try:
                await self._open()
            except Exception as failure:  # noqa: BLE001  a foreign text may quote
                self._log.error("%s did not open again: %s", self._id, type(failure).__name__)
                await self._clock.wait(asyncio.Event(), self._clock.now() + _AGAIN)
        self.on_open()
