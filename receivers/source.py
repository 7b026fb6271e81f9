"""The bytes of a file, a pipe or standard input, as they come."""

from __future__ import annotations

import errno
import os
import select
import stat
import threading
from contextlib import suppress
from pathlib import Path

from .positions import Position, moved

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
        self._given = 0  # bytes, of all files
        self._before = 0  # of these, what was given before this file; less than 0: it began within
        self._changing = threading.Lock()  # held while there is another file, or none
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

    def go_on(self, last: Position) -> None:
        """Begin where it was read up to, if it still can be found, perhaps under another name."""
        with suppress(OSError):  # better twice than never
            if last.path != self._path:
                return
            if not last.is_in(self._fd):
                old = moved(last)
                if old is None:
                    return
                self._fd, self._successor = old, self._fd
            os.lseek(self._fd, last.read, os.SEEK_SET)
            self._before = -last.read

    def position(self, taken: int) -> Position | None:
        """Where it is when so many of all bytes that it gave were taken. Raises OSError.

        None: it is no file, or closed. May be asked from another thread.
        """
        with self._changing:
            if self._fd <= 0 or not stat.S_ISREG(os.fstat(self._fd).st_mode):
                return None
            return Position.of(self._path, self._fd, max(taken - self._before, 0))

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

    def read(self) -> bytes | None:
        """What comes next; b"" at the end, or when it was stopped. Raises OSError.

        None: nothing for now.
        """
        data = os.read(self._fd, _CHUNK)
        self._given += len(data)
        if data or not self._follow or self._stopping.wait(PAUSE):
            return data
        if not self._begins_anew():
            return None
        self._given += 1
        self._before = self._given
        return b"\n"  # nobody ends the line that was begun

    def close(self) -> None:
        """Close it, unless it is standard input."""
        with self._changing:
            for file in (self._fd, self._successor):
                if file:
                    os.close(file)
            self._fd, self._successor = -1, None

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
            with self._changing:
                os.close(self._fd)
                self._fd, self._successor = self._successor, None
            return True
        return False

    def _look_for_successor(self, here: os.stat_result) -> None:
        with suppress(OSError):  # it will be made again, or may be read in a moment
            if not os.path.samestat(here, Path(self._path).stat()):
                self._successor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
