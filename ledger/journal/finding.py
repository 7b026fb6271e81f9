"""Finds entries of one kind in a journal without reading the others: most are minutes."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .entries import BrokenEntry, Entry, EntryKind, decode


def entries_of(path: Path, kind: EntryKind) -> Iterator[Entry]:
    """Those of a kind, in order; none where there is no journal. Lines that are none are passed by.

    Raises OSError.
    """
    if not path.exists() or not path.stat().st_size:
        return
    mark = f'"kind":"{kind}"'.encode()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = text.find(mark)
        while at >= 0:
            start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
            if end < 0:
                return
            try:
                entry = decode(text[start:end])
            except BrokenEntry:
                entry = None
            if entry is not None and entry.kind == kind:
                yield entry
            at = text.find(mark, end)


def last_of(path: Path, kind: EntryKind) -> Entry | None:
    """The last one of a kind; None where there is none. Raises OSError."""
    if not path.exists() or not path.stat().st_size:
        return None
    mark = f'"kind":"{kind}"'.encode()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = text.rfind(mark)
        while at >= 0:
            start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
            with suppress(BrokenEntry):
                entry = decode(text[start : end if end >= 0 else len(text)])
                if entry.kind == kind:
                    return entry
            at = text.rfind(mark, 0, start)
    return None
