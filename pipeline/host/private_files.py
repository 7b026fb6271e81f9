"""Small files that only their owner may read, replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

from ...policy.named_files import PATIENCE, opened, read_opened
from .file_places import sync_folder


class NotPrivate(Exception):  # noqa: N818  a fact about a file
    """Others may read a file. The text names it and what to do."""


def read_private(path: Path) -> bytes:
    """The content of a file that only its owner may read. Raises OSError, NotPrivate."""
    with opened(path) as file:
        if os.fstat(file).st_mode & 0o077:
            raise NotPrivate(f"{path} can be read by others: chmod 600 {path}")
        return read_opened(file, patience=PATIENCE)


def open_to_all(path: str | Path) -> str | None:
    """What to say of a file with a secret that every user of the machine may read; None: nothing.

    A group is often meant to: the process's own, that of a pod's volumes. A folder that nobody
    else may enter keeps what is in it.
    """
    try:
        file = Path(path).resolve()
        mode = file.stat().st_mode & 0o777
        if not mode & 0o004 or not all(each.stat().st_mode & 0o001 for each in file.parents):
            return None
    except OSError:
        return None
    return f"every user of this machine can read {str(path)!r} (mode {mode:04o}): chmod o-r it"


def write_private(path: Path, content: bytes) -> None:
    """Put a file in the place of another, at once and for good, mode 0600 from the start.

    Raises OSError.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(path.parent)
