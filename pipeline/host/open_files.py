"""How many files the process may open, and what is said where those are too few."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..options import OUT_OF_FILES
from .memory import memory_limit
from .seldom import Seldom

# A receiver has one endpoint or two, and hardly anybody has more than two receivers: half of all
# files are left for whatever else there is, as is most of the memory.
_SHARE = 8
_MEMORY_SHARE = 16
_MEMORY = 64 * 1024  # bytes that an idle connection takes over TLS, with some for its system
_FEWEST, _FEWEST_OF_OPERATORS, _MOST_OF_OPERATORS = 8, 4, 64
# More are not asked for: some programs that are started by others count up to their limit.
_ENOUGH = 1 << 20

_log = logging.getLogger("errlock.files")


def allow_as_many_as_possible() -> None:
    """Raise the soft limit to the hard one: 1024 is for select(2), which nothing here calls."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a limit besides
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(option: int | None = None) -> int:
    """How many connections an endpoint may have, by its option `max_connections`."""
    if option is not None:
        return option
    memory = memory_limit() // _MEMORY_SHARE // _MEMORY
    return max(_FEWEST, min(files_allowed() // _SHARE, memory))


def most_of_operators() -> int:
    """How many an endpoint may have that people and their tools ask."""
    most = min(_MOST_OF_OPERATORS, files_allowed() // (2 * _SHARE))
    return max(_FEWEST_OF_OPERATORS, most)


def connected_to(port: int) -> int:
    """How many connections somebody has to a port here, for servers that do not tell. Linux.

    proc_pid_net(5): local and remote address, the state (01: established), …, the inode, which is 0
    until it is accepted.
    """
    wanted = f":{port:04X}"
    found = 0
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/self/net", name).read_text().splitlines()[1:]:
                fields = line.split()
                found += fields[1].endswith(wanted) and fields[3] == "01" and fields[9] != "0"
    return found


def files_allowed() -> int:
    """How many files may be open."""
    import resource  # not on every system that reads options

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit if limit != resource.RLIM_INFINITY else _ENOUGH


class Shortage:
    """Says that no more files may be opened, at most once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = Seldom(clock)

    def tell(self, number: int) -> None:
        """It is so: each attempt tells it, once a second at each endpoint."""
        if not self._seldom.is_due():
            _log.debug("still out of file descriptors")
            return
        if number == errno.ENFILE:
            limit = "the system has no more"
        else:
            limit = f"ulimit -n, or LimitNOFILE, is {files_allowed()}"
        _log.error("out of file descriptors (%s): who connects waits until others have left", limit)


_shortage = Shortage()  # of the process, however many event loops accept


def cannot_accept(error: OSError) -> None:
    """Say that somebody could not be accepted."""
    if error.errno in OUT_OF_FILES:
        _shortage.tell(error.errno)
    else:
        _log.error("who connects cannot be accepted: %s", error.strerror)
