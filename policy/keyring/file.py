"""The file that keys of pseudonyms live in, shared by every process that makes pseudonyms with it.

Whoever changes it holds a lock on it, writes the new content beside it, puts that in its place, and
then overwrites the old one: whatever cuts this short, the file says either what it said before or
all that it should say now. A key that is destroyed is also gone from the blocks that the old file
had, as far as a file system overwrites in place and nobody has a copy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .epochs import VERSION, Epochs
from .pseudonyms import KeyringError

_LARGEST = 16 * 2**20  # bytes
# How long to wait for another process that is writing, in seconds.
_PATIENCE = 5.0
_AGAIN = 0.01

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What the file said at a time, and what `stamp` would have said."""

    epochs: Epochs
    stamp: Stamp


class KeyringFile:
    """May be used by several threads and processes at the same time. Every method blocks.

    Each raises KeyringError when the file cannot be read, or locked, or is not a keyring.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, epochs: Epochs) -> None:
        """Make the file; only the owner may read it. Raises FileExistsError, OSError."""
        folder = self.path.parent
        file, name = tempfile.mkstemp(prefix=f".{self.path.name}-", dir=folder)  # 0600
        try:
            _write(file, _encode(epochs))
            os.link(name, self.path)
        except FileExistsError as there:
            raise FileExistsError(there.errno, there.strerror, str(self.path)) from None
        finally:
            os.close(file)
            Path(name).unlink()
        _sync_folder(folder)

    def read(self) -> Content:
        """What it says."""
        while True:
            with _failures("read"), _opened(self._real(), os.O_RDONLY) as file:
                about = os.fstat(file)
                data = _all(file)
                # What was replaced meanwhile may have been overwritten meanwhile.
                if _is_still(self._real(), about):
                    return Content(_decode(data), _stamp(about))

    def stamp(self) -> Stamp:
        """Something that differs after each change, cheaply."""
        with _failures("read"):
            return _stamp(self.path.stat())

    def change(self, apply: Callable[[Epochs], Epochs]) -> Content:
        """Write what `apply` makes of what it says; durable when this returns.

        When it raises, the file is as it was. Raises also what `apply` raises.
        """
        path = self._real()
        with _failures("written"), _locked(path) as file:
            about = os.fstat(file)
            old = _decode(_all(file))
            new = apply(old)
            if new is old:
                return Content(old, _stamp(about))
            stamp = _put_beside(path, _encode(new), about)
            _beside(path).rename(path)
            _sync_folder(path.parent)
            _overwrite(file)
            return Content(new, stamp)

    def _real(self) -> Path:
        """The file itself, where the path is a link: links stay what they are."""
        return Path(os.path.realpath(self.path))


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _put_beside(path: Path, data: bytes, owner: os.stat_result) -> Stamp:
    """Write what will be the file. Whoever has the lock has this file too."""
    beside = _beside(path)
    with suppress(FileNotFoundError):  # what a crash left holds keys
        with _opened(beside, os.O_WRONLY) as stale:
            _overwrite(stale)
        beside.unlink()
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if owner.st_uid != os.geteuid() == 0:  # the collector must be able to read it
            os.fchown(handle, owner.st_uid, owner.st_gid)
        _write(handle, data)
        return _stamp(os.fstat(handle))
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, for this process alone."""
    until = time.monotonic() + _PATIENCE
    while True:
        with _opened(path, os.O_RDWR) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise KeyringError("another process holds the keyring file") from None
            else:
                try:
                    if _is_still(path, os.fstat(file)):
                        yield file
                        return
                finally:  # not by closing it alone: a child that was forked meanwhile has it, too
                    fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_AGAIN)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            raise KeyringError("the keyring is not a file")
        if about.st_mode & 0o077:
            raise KeyringError("the keyring file can be read by others: chmod 600 it")
        yield file
    finally:
        os.close(file)


def _is_still(path: Path, about: os.stat_result) -> bool:
    """Whether an open file is what the path leads to."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), about)
    return False


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_ino, about.st_mtime_ns, about.st_size


def _all(file: int) -> bytes:
    return os.pread(file, min(os.fstat(file).st_size, _LARGEST), 0)


def _encode(epochs: Epochs) -> bytes:
    return msgspec.json.format(msgspec.json.encode(epochs), indent=1) + b"\n"


class _Version(msgspec.Struct):
    version: int


def _decode(data: bytes) -> Epochs:
    try:
        if msgspec.json.decode(data, type=_Version).version != VERSION:
            raise KeyringError("the keyring file is of an unknown version")
        epochs = msgspec.json.decode(data, type=Epochs)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise KeyringError("the keyring file is damaged") from None
    if next(epochs.made(), None) is None:
        raise KeyringError("the keyring file is damaged")
    return epochs


def _write(file: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], written)
    os.fsync(file)


def _overwrite(file: int) -> None:
    """Leave nothing of what is in a file. What fails now was replaced all the same."""
    with suppress(OSError):
        _write(file, secrets.token_bytes(os.fstat(file).st_size))


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


_KINDS = {
    errno.EACCES: "permissions",
    errno.EPERM: "permissions",
    errno.EROFS: "a read-only file system",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
}


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise KeyringError(
            "there is no keyring file: make one with `errlock key new --keyring FILE`"
        ) from None
    except OSError as failure:
        kind = _KINDS.get(failure.errno or 0, "an I/O error")
        raise KeyringError(f"the keyring file cannot be {what}: {kind}") from None
