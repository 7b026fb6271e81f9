"""What is said where a process may start no more threads."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from errlock.pipeline.host.threads import start_all


def test_all_threads_of_a_pool_are_there_at_once() -> None:
    before = threading.active_count()
    with ThreadPoolExecutor(3) as pool:
        start_all(pool, 3)
        assert threading.active_count() == before + 3
        assert pool.submit(lambda: "works").result() == "works"


def test_a_pool_that_cannot_have_them_says_so() -> None:
    usual = threading.stack_size(1 << 46)  # more than there is: no thread starts
    try:
        with ThreadPoolExecutor(3) as pool, pytest.raises(OSError, match="no more threads") as none:
            start_all(pool, 3)
    finally:
        threading.stack_size(usual)
    assert none.value.errno == errno.EAGAIN
