"""Pools whose threads are all there from the beginning.

A process may be allowed only so many threads. One that a pool cannot start while it works fails
whatever was to be done in it: an attempt of an exporter, a word about trust that is to be written.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from concurrent.futures import ThreadPoolExecutor


def start_all(pool: ThreadPoolExecutor, size: int) -> None:
    """Start so many threads of a new pool. Raises OSError when they cannot be had."""
    all_there = threading.Barrier(size + 1)  # who waits at it cannot take the work of the next one
    try:
        for _ in range(size):
            pool.submit(all_there.wait)
    except RuntimeError:
        all_there.abort()
        pool.shutdown()  # it takes a thread to end an event loop, too
        raise OSError(
            errno.EAGAIN,
            "no more threads may be started (ulimit -u or -v, TasksMax or a pids limit)",
        ) from None
    all_there.wait()


def work_beside(loop: asyncio.AbstractEventLoop, size: int, name: str) -> None:
    """Give an event loop its threads for `asyncio.to_thread`. Raises OSError."""
    pool = ThreadPoolExecutor(size, thread_name_prefix=name)
    start_all(pool, size)
    loop.set_default_executor(pool)  # which ends with the loop
