"""Reading a file that a configuration names: of a pipe nobody waits for more for ever."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 5.0  # seconds without a byte
MOST = 1 << 28  # bytes
_PIECE = 1 << 20
# Opening a pipe waits for who writes into it, unless it is told not to.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)


def read_file(path: str | Path, *, patience: float = PATIENCE, most: int = MOST) -> bytes:
    """All that is in it.

    Raises OSError, also for a pipe in which nothing comes, and for what has more than `most` bytes
    (EFBIG): half a file is none.
    """
    with opened(path) as file:
        return read_opened(file, patience=patience, most=most)


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """Its descriptor, for `read_opened`. Raises OSError, with its path; waits for nobody."""
    file = os.open(path, _FLAGS)
    try:
        yield file
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(file)


def read_opened(file: int, *, patience: float = PATIENCE, most: int = MOST) -> bytes:
    """As `read_file`."""
    return b"".join(_pieces(file, patience, most))


def _pieces(file: int, patience: float, most: int) -> Iterator[bytes]:
    left = most
    while True:
        if not _has_something(file, patience):
            raise TimeoutError(errno.ETIMEDOUT, "it is a pipe (FIFO) in which nothing comes")
        if not (piece := os.read(file, _PIECE)):
            return
        left -= len(piece)
        if left < 0:
            raise OSError(errno.EFBIG, f"it has more than {most} bytes")
        yield piece


def _has_something(file: int, patience: float) -> bool:
    if not hasattr(select, "poll"):  # nor are there pipes with names
        return True
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(patience * 1000))
