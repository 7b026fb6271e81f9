"""Searches are journaled: who asked for how many values, and how many were found; and look-ups of
pseudonyms: who asked, of which class. Never a value, nor what stands for one.

Only the collector writes the journal, so a search leaves its entry in the file `searches` beside
it, and the collector, or the next one that starts, takes it from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Literal

import msgspec

from ...pipeline.errors import UNREADABLE
from ..journal.entries import WriteEntry

FILE = "searches"
_EVERY = 1.0  # seconds
_LONGEST = 2**16  # bytes of a line; what is longer is read as several, none of which counts

_log = logging.getLogger("errlock.ledger")


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the journal says of a search."""

    what: Literal["search", "rotate-list", "report"]
    by: str
    time: str
    destination: str | None
    values: int
    sent: int
    maybe: int


class LookUp(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"class_": "class"},
):
    """What the journal says when somebody asked for the pseudonyms of a value."""

    what: Literal["pseudonym"] = "pseudonym"
    by: str
    time: str
    class_: str
    pseudonyms: int  # how many there are


_decoders = msgspec.json.Decoder(Search), msgspec.json.Decoder(LookUp)


def leave(folder: Path, search: Search | LookUp) -> None:
    """Leave an entry for the journal of a storage folder. Raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(folder / FILE, flags, 0o600)
    try:
        about = folder.stat()
        if os.fstat(file).st_uid != about.st_uid and os.geteuid() == 0:  # made by root just now:
            os.fchown(file, about.st_uid, about.st_gid)  # the collector must be able to read it
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(file, msgspec.json.encode(search) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


class Searches:
    """Takes what was left into the journal. Its task is `run`."""

    def __init__(self, folder: Path, record: WriteEntry) -> None:
        """`record` writes to the journal; may raise OSError: then it is tried again."""
        self._path = folder / FILE
        self._record = record
        self._failing = False

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.to_thread(self.take)
            await asyncio.sleep(_EVERY)

    def take(self) -> None:
        """Journal what was left. Blocks; never raises."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        except OSError as error:
            self._fail(error)
            return
        with os.fdopen(file, "rb") as lines:
            try:
                if os.fstat(file).st_size:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    self._journal(lines)
                    os.ftruncate(file, 0)
                self._failing = False
            except OSError as error:
                self._fail(error)

    def _journal(self, lines: BufferedReader) -> None:
        """What was journaled is blanked at once: it is not taken again when the next one fails."""
        broken = at = 0
        for line in iter(partial(lines.readline, _LONGEST), b""):
            if (search := _read(line)) is not None:
                self._record("search", msgspec.to_builtins(search))
                os.pwrite(lines.fileno(), b"\n" * len(line), at)
            elif line != b"\n":
                broken += 1
            at += len(line)
        if broken:
            self._record(
                "gap", {"what": "entries of searches that cannot be read", "lines": broken}
            )

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            _log.error("searches cannot be journaled: %s", error.strerror or type(error).__name__)
        self._failing = True


def _read(line: bytes) -> Search | LookUp | None:
    for decoder in _decoders:
        with contextlib.suppress(*UNREADABLE):
            return decoder.decode(line)
    return None
