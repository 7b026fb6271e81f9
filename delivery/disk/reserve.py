"""Room on the disk that is held back, so that deliveries can be booked when the disk is full.

It is a file of that size and not a look at how much is free: a disk is filled by others too, and
what they took cannot be kept for anybody.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .schema import LONGEST_WAL

SHORTEST_WAL = 256 * 1024
_BLOCK = 1024 * 1024
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """A file that takes up room until the room is needed. Belongs to the writing thread."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.whole = False  # whether all of the room is held back; any thread may look
        self.told = False  # whether the log says that it had to be given up

    @property
    def step(self) -> int:
        """How much may be under way on the disk for this reserve to be enough, in bytes.

        On a full disk, a WAL and a transaction as long as this must still go over into the file,
        beside what books the next deliveries.
        """
        return min(LONGEST_WAL, max(self._size // 4, SHORTEST_WAL))

    def restore(self) -> bool:
        """Hold the room back. False: there is not so much and a step more, or no folder.

        Whoever looks for room on a full disk may have removed the file: it is made again.
        """
        self.whole = False
        with suppress(OSError), open(self._path, "wb", opener=_opened) as file:
            try:
                if file.seek(0, os.SEEK_END) < self._size:
                    # With no room beside it, it would be given up again for what comes next.
                    _take_up(file, self._size + self.step)
            except OSError:
                os.ftruncate(file.fileno(), 0)
            else:
                os.ftruncate(file.fileno(), self._size)  # it may have been larger
                self.whole = True
        return self.whole

    def release(self) -> bool:
        """Give the room to who needs it. False: none was held back."""
        self.whole = False
        try:
            held = self._path.stat().st_size > 0
            os.truncate(self._path, 0)
        except OSError:
            return False
        return held


def _opened(path: str, _: int) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _take_up(file: BinaryIO, size: int) -> None:
    """Make a file so large, in blocks that are really there. Raises OSError."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except AttributeError:  # not on every system
        pass
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
    else:
        return
    # Not zeros, which some file systems only count.
    block = os.urandom(_BLOCK)
    file.seek(0)
    file.writelines(block[: size - at] for at in range(0, size, _BLOCK))
    file.flush()
