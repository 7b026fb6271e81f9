"""The folder of `service.storage`: its owner's alone, and one process's at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from pathlib import Path

from ...pipeline.host.file_places import sync_folder

LOCK = "lock"
# Seconds for who only looks whether it is in use, and for a process that is just ending.
_PATIENCE = 0.5


class StorageError(OSError):
    """The storage cannot be used as it is. The text says what and where, and what would help."""

    def __init__(self, path: Path, problem: str, number: int = errno.EPERM) -> None:
        super().__init__(number, f"{path}: {problem}")


class StorageFolder:
    """Folder 0700, files 0600, no links, and a lock that ends with the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Make it when need be, and lock it. Raises StorageError, or OSError otherwise."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not stat.S_ISDIR(_checked(self.path)):
            raise StorageError(self.path, "is not a folder")
        for each in sorted(self.path.iterdir()):
            _checked(each)
        lock = self._made(LOCK)
        until = time.monotonic() + _PATIENCE
        try:
            while not (locked := _locked(lock, fcntl.LOCK_EX)) and time.monotonic() < until:
                time.sleep(_PATIENCE / 50)
        except OSError as error:
            os.close(lock)
            raise StorageError(
                self.path,
                "cannot be locked here (flock), so that another errlock could use it too: "
                "put it on a disk of this machine",
                error.errno or errno.ENOLCK,
            ) from None
        if not locked:
            os.close(lock)
            raise StorageError(self.path, "another errlock uses this storage", errno.EBUSY)
        self._lock = lock

    def file(self, name: str) -> Path:
        """The path of a file in it, which is there from now on."""
        os.close(self._made(name))
        return self.path / name

    def close(self) -> None:
        """Let the next process have it. Idempotent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def sync(self) -> None:
        """Make sure that files that were made, renamed or removed stay so."""
        sync_folder(self.path)

    def _made(self, name: str) -> int:
        return os.open(
            self.path / name, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )


def is_in_use(folder: Path) -> bool:
    """Whether a process has it now. Raises OSError."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _locked(file: int, kind: int) -> bool:
    """Lock it, unless others have. Raises OSError where nothing can be locked."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _checked(path: Path) -> int:
    """The mode of what is nobody else's. Raises StorageError."""
    found = path.lstat()
    mode = found.st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise StorageError(path, "is a link or a device; only files and folders may be there")
    if found.st_uid != os.geteuid():
        raise StorageError(path, "belongs to somebody else")
    if mode & 0o077:
        allowed = "700" if stat.S_ISDIR(mode) else "600"
        open_to = stat.S_IMODE(mode)
        raise StorageError(path, f"others may use it (mode {open_to:04o}): chmod {allowed} it")
    return mode
