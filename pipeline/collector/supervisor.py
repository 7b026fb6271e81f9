"""What a collector tells the service manager that started it: that it is ready, lives, and stops.

A datagram for each, to the socket in `NOTIFY_SOCKET`. Without one there is nobody to be told.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html , read in 2026-11.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket

_log = logging.getLogger("errlock.collector")


class Supervisor:
    """The service manager of this process, if there is one."""

    def __init__(self) -> None:
        """Take what it says of itself from the environment."""
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        # Seconds within which it wants to hear of the process that it started.
        limit, this = os.environ.get("WATCHDOG_USEC", ""), str(os.getpid())
        is_watched = limit.isdecimal() and os.environ.get("WATCHDOG_PID", this) == this
        self._patience = int(limit) / 1e6 if is_watched else 0.0

    async def ready(self) -> None:
        """Everything is open. It waits for this word, so this waits for room in its queue."""
        await self._tell("READY=1", patience=None)

    async def stopping(self) -> None:
        """It was told to stop, or its input has ended."""
        await self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Tell it that the event loop turns, for as long as this runs, and if it wants to know."""
        while self._patience:
            await self._tell("WATCHDOG=1")
            await asyncio.sleep(self._patience / 3)

    async def _tell(self, what: str, *, patience: float | None = 0.0) -> None:
        """With `patience`, wait so many seconds until its queue has room; None: for ever."""
        if not self._address:
            return
        # `@` stands for the byte 0: a name that is in no folder.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.setblocking(False)
                to.connect(address)
                async with asyncio.timeout(patience):
                    await asyncio.get_running_loop().sock_sendall(to, what.encode())
        except OSError as error:
            full = isinstance(error, TimeoutError)
            why = "its queue is full" if full else error.strerror or type(error).__name__
            _log.warning("the service manager was not told %s: %s", what, why)
