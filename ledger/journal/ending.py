"""Whether a journal says that its collector ended. If not and none runs, what it did last may be in
no file: it crashed, or somebody copied its record while it ran.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from pathlib import Path

from .entries import BrokenEntry, Entry, decode


def unsaid_end(path: Path, *, runs: bool) -> Entry | None:
    """The last entry, where it is not that of the end; None: that is well, as where there is no
    journal, or while a collector `runs`. Raises OSError.
    """
    if runs or not path.exists() or not path.stat().st_size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        end = len(text)
        while end > 0:
            start = text.rfind(b"\n", 0, end - 1) + 1
            with suppress(BrokenEntry):  # one that was cut off
                entry = decode(text[start:end].removesuffix(b"\n"))
                return None if entry.kind == "stop" else entry
            end = start
    return None


def doubt(last: Entry) -> str:
    """What an unsaid end says against the record."""
    since = last.time[:19].replace("T", " ")
    return (
        f"what was delivered after {since}Z may be missing: no collector runs there, and the last "
        "one did not say that it ended"
    )
