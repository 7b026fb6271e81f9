"""A clock that a script moves by hand for a process of its own: what `time.time` says there."""

from __future__ import annotations

import mmap
import struct
import sys
from pathlib import Path

# Runs in the other process before anything else is imported.
_AS_IT_SAYS = """\
import mmap, struct, time
with open({path!r}, "rb") as file:
    seconds = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
time.time = lambda: struct.unpack("=d", seconds[:])[0]
time.time_ns = lambda: int(time.time() * 1e9)
import runpy
runpy.run_path({program!r}, run_name="__main__")
"""


class MovedClock:
    """Stands still until it is set."""

    def __init__(self, path: Path, seconds: float) -> None:
        path.write_bytes(struct.pack("=d", seconds))
        self._path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def set(self, seconds: float) -> None:
        """Seconds since the epoch."""
        self._map[:] = struct.pack("=d", seconds)

    def command(self, program: Path) -> list[str]:
        """The words that run a Python program which obeys it."""
        code = _AS_IT_SAYS.format(path=str(self._path.absolute()), program=str(program))
        return [sys.executable, "-c", code]
