"""A collector as a process: signals, and what the system must not do with its memory."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..config import Config
from ..host.threads import work_beside
from .collector import Collector
from .reloading import Source
from .supervisor import Supervisor
from .waiting import first_of

_log = logging.getLogger("errlock.collector")

_PR_SET_DUMPABLE = 4  # prctl(2)
_WORKERS = min(32, (os.cpu_count() or 1) + 4)  # as many as asyncio would make one by one
# What stops it, and what that does to a process which does not say.
_USUAL: Mapping[int, Any] = {
    signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL,
}  # fmt: skip
_ONCE_MORE = 1.0  # seconds after the first signal in which another one is the same


async def serve(
    config: Config,
    announce: Callable[[Collector], None] | None = None,
    source: Source | None = None,
) -> int:
    """Run a collector until it is told to stop (SIGINT, SIGTERM) or its input has ended.

    Told again after a second, it ends at once: what waits in memory is lost. With a `source` it
    runs another configuration when that has changed, or when it is told to look (SIGHUP). Its
    service manager is told what becomes of it.

    `announce` is called once everything is open. Returns the exit code. Raises OSError when an
    endpoint or a thread cannot be had; then nothing stays open.
    """
    _no_core_dumps()
    loop = asyncio.get_running_loop()
    # Before anything that takes time: until then SIGHUP ends the process, and SIGINT cancels
    # whatever is under way.
    stopped = _stop_when_told(loop)
    if source is not None:
        # Not the event loop's own, which leaves it, for a moment, with nobody to take it.
        look = partial(loop.call_soon_threadsafe, source.look)
        signal.signal(signal.SIGHUP, lambda *_: look())
    work_beside(loop, _WORKERS, "errlock-worker")
    collector, supervisor = Collector(config), Supervisor()
    telling = [asyncio.create_task(supervisor.keep_alive())]
    try:
        await collector.start()
        waits = [stopped.wait(), collector.finished()]
        if source is not None:
            collector.source = source
            waits.append(source.keep_up(collector))
        if announce is not None:
            announce(collector)
        telling.append(asyncio.create_task(supervisor.ready()))
        await first_of(*waits)
    finally:
        await supervisor.stopping()
        await collector.stop()
        for each in telling:
            each.cancel()
        if source is not None:  # who asks for a reload now does not mean to end the process
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _log.info("stopped")
    return 0


def _stop_when_told(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """What is set by the first SIGINT or SIGTERM."""
    stopped = asyncio.Event()

    def told_to_stop() -> None:
        if stopped.is_set():
            return
        said = time.monotonic()

        def once_more(number: int, _frame: object) -> None:
            # Some who stop it say so twice in a moment: `timeout` to the process and to its group.
            if time.monotonic() - said >= _ONCE_MORE:
                # In the usual way, whatever still waits.
                signal.signal(number, _USUAL[number])
                signal.raise_signal(number)

        for name in _USUAL:
            signal.signal(name, once_more)
        _log.info("stopping: doors close, queues drain; once more to stop at once")
        stopped.set()

    for name in _USUAL:
        loop.add_signal_handler(name, told_to_stop)
    return stopped


def _no_core_dumps() -> None:
    """A core file, or a debugger of the same user, would see unsanitised payloads."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
