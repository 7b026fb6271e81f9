"""How much memory the process may use, and how much of it may be in flight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ..options import Size

MOST_IN_FLIGHT = Size("256MiB")
# A body is read, cut into documents and judged: that takes several times its size, at three doors.
_SHARE = 16


def in_flight(option: Size | None) -> int:
    """Bytes that an option `max_bytes_in_flight` lets in."""
    return min(MOST_IN_FLIGHT, memory_limit() // _SHARE) if option is None else option


def memory_limit(root: Path = Path("/")) -> int:
    """Bytes: the machine's, or the least that a cgroup it is in allows (v1 and v2).

    A container has one, and so has a service with `MemoryMax`.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        # Within a container the path may be the host's: the container's own is then the root.
        own = PurePosixPath(path.lstrip("/"))
        for each in (own, *own.parents):
            with suppress(OSError, ValueError):  # "max" is no number
                yield int((folder / each / name).read_text())
