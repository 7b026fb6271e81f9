"""How far a followed file was read, kept for the next process.

A file is known again by its device and inode and, as an inode is soon another file's, by a checksum
of how it begins: of 16 bits, which tell nothing of what stands there.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from urllib.parse import quote

import msgspec

from ..pipeline.errors import UNREADABLE
from ..pipeline.host.private_files import write_private

_BEGINNING = 1000  # bytes


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file was read."""

    path: str  # as it was configured: the file may be moved
    device: int
    inode: int
    beginning: int  # bytes that the checksum is of
    checksum: int
    read: int  # bytes

    @classmethod
    def of(cls, path: str, file: int, read: int) -> Position:
        """Of an open file. Raises OSError."""
        status, beginning = os.fstat(file), min(read, _BEGINNING)
        return cls(
            path=path,
            device=status.st_dev,
            inode=status.st_ino,
            beginning=beginning,
            checksum=_checksum(file, beginning),
            read=read,
        )

    def is_in(self, file: int) -> bool:
        """Whether an open file is the one that was read. Raises OSError."""
        status = os.fstat(file)
        return (
            (status.st_dev, status.st_ino) == (self.device, self.inode)
            and status.st_size >= self.read
            and _checksum(file, self.beginning) == self.checksum
        )


def _checksum(file: int, size: int) -> int:
    return zlib.crc32(os.pread(file, size, 0)) & 0xFFFF


class PositionFile:
    """Keeps the position of one receiver."""

    def __init__(self, storage: Path, receiver: str) -> None:
        self._path = storage / "positions" / f"{quote(receiver, safe='')}.json"

    def load(self) -> Position | None:
        """What was kept last; None: nothing that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Position)
        except (OSError, *UNREADABLE):
            return None

    def keep(self, position: Position) -> None:
        """Replace it. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, msgspec.json.encode(position))


def moved(position: Position) -> int | None:
    """The file that was read last, opened, where it has another name in its folder now.

    Raises OSError.
    """
    with os.scandir(Path(position.path).parent) as entries:
        for entry in entries:
            if entry.inode() != position.inode or not entry.is_file(follow_symlinks=False):
                continue
            file = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            if position.is_in(file):
                return file
            os.close(file)
    return None
