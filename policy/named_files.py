"""Reading a file that a configuration names: of a pipe nobody waits for more for ever."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 5.0  # seconds without a byte
MOST = 1 << 28
_PIECE = 1 << 20
# Opening a pipe waits for who writes into it, unless it is told not to.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)


def read_file(path: str | Path, patience: float = PATIENCE, most: int = MOST) -> bytes:
    """What is in it, up to somewhat more than `most` bytes.

    Raises OSError, also for a pipe in which nothing comes.
    """
    file = os.open(path, _FLAGS)
    try:
        return b"".join(_pieces(file, patience, most))
    finally:
        os.close(file)


def _pieces(file: int, patience: float, most: int) -> Iterator[bytes]:
    while most >= 0:
        if not _has_something(file, patience):
            raise TimeoutError(errno.ETIMEDOUT, "it is a pipe (FIFO) in which nothing comes")
        if not (piece := os.read(file, _PIECE)):
            return
        most -= len(piece)
        yield piece


def _has_something(file: int, patience: float) -> bool:
    if not hasattr(select, "poll"):  # nor are there pipes with names
        return True
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(patience * 1000))
