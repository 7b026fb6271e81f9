"""Hyperscan databases: compiled once, kept on disk, tried out before they are used.

A database that is not what it should be finds nothing and says so by nothing. So one is used only
after it has found every example it was given, whether it was compiled or read; a file is read only
if it is this user's own and carries the digest of exactly these patterns and this engine.

Source: https://intel.github.io/hyperscan/dev-reference/ ; traps of the Python binding: a scratch
belongs to one thread at a time; lengths are 32 bits; a callback that returns true ends the scan by
an exception.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import platform
import secrets
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hyperscan
import msgspec

_log = logging.getLogger("errlock.engine")

# Far below 4 GiB, from where lengths would be cut.
MAX_BYTES = 1 << 28
# How long to wait for another process that compiles, in seconds.
_PATIENCE, _LOOK_EVERY = 60.0, 0.05
# Files in a folder; a policy has three. Those that nobody has read for longest go first.
_MOST_KEPT = 60
_FLAGS = hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_DOTALL

OnMatch = Callable[[int, int, int, int, Any], None]


class EngineError(Exception):
    """A database cannot be made, or does not find what it must."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One pattern in Hyperscan's syntax.

    Patterns of one group are compiled together. Each scan of a database costs some microseconds,
    however short the text is, but all in one are slower by far: those that begin with a literal
    are looked for by other means than runs of digits and letters.
    """

    id: int
    pattern: str
    group: str = "literals"


# What no text of ASCII alone can hold: it is not looked for there.
BEYOND_ASCII = "beyond ASCII"


class Database:
    """Patterns that are looked for together. Thread-safe."""

    def __init__(self, rules: Sequence[int], parts: Mapping[str, Any]) -> None:
        """Of what was compiled or read, by group; see `compiled` and `kept`."""
        self.rules = tuple(rules)  # the expressions' identifiers by the engine's
        self._parts = dict(parts)
        self._local = threading.local()

    @classmethod
    def compiled(cls, expressions: Sequence[Expression]) -> Database:
        """Compile. Raises EngineError."""
        groups = _grouped(expressions)
        rules: list[int] = []
        parts = {}
        for name, group in groups.items():
            parts[name] = _compiled(group, len(rules))
            rules += [each.id for each in group]
        return cls(rules, parts)

    @classmethod
    def of_user(cls, name: bytes, make: Callable[[], Sequence[Expression]]) -> Database:
        """As `kept`, where this user's databases are; compiled where there is no such place."""
        folder = cache_folder()
        if folder is None:
            _tell_of_no_place()
            return cls.compiled(make())
        return cls.kept(name, make, folder)

    @classmethod
    def kept(cls, name: bytes, make: Callable[[], Sequence[Expression]], folder: Path) -> Database:
        """Read what was compiled before under this name, or make it and keep it.

        The name must change with anything that changes the expressions. Raises EngineError.
        """
        name = hashlib.sha256(b"\0".join([name, *_machine()])).digest()
        read = _read(name, folder)
        if read is not None:
            return cls(*read)
        with _alone(name, folder):
            read = _read(name, folder)  # another process may have been first
            if read is not None:
                return cls(*read)
            _log.info("compiling the policy's triggers, once for this machine")
            made = cls.compiled(make())
            _write(name, folder, made.rules, made._parts)
            return made

    def scan(self, data: bytes, on_match: OnMatch) -> None:
        """Call `on_match(number, start, end, flags, context)` at the end of each match. Linear.

        `rules[number]` is the identifier of the expression. Raises EngineError for what is too
        long, and what the engine raises.
        """
        if len(data) > MAX_BYTES:
            raise EngineError("too long to be scanned")
        try:
            scans = self._local.scans
        except AttributeError:
            scans = self._local.scans = self._scans()
        ascii_only = data.isascii()
        for scan, scratch, beyond_ascii in scans:
            if not (beyond_ascii and ascii_only):
                scan(data, match_event_handler=on_match, scratch=scratch)

    def _scans(self) -> list[tuple[Any, Any, bool]]:
        """What to call for each part, with a scratch of this thread's own."""
        return [
            (part.scan, hyperscan.Scratch(part), group == BEYOND_ASCII)
            for group, part in self._parts.items()
        ]

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Where matches end: end, identifier. Each as often as it ends, in no order."""
        hits: list[tuple[int, int]] = []
        append, rules = hits.append, self.rules

        def on_match(number: int, _start: int, end: int, _flags: int, _context: Any) -> None:
            append((end, rules[number]))

        self.scan(data, on_match)
        return hits

    def try_out(self, examples: Iterable[tuple[bytes, int]]) -> None:
        """Raise EngineError unless each expression is found in the bytes it must be found in."""
        missed = [id_ for data, id_ in examples if id_ not in {id_ for _, id_ in self.hits(data)}]
        if missed:
            raise EngineError(f"{len(missed)} examples are not found, the first of {missed[0]}")


def _grouped(expressions: Sequence[Expression]) -> dict[str, list[Expression]]:
    groups: dict[str, list[Expression]] = {}
    for each in expressions:
        groups.setdefault(each.group, []).append(each)
    return groups


def cache_folder() -> Path | None:
    """Where databases are kept for this user: `$XDG_CACHE_HOME/errlock`, made when missing.

    None when there is no such place that only this user can write to: the account may have no home,
    and a relative path would lead to wherever the application was started.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    folder = Path(home) / "errlock"
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_ours(folder) else None
    except OSError:
        return None


@cache
def _tell_of_no_place() -> None:
    """Once: a process has three databases."""
    _log.warning(
        "compiled triggers cannot be kept in $XDG_CACHE_HOME/errlock (or ~/.cache/errlock), which "
        "must be writable, by this user only: each process compiles them, for some seconds"
    )


def _is_ours(path: Path) -> bool:
    if not hasattr(os, "getuid"):  # Windows keeps users' folders apart by itself
        return True
    status = path.lstat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _compiled(expressions: Sequence[Expression], first: int) -> Any:
    database = hyperscan.Database()
    try:
        database.compile(
            expressions=[each.pattern.encode("latin-1") for each in expressions],
            # Each has an identifier of its own: with shared ones compiling takes ten times as long.
            ids=range(first, first + len(expressions)),
            elements=len(expressions),
            flags=[_FLAGS] * len(expressions),
        )
    except hyperscan.HyperscanError as failure:
        raise EngineError(f"cannot compile: {_culprit(expressions, failure)}") from None
    return database


def _culprit(expressions: Sequence[Expression], failure: Exception) -> str:
    """The expression that cannot be compiled: the engine does not name it."""
    for each in expressions:
        try:
            hyperscan.Database().compile(
                expressions=[each.pattern.encode("latin-1")], ids=[0], elements=1, flags=[_FLAGS]
            )
        except hyperscan.HyperscanError as alone:
            return f"{each.id}: {type(alone).__name__}"
    return type(failure).__name__


# -- on disk -----------------------------------------------------------------------------------


def _machine() -> list[bytes]:
    """What databases are made for, apart from their expressions."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    parts = (version("hyperscan"), platform.machine(), platform.processor(), features)
    return [part.encode() for part in parts]


def _key(folder: Path) -> bytes:
    """The key of this folder's digests, made at first use. Raises OSError."""
    path = folder / "key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()


def _read(name: bytes, folder: Path) -> tuple[list[int], dict[str, Any]] | None:
    """What was kept; None when there is nothing, or not what this user's errlock wrote."""
    path = folder / f"{name.hex()[:32]}.hs"
    try:
        if not _is_ours(path):
            return None
        content = path.read_bytes()
        with suppress(OSError):  # a folder that cannot be written is as good
            os.utime(path)  # see `_forget`
        digest, data = content[:32], content[32:]
        if not hmac.compare_digest(digest, hmac.digest(_key(folder), name + data, "sha256")):
            return None
        rules, kept = msgspec.msgpack.decode(data, type=tuple[list[int], dict[str, bytes]])
        parts = {
            group: hyperscan.loadb(each, hyperscan.HS_MODE_BLOCK) for group, each in kept.items()
        }
    except (OSError, msgspec.MsgspecError, hyperscan.HyperscanError):
        return None
    return rules, parts


@contextmanager
def _alone(name: bytes, folder: Path) -> Iterator[None]:
    """Have other processes wait while one compiles, instead of all compiling the same at once.

    Not for ever, and not where files cannot be locked: then each compiles for itself.
    """
    with ExitStack() as opened:
        with suppress(OSError):
            path = folder / f"{name.hex()[:32]}.lock"
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            opened.callback(os.close, file)
            until = time.monotonic() + _PATIENCE
            while not (locked := _locked(file)) and time.monotonic() < until:
                time.sleep(_LOOK_EVERY)
            if locked:
                opened.callback(_unlock, file)
        yield


def _locked(file: int) -> bool:
    """Whether it could be locked; the lock ends with the process, too."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(file: int) -> None:
    """Not by closing it alone: a child that was forked meanwhile has it, too."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)


def _write(name: bytes, folder: Path, rules: Sequence[int], parts: Mapping[str, Any]) -> None:
    """Write beside and rename, so that nobody reads half a file. A full disk keeps nothing."""
    temporary = folder / f"{name.hex()[:32]}.{secrets.token_hex(6)}"
    kept = {group: hyperscan.dumpb(part) for group, part in parts.items()}
    data = msgspec.msgpack.encode((rules, kept))
    try:
        digest = hmac.digest(_key(folder), name + data, "sha256")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(digest + data)
        temporary.replace(temporary.with_suffix(".hs"))
    except OSError:
        _tell_of_no_place()
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    with suppress(OSError):  # another process may be doing the same
        _forget(folder)


def _forget(folder: Path) -> None:
    """Delete what was kept for policies that are no longer used. Raises OSError."""
    kept = sorted(folder.glob("*.hs"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_MOST_KEPT:]:
        path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)
