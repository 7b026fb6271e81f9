"""The bytes of a file, a pipe or standard input, as they come."""

from __future__ import annotations

import errno
import os
import select
import stat
import threading
from contextlib import suppress
from pathlib import Path

STDIN = "-"
_CHUNK = 1 << 18  # bytes
# Seconds between two looks at a file that is followed.
PAUSE = 0.5


class Source:
    """Use as: open; then, in a thread, wait and read until the end, and close. `stop` ends that."""

    def __init__(self, path: str, *, follow: bool) -> None:
        """To `follow` is to wait for more at the end, also when the file is replaced."""
        self._path = path
        self._follow = follow
        self._fd = 0
        self._successor: int | None = None  # the file that has the name of the followed one now
        self._stopping = threading.Event()

    def open(self) -> None:
        """Open it. Raises OSError."""
        if self._path == STDIN:
            return
        # A named pipe would keep whoever opens it here until somebody writes to it.
        file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if stat.S_ISDIR(os.fstat(file).st_mode):
            os.close(file)
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)
        self._fd = file

    def stop(self) -> None:
        """Let no wait last longer."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether it was stopped."""
        return self._stopping.is_set()

    def wait(self) -> None:
        """Return when somebody writes to a named pipe, which until then looks ended."""
        if self._fd == 0:
            return
        if stat.S_ISFIFO(os.fstat(self._fd).st_mode):
            written = select.poll()
            written.register(self._fd, select.POLLIN)
            while not written.poll(PAUSE * 1000):
                if self.is_stopping:
                    return
        os.set_blocking(self._fd, True)

    def read(self) -> bytes:
        """What comes next; nothing at the end, or when it was stopped. Raises OSError."""
        while not (data := os.read(self._fd, _CHUNK)) and self._follow:
            if self._stopping.wait(PAUSE):
                break
            if self._begins_anew():
                return b"\n"  # nobody ends the line that was begun
        return data

    def close(self) -> None:
        """Close it, unless it is standard input."""
        for file in (self._fd, self._successor):
            if file:
                os.close(file)

    def _begins_anew(self) -> bool:
        """Go on with the file that replaced the followed one, or at the start of one made empty.

        Who writes may not have heard yet that it was moved: it is read for a pause longer.
        """
        here = os.fstat(self._fd)
        if not stat.S_ISREG(here.st_mode):
            return False  # the next who writes to a pipe writes to this one
        at = os.lseek(self._fd, 0, os.SEEK_CUR)
        if here.st_size < at:
            os.lseek(self._fd, 0, os.SEEK_SET)
            return True
        if self._successor is None:
            self._look_for_successor(here)
        elif here.st_size == at:
            os.close(self._fd)
            self._fd, self._successor = self._successor, None
            return True
        return False

    def _look_for_successor(self, here: os.stat_result) -> None:
        with suppress(OSError):  # it will be made again, or may be read in a moment
            if not os.path.samestat(here, Path(self._path).stat()):
                self._successor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
