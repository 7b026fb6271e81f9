"""Where to listen."""

from __future__ import annotations

import errno
import os
import re
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from errlock.pipeline.http.endpoints import endpoint_problem, listen, split_endpoint


@pytest.mark.parametrize(
    ("endpoint", "parts"),
    [
        ("localhost:9000", ("localhost", 9000)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        (":9000", (None, 9000)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:9000", ("fe80::1%eth0", 9000)),
        ("errlock.internal.example:1", ("errlock.internal.example", 1)),
    ],
)
def test_an_endpoint_is_split(endpoint: str, parts: tuple[str | None, int]) -> None:
    assert split_endpoint(endpoint) == parts
    assert endpoint_problem(endpoint) is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "", "localhost", "8888", "::1:80", "a b:1", "host:", "host:x", "host:-1", "host:\u0663",
        "[host]:1", "http://localhost:9000", "http://[::1]:9000",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    expected = "expected host:port, such as localhost:4317 or [::1]:4317"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        split_endpoint(endpoint)
    assert endpoint_problem(endpoint) == expected


def test_a_port_has_its_range() -> None:
    assert endpoint_problem("localhost:65536") == "expected a port from 0 to 65535"


def test_a_port_in_use_is_an_error() -> None:
    (first,) = listen("127.0.0.1:0")
    first.listen()
    endpoint = f"127.0.0.1:{first.getsockname()[1]}"
    with pytest.raises(OSError, match="Address already in use") as taken:
        listen(endpoint)
    assert taken.value.strerror == f"cannot listen on {endpoint}: Address already in use"
    first.close()


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("192.0.2.1:80", "Cannot assign requested address"),
        ("no..host:80", "no host has such a name"),
    ],
)
def test_where_nobody_can_listen_is_told_with_the_reason(endpoint: str, why: str) -> None:
    with pytest.raises(OSError, match=why) as refused:
        listen(endpoint)
    told = refused.value
    assert (told.errno, told.strerror) == (
        errno.EADDRNOTAVAIL,
        f"cannot listen on {endpoint}: {why}",
    )


@contextmanager
def room_for_one_file() -> Iterator[None]:
    """This process may open one more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_ = os.open(os.devnull, os.O_RDONLY)
    os.close(next_)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_ + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is one family only")
def test_an_address_is_not_left_out_because_files_have_run_out() -> None:
    with room_for_one_file():
        with pytest.raises(OSError, match="cannot listen on :0: Too many open files") as refused:
            listen(":0")
        assert refused.value.errno == errno.EMFILE
        socket.socket().close()  # the first one was closed
