"""The journal: what was decided and what happened, in a file that is only ever added to.

Each entry is on disk before `append` returns, and the next one names its hash (entries.py). What
cannot be written, and what a crash left unfinished, is told by an entry of kind `gap`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...pipeline.host.file_places import identity, sync_folder
from .entries import (
    HASH_IN_LINE,
    MAX_LINE,
    NOTHING,
    BrokenEntry,
    Entry,
    EntryKind,
    Head,
    decode,
    encode,
    now,
)
from .signing import SigningKey

_MOST_TORN = 2  # lines of one write
_BLOCK = 1 << 20  # bytes that are read at once

_log = logging.getLogger("errlock.ledger")


class JournalFailed(OSError):  # noqa: N818  the outcome of an attempt
    """The journal cannot be opened or written. The text names the file and the kind of failure."""

    @classmethod
    def of(cls, error: OSError, path: Path) -> JournalFailed:
        """The same failure, of this file."""
        return cls(error.errno or 0, error.strerror or type(error).__name__, str(path))


class Journal:
    """A journal that this process writes; only one process can. Safe from every thread."""

    def __init__(
        self, path: Path, key: SigningKey | None = None, clock: Callable[[], str] = now
    ) -> None:
        """Open or make it. Blocks: it reads the file's end. Raises JournalFailed.

        An unfinished last line is set aside in a file beside it. Where more is wrong at the end
        than a crash can do, the whole file is set aside and a new journal begun. Both are told in a
        `gap`. What is wrong further up is for `verify` to find: a new journal would lose the heads
        and minutes of all that is still whole.
        """
        self._path = path
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._unwritten: Counter[str] = Counter()  # kinds of entries that could not be written
        self._unwritten_since = ""
        self._gaps = 0
        self._last_gap: str | None = None
        self._last = Head(0, NOTHING)
        self._astray: int | None = None  # why it could not be put back, as it was told
        try:
            self._file = _open(path)
            self._size, gap = self._find_end()
        except OSError as error:
            raise JournalFailed.of(error, path) from None
        if gap:
            with contextlib.suppress(JournalFailed):  # the next entry will tell of it
                self.append("gap", gap)

    @property
    def first(self) -> Entry | None:
        """Its first entry, which no other journal has; None: it has none that can be read."""
        with contextlib.suppress(OSError, BrokenEntry):
            return next(read(self._path), None)
        return None

    def without(self, hashes: Iterable[str]) -> set[str]:
        """Those of the hashes that no entry has. Blocks: it may read all of the file.

        Raises OSError.
        """
        wanted = {each.encode() for each in hashes}
        with self._path.open("rb") as file:
            for line in file:
                wanted.discard(line[HASH_IN_LINE])
                if not wanted:
                    break
        return {each.decode() for each in wanted}

    @property
    def head(self) -> Head:
        """The head as it is now, signed if there is a key."""
        last = self._last
        return Head(last.count, last.hash, last.time, self._signature(last))

    @property
    def gaps(self) -> tuple[int, str | None]:
        """How many gaps it was told of since it was opened, and what the last one is."""
        return self._gaps, self._last_gap

    def append(self, kind: EntryKind, body: Mapping[str, Any], *, again: bool = False) -> Head:
        """Write an entry; it is durable when this returns. Blocks for as long as the disk takes.

        The body is what JSON can say, and never holds a value of a document. Raises ValueError
        when it cannot be written as JSON, and JournalFailed when the disk refuses: then the next
        entry that can be written is preceded by a `gap` that counts this one, unless whoever asks
        will do so `again`: then nothing will be missing.
        """
        with self._lock:
            entries: list[tuple[EntryKind, Mapping[str, Any]]] = [(kind, body)]
            if self._unwritten:
                gap = {"what": "entries that could not be written",
                       "kinds": dict(self._unwritten), "since": self._unwritten_since}  # fmt: skip
                entries.insert(0, ("gap", gap))
            lines, last = self._lines(entries)
            try:
                self._write(lines)
            except OSError as error:
                if not again:
                    self._unwritten[kind] += 1
                    self._unwritten_since = self._unwritten_since or self._clock()
                raise JournalFailed.of(error, self._path) from None
            self._size += len(lines)
            self._last = last
            for told in (each for name, each in entries if name == "gap"):
                self._gaps, self._last_gap = self._gaps + 1, str(told.get("what"))
            self._unwritten.clear()
            self._unwritten_since = ""
            return last

    def put_back(self) -> None:
        """Write the file again where somebody deleted or replaced it: a crash would lose it all.

        Blocks, never raises; a `gap` tells of it, and of what was cut off, which nobody has any
        more. What came in its place is set aside.
        """
        try:
            with self._lock:
                gap = self._put_back() if self._file >= 0 else None
            self._astray = None
            if gap is not None:
                _log.error("%s", gap["what"])
                self.append("gap", gap)
        except OSError as error:
            if error.errno != self._astray:  # not each second, for a night
                _log.error("the journal is not in its place: %s", error.strerror)
            self._astray = error.errno

    def close(self) -> None:
        """Let another process write it. Idempotent."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _lines(self, entries: list[tuple[EntryKind, Mapping[str, Any]]]) -> tuple[bytes, Head]:
        """The lines of entries that follow the last one, and the head after them."""
        head = self._last
        lines = b""
        for kind, body in entries:
            time = self._clock()
            line, hash_ = encode(head.count + 1, time, kind, body, head.hash, self._signature(head))
            lines += line
            head = Head(head.count + 1, hash_, time)
        return lines, head

    def _signature(self, head: Head) -> str | None:
        return self._key.sign(head) if self._key is not None else None

    def _write(self, lines: bytes) -> None:
        """Add whole lines, or nothing: what a failed attempt left is cut off, now or next time."""
        if os.fstat(self._file).st_size > self._size:
            os.ftruncate(self._file, self._size)
        try:
            _write_all(self._file, lines)
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise

    def _put_back(self) -> dict[str, Any] | None:
        """What to tell, if it was not in its place. Raises OSError."""
        here, there = os.fstat(self._file), identity(self._path)
        if here.st_size < self._size:
            return self._shortened(here.st_size)
        if there == (here.st_dev, here.st_ino):
            return None
        gap = {"what": "the file of the journal was deleted or replaced, and written again"}
        if there is not None:
            gap["file"] = self._aside("replaced").name
        copy = self._path.with_name(f"{self._path.name}.new")
        copy.unlink(missing_ok=True)
        file = _open(copy)
        try:
            for at in range(0, self._size, _BLOCK):
                _write_all(file, os.pread(self._file, min(_BLOCK, self._size - at), at))
            os.fsync(file)
            if there is not None:
                self._path.rename(self._path.with_name(gap["file"]))
            copy.rename(self._path)
            sync_folder(self._path.parent)
        except BaseException:
            os.close(file)
            raise
        os.close(self._file)
        self._file = file
        return gap

    def _shortened(self, size: int) -> dict[str, Any]:
        """Go on behind the last whole line of what somebody left of it. Raises OSError."""
        _, torn = _tail(self._file, size)
        gone = self._size - (size - len(torn))
        self._size -= gone
        os.ftruncate(self._file, self._size)
        return {"what": "the file of the journal was cut off", "bytes": gone}

    def _find_end(self) -> tuple[int, dict[str, Any] | None]:
        """The length of what is whole, and what to tell of the rest."""
        size = os.fstat(self._file).st_size
        lines, torn = _tail(self._file, size)
        # Each entry is durable before the next one is begun: only the last write can be a crash's
        # work, and that was an entry with the gap before it, if any.
        for _ in range(_MOST_TORN + 1):
            if not lines:
                return 0, self._set_aside(torn, 0) if torn else None
            try:
                self._last = decode(lines[-1][:-1]).head
            except BrokenEntry:
                torn = lines.pop() + torn
            else:
                end = size - len(torn)
                return end, self._set_aside(torn, end) if torn else None
        return self._start_anew(size)

    def _set_aside(self, torn: bytes, end: int) -> dict[str, Any]:
        """Move an unfinished line out of the journal."""
        aside = self._path.with_name(f"{self._path.name}.torn-{self._last.count + 1}")
        with contextlib.suppress(OSError):  # on a full disk only its digest is kept
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(torn)
                file.flush()
                os.fsync(file.fileno())
        os.ftruncate(self._file, end)
        return {"what": "an unfinished entry", "after": self._last.time, "bytes": len(torn),
                "sha256": hashlib.sha256(torn).hexdigest(), "file": aside.name}  # fmt: skip

    def _start_anew(self, size: int) -> tuple[int, dict[str, Any]]:
        """Put the whole file aside: nobody could tell where to go on in it."""
        aside = self._aside("damaged")
        self._path.rename(aside)
        os.close(self._file)
        self._last = Head(0, NOTHING)
        self._file = _open(self._path)
        return 0, {"what": "a damaged journal", "bytes": size, "file": aside.name}

    def _aside(self, why: str) -> Path:
        stamp = self._clock().replace(":", "")
        return self._path.with_name(f"{self._path.name}.{why}-{stamp}")


def read(path: Path) -> Iterator[Entry]:
    """The whole entries of a journal, also while it is written. Nothing of the chain is checked.

    Raises OSError, and BrokenEntry at a line that is none.
    """
    with path.open("rb") as file:
        while (line := file.readline(MAX_LINE)).endswith(b"\n"):
            yield decode(line[:-1])


def latest(path: Path, kind: EntryKind, wanted: Callable[[Entry], bool]) -> Entry | None:
    """The newest entry of a kind that is wanted, read from the end. Raises OSError.

    Nothing of the chain is checked; a line that is none is passed over.
    """
    sign = f'"kind":"{kind}"'.encode()
    rest = b""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _BLOCK)
            file.seek(start)
            rest, *lines = (file.read(end - start) + rest).split(b"\n")
            if not start:
                lines.insert(0, rest)
            for line in reversed(lines):
                if sign in line:
                    with contextlib.suppress(BrokenEntry):
                        entry = decode(line)
                        if entry.kind == kind and wanted(entry):
                            return entry
            end = start
    return None


def _open(path: Path) -> int:
    """The file, for this process alone. Raises OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_mode & 0o077:
            raise PermissionError(errno.EPERM, "others may read or write it: chmod 600 it")
        sync_folder(path.parent)
    except BlockingIOError:
        os.close(file)
        raise BlockingIOError(errno.EAGAIN, "another process writes it") from None
    except BaseException:
        os.close(file)
        raise
    return file


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _tail(file: int, size: int) -> tuple[list[bytes], bytes]:
    """The last whole lines of a file, as many as can be torn and one more, and what is behind."""
    start = max(0, size - (_MOST_TORN + 2) * MAX_LINE)
    data = os.pread(file, size - start, start)
    *lines, torn = data.split(b"\n")
    if start:
        lines = lines[1:]  # it may have begun before
    return [line + b"\n" for line in lines], torn
