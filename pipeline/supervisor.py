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

    def ready(self) -> None:
        """Everything is open."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """It was told to stop, or its input has ended."""
        self._tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Tell it that the event loop turns, for as long as this runs, and if it wants to know."""
        while self._patience:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._patience / 3)

    def _tell(self, what: str) -> None:
        if not self._address:
            return
        # `@` stands for the byte 0: a name that is in no folder.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.setblocking(False)
                to.sendto(what.encode(), address)
        except OSError as error:
            why = error.strerror or type(error).__name__
            _log.warning("the service manager was not told %s: %s", what, why)
