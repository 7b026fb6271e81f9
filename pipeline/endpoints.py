"""Endpoints to listen on: `host:port` as its parts, and the sockets of one."""

from __future__ import annotations

import errno
import socket
from typing import Any

# No such address or family here: without IPv6, or where a service may not use it.
_UNAVAILABLE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def split_endpoint(endpoint: str) -> tuple[str | None, int]:
    """`host:port` as its parts; the host may be absent or `[IPv6]`. Raises ValueError."""
    host, colon, port = endpoint.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= 65535
    if not colon or not is_port or "/" in host:
        raise ValueError("expected host:port, such as localhost:9000 or 0.0.0.0:9000")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 host is written in brackets: [::1]:9000")
    return host or None, int(port)


def listen(endpoint: str) -> list[socket.socket]:
    """Sockets on every address of the endpoint that this machine has. Raises OSError.

    With port 0 the system chooses one, and every address gets the same.
    """
    try:
        return _sockets(*split_endpoint(endpoint))
    except UnicodeError:  # as it is looked up
        number, why = errno.EADDRNOTAVAIL, "no host has such a name"
    except OSError as error:
        number, why = error.errno or errno.EADDRNOTAVAIL, error.strerror or "no address"
    raise OSError(number, f"cannot listen on {endpoint}: {why}")


def _sockets(host: str | None, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, _, address in sorted(set(found)):
        same = port or (sockets[0].getsockname()[1] if sockets else 0)
        try:
            sockets.append(_bound(family, kind, protocol, (address[0], same, *address[2:])))
        except OSError as error:
            if error.errno in _UNAVAILABLE:
                missing = error
                continue
            for each in sockets:
                each.close()
            raise
    if not sockets:
        raise missing or OSError("no address")
    return sockets


def _bound(family: int, kind: int, protocol: int, address: tuple[Any, ...]) -> socket.socket:
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
