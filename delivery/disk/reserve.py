"""Room on the disk that is held back, so that deliveries can be booked when the disk is full.

It is a file of that size and not a look at how much is free: a disk is filled by others too, and
what they took cannot be kept for anybody.
"""

from __future__ import annotations

import os
from pathlib import Path

from .schema import LONGEST_WAL

SHORTEST_WAL = 256 * 1024


class Reserve:
    """A file that takes up room until the room is needed. Belongs to the writing thread."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.whole = False  # whether all of the room is held back; any thread may look

    @property
    def step(self) -> int:
        """How much may be under way on the disk for this reserve to be enough, in bytes.

        On a full disk, a WAL and a transaction as long as this must still go over into the file,
        beside what books the next deliveries.
        """
        return min(LONGEST_WAL, max(self._size // 4, SHORTEST_WAL))

    def restore(self) -> bool:
        """Hold the room back. False: there is not so much."""
        with self._path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, max(self._size, 1))
            except OSError:
                os.ftruncate(file.fileno(), 0)
            else:
                os.ftruncate(file.fileno(), self._size)  # it may have been larger
                self.whole = True
        return self.whole

    def release(self) -> bool:
        """Give the room to who needs it. False: none was held back."""
        self.whole = False
        if self._path.stat().st_size == 0:
            return False
        os.truncate(self._path, 0)
        return True
