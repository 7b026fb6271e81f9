"""Counting."""

import os
import signal
import sys
import threading
import warnings

import pytest

from errlock.pipeline.counters import Counters


def test_series_add_up_and_totals_span_them() -> None:
    counters = Counters()
    counters.add("exporter_sent", exporter="a", type="event")
    counters.add("exporter_sent", 2, exporter="a", type="span")
    counters.add("exporter_sent", 4, exporter="b", type="event")
    assert counters.total("exporter_sent") == 7
    assert counters.total("exporter_sent", exporter="a") == 3
    assert counters.total("exporter_sent", type="event", exporter="b") == 4
    assert ("exporter_sent", (("exporter", "a"), ("type", "span")), 2) in list(counters)


def test_no_addition_of_any_thread_is_lost() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(2000):
            counters.add("findings", pipeline="p")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.total("findings") == 8000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_lock_held_at_a_fork_does_not_hang_the_child() -> None:
    counters = Counters()
    with counters._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads, on purpose
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            counters.add("findings")
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
