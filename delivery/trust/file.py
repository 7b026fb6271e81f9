"""The file that keeps trust states: `trust` in the storage folder.

It is small and written in full when it is made, so that a word can be written down when the disk
is full. Two slots are written in turn, each with its generation and a checksum: whatever is cut
off in the middle of a write, the other slot still says what held before. Nobody renames it, so
that a lock on it means the same to every process.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import re
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ...pipeline.errors import UNREADABLE
from ...pipeline.host.file_places import sync_folder
from .operators import spellings
from .states import Trust, Trusts, TrustState

_SLOT = 128 * 1024  # bytes
_HEADER = re.compile(rb"errlock-trust 1 (\d{1,18}) (\d{1,6}) ([0-9a-f]{64})\n")
_LONGEST_HEADER = 128
# How long to wait for another process that is writing, in seconds.
_PATIENCE = 3.0
_dice = random.SystemRandom()
# What a start of the collector leaves in the folder, beside this file: it is not new then.
_SIGNS_OF_A_START = ("queue.db", "journal")


class TrustFileFailed(Exception):  # noqa: N818  the state of a disk, not a fault of ours
    """The file cannot be used. `kind` is the one word that is told about it.

    Read: `missing`, `damaged`, `permissions`, `io`. Written: also `read_only`, `full`, `locked`,
    `too_large`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Saved:
    """What a slot says."""

    generation: int  # one more with each change
    trusts: Trusts


class TrustFile:
    """May be used by several threads and processes at the same time. Every method blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = threading.Lock()
        self._kept = -1  # what is read from; see `_kept_open`

    def close(self) -> None:
        """Let go of what is kept open. Idempotent."""
        with self._reading:
            self._let_go()

    def create_if_new(self) -> None:
        """Make the file when it is missing and the folder shows no earlier start.

        To be called before anything else is made in the folder. Raises TrustFileFailed.
        """
        folder = self._path.parent
        with _failures():
            if not any((folder / name).exists() for name in _SIGNS_OF_A_START):
                self._create(Saved(1, Trusts()))

    def read(self) -> Saved:
        """What is written there. Raises TrustFileFailed."""
        with _failures(), self._kept_open() as file:
            saved, _ = _newest(file)
            if saved is None:  # or else both were being written while we looked
                _lock(file, fcntl.LOCK_SH)
                saved, _ = _newest(file)
                fcntl.flock(file, fcntl.LOCK_UN)
        if saved is None:
            raise TrustFileFailed("damaged")
        return saved

    def stamp(self) -> bytes:
        """Something that differs after each change, cheaply. Raises TrustFileFailed."""
        with _failures(), self._kept_open() as file:
            return b"".join(os.pread(file, _LONGEST_HEADER, _SLOT * slot) for slot in (0, 1))

    def identity(self) -> str:
        """Which file it is, for `is_same`. Raises TrustFileFailed."""
        with _failures(), self._kept_open() as file:
            about = os.fstat(file)
            return f"{about.st_ino}.{_reuse(file)}:{about.st_ctime_ns}"

    def change(self, apply: Callable[[Trusts | None], Trusts], *, above: int = 0) -> Saved:
        """Write what `apply` makes of what is there (None: nothing that can be read).

        The generation will be higher than what is there and than `above`. Durable when it
        returns. Raises TrustFileFailed; then what is there stays.
        """
        with _failures():
            while True:
                try:
                    file = self._opened(os.O_RDWR)
                    try:
                        _lock(file, fcntl.LOCK_EX)
                        saved, slot = _newest(file)
                        new = _next(saved, apply, above)
                        _write(file, _encode(new), 1 - slot)
                        return new
                    finally:
                        os.close(file)
                except FileNotFoundError:
                    new = _next(None, apply, above)
                    if self._create(new):
                        return new

    @contextmanager
    def _kept_open(self) -> Iterator[int]:
        """The file that is there now, to be read, opened only when that is another one.

        A process that may open no more files has to obey what is written there all the same.
        """
        with self._reading:
            there = self._path.lstat()
            if self._kept < 0 or not os.path.samestat(there, os.fstat(self._kept)):
                self._let_go()
                self._kept = self._opened(os.O_RDONLY)
            _check(there)
            yield self._kept

    def _let_go(self) -> None:
        if self._kept >= 0:
            os.close(self._kept)
            self._kept = -1

    def _opened(self, flags: int) -> int:
        file = os.open(self._path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check(os.fstat(file))
        except BaseException:
            os.close(file)
            raise
        return file

    def _create(self, saved: Saved) -> bool:
        """Make the file with this in it, all at once. Returns whether there was none."""
        folder = self._path.parent
        file, name = tempfile.mkstemp(prefix=".trust-", dir=folder)  # 0600
        try:
            about = folder.stat()
            if about.st_uid != os.geteuid() == 0:  # the collector must be able to read it
                os.fchown(file, about.st_uid, about.st_gid)
            _write(file, bytes(_SLOT), 1)
            _write(file, _encode(saved), 0)
            os.link(name, self._path)
        except FileExistsError:
            return False
        finally:
            os.close(file)
            Path(name).unlink()
        sync_folder(folder)
        return True


def is_same(one: str, other: str) -> bool:
    """Whether two identities may be one file's, and not the one of a copy.

    A copy has another number, and another time of its last change, which nobody can set. Either
    may change for a file that stays: the number where a file system makes them up at each mount.
    """
    return any(a == b for a, b in zip(one.split(":"), other.split(":"), strict=False))


def tighten_offline(
    storage: Path, names: Iterable[str], state: TrustState, by: str, why: str
) -> Trusts:
    """Tighten without the collector's help. Returns everything that the file says then.

    A collector that is running obeys within a second, one that is not at its next start.
    `names` are exporter ids and operators. Raises TrustFileFailed; `missing` also when there is
    no such folder.
    """
    if not storage.is_dir():
        raise TrustFileFailed("missing")
    file = TrustFile(storage / "trust")
    file.create_if_new()
    said = Trust(state, by, why, time.time())
    # Nobody here knows which are operators.
    spelled = set().union(*map(spellings, names))

    def tightened(trusts: Trusts | None) -> Trusts:
        if trusts is None:
            trusts = Trusts().all_held("the trust file could not be read", said.since)
        return trusts.tightened(spelled, said)

    return file.change(tightened).trusts


def _check(about: os.stat_result) -> None:
    ours = os.geteuid() in (about.st_uid, 0)
    if not stat.S_ISREG(about.st_mode) or not ours or about.st_mode & 0o077:
        raise TrustFileFailed("permissions")


def _reuse(file: int) -> str:
    """Tells a file from those that had its number before: FS_IOC_GETVERSION of ext4, XFS, Btrfs."""
    size = struct.calcsize("l")
    request = 2 << 30 | size << 16 | ord("v") << 8 | 1
    try:
        return fcntl.ioctl(file, request, bytes(size)).hex()
    except OSError:  # there is no such thing here
        return ""


def _next(saved: Saved | None, apply: Callable[[Trusts | None], Trusts], above: int) -> Saved:
    if saved is None:
        return Saved(above + 1, apply(None))
    return Saved(max(saved.generation, above) + 1, apply(saved.trusts))


def _newest(file: int) -> tuple[Saved | None, int]:
    """The newest slot that is whole, and its number; 1 when there is none."""
    slots = [
        (saved, slot) for slot in (0, 1) if (saved := _decode(os.pread(file, _SLOT, _SLOT * slot)))
    ]
    return max(slots, key=lambda found: found[0].generation, default=(None, 1))


def _encode(saved: Saved) -> bytes:
    """A slot in full. Reasons are left out where there is no room for them."""
    for trusts in (saved.trusts, saved.trusts.without_reasons()):
        body = msgspec.json.encode(trusts)
        header = b"errlock-trust 1 %d %d " % (saved.generation, len(body))
        text = header + _checksum(header, body) + b"\n" + body + b"\n"
        if len(text) <= _SLOT:
            return text.ljust(_SLOT, b"\0")
    raise TrustFileFailed("too_large")


def _decode(slot: bytes) -> Saved | None:
    """What a slot says; None when it is not whole."""
    found = _HEADER.match(slot)
    if found is None:
        return None
    body = slot[found.end() : found.end() + int(found[2])]
    if _checksum(slot[: found.start(3)], body) != found[3]:
        return None
    try:
        return Saved(int(found[1]), msgspec.json.decode(body, type=Trusts))
    except UNREADABLE:
        return None


def _checksum(header: bytes, body: bytes) -> bytes:
    return hashlib.sha256(header + body).hexdigest().encode()


def _write(file: int, slot: bytes, number: int) -> None:
    written = 0
    while written < len(slot):
        written += os.pwrite(file, slot[written:], _SLOT * number + written)
    os.fdatasync(file)


def _lock(file: int, kind: int) -> None:
    """Wait for other processes, but not for one that stands still. The lock ends with `file`."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TrustFileFailed("locked") from None
        time.sleep(_dice.uniform(0.0005, 0.002))  # so that all have a chance


_KINDS = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EACCES: "permissions",
    errno.EPERM: "permissions",
    errno.EROFS: "read_only",
    errno.ELOOP: "permissions",  # a symbolic link
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise TrustFileFailed(_KINDS.get(failure.errno or 0, "io")) from None
