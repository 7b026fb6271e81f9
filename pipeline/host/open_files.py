"""What happens where a process may open no more files: said in words, and not all the time."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..options import OUT_OF_FILES

if TYPE_CHECKING:
    import asyncio

_EVERY = 60.0  # seconds

_log = logging.getLogger("errlock.files")


class Shortage:
    """Says that no more files may be opened, at most once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock()

    def tell(self, number: int) -> None:
        """It is so: each attempt tells it, once a second at each endpoint."""
        if self._clock() < self._next:
            _log.debug("still out of file descriptors")
            return
        import resource  # not on every system that reads options

        self._next = self._clock() + _EVERY
        if number == errno.ENFILE:
            limit = "the system has no more"
        else:
            limit = f"ulimit -n, or LimitNOFILE, is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"
        _log.error("out of file descriptors (%s): who connects waits until others have left", limit)


_shortage = Shortage()  # of the process, however many event loops notice it


def tell_in_words(loop: asyncio.AbstractEventLoop) -> None:
    """Have an event loop say it that way, whose own text about it nobody is shown."""
    loop.set_exception_handler(_tell)


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    failure = context.get("exception")
    if isinstance(failure, OSError) and failure.errno in OUT_OF_FILES:
        _shortage.tell(failure.errno)
    else:
        loop.default_exception_handler(context)
