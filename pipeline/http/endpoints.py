"""Endpoints to listen on: `host:port` as its parts, and the sockets of one."""

from __future__ import annotations

import errno
import re
import socket
from typing import Any

_ENDPOINT = re.compile(
    # An address of IPv6 may name its zone: `fe80::1%eth0`.
    r"(?:\[([0-9a-fA-F:.]+(?:%[^\s/\[\]]+)?)\]|([^\s:/\[\]]*)):([0-9]{1,9})"
)
# No such address or family here: without IPv6, or where a service may not use it.
_UNAVAILABLE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def split_endpoint(endpoint: str) -> tuple[str | None, int]:
    """`host:port` as its parts; the host may be absent or `[IPv6]`. Raises ValueError."""
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None:
        raise ValueError("expected host:port, such as localhost:4317 or [::1]:4317")
    port = int(found[3])
    if port > 65535:
        raise ValueError("expected a port from 0 to 65535")
    return found[1] or found[2] or None, port


def endpoint_problem(endpoint: str) -> str | None:
    """What is wrong with a `host:port` to listen on; None: nothing."""
    try:
        split_endpoint(endpoint)
    except ValueError as error:
        return str(error)
    return None


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
