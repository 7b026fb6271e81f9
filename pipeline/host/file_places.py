"""Files at their places: what tells one from another there, and that changes of a folder last."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one at its path; None when there is none. Raises OSError."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def put_whole(path: Path, data: bytes) -> None:
    """Put a file, its owner's alone, in the place of another: as a whole or not at all, also when
    others do the same just then. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make sure that files that were made, renamed or removed there stay so. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
