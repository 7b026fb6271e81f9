"""Ports for processes that tests start, which listen only some time after the port was chosen."""

from __future__ import annotations

import random
import socket

# Below the range from which kernels take ports for outgoing connections and for port 0 (Linux:
# 32768 up, others: 49152 up): nobody takes one of these by chance in the meantime.
_FIRST, _LAST = 20000, 32000


def listening_port() -> int:
    """A port of localhost that nobody listens on, and hardly anybody will."""
    while True:
        port = random.SystemRandom().randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
