"""Ports for processes that tests start, which listen only some time after the port was chosen."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import BinaryIO

# Below the range from which kernels take ports for outgoing connections and for port 0 (Linux:
# 32768 up, others: 49152 up): nobody takes one of these by chance in the meantime.
_PORTS = range(20000, 32000)
_given: set[int] = set()


def listening_port() -> int:
    """A port of localhost that nobody listens on, and that no other test is given."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        if port in _given or not _reserved(port):
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _reserved(port: int) -> bool:
    """Whether it is this process that has the port now, until it ends."""
    try:
        fcntl.lockf(_register(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _register() -> BinaryIO:
    """A file of which each process locks the bytes at the numbers of its ports."""
    return (Path(tempfile.gettempdir()) / f"errlock-test-ports-{os.getuid()}").open("wb")
