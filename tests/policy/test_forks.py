"""What a thread was about when its process was forked does not hold up the child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from errlock.policy.engine import databases
from errlock.policy.forks import ForkedLock, at_first_use

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Forking beside threads, on purpose.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# A thread is getting the policy's triggers when the process is forked.
_APPLICATION = """
import os, signal, threading, time
from errlock.pipeline import Pipeline
from errlock.policy.engine import databases

pipeline, reading = Pipeline.default(), threading.Event()
read = databases._read

def slowly(*arguments):
    reading.set()
    time.sleep(0.5)
    return read(*arguments)

databases._read = slowly
thread = threading.Thread(target=pipeline.scrub_text, args=["password=Winter2024!"])
thread.start()
reading.wait()
if not (child := os.fork()):
    signal.alarm(45)
    os._exit(pipeline.scrub_text("password=Winter2024!") != "password=[password]")
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Slow:
    """Makes something, for as long as a test wants."""

    def __init__(self) -> None:
        self.making, self.go_on, self.made = threading.Event(), threading.Event(), 0

    @at_first_use
    def answer(self) -> int:
        """What is asked for."""
        self.making.set()
        self.go_on.wait(60)
        self.made += 1
        return 42


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def forked(work: Callable[[], bool]) -> int:
    """The exit code of a child that does it: 0 when it is true."""
    if not (child := os.fork()):
        signal.alarm(10)
        os._exit(not work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_lock_that_a_thread_holds_is_free_in_a_child_and_only_there() -> None:
    lock, held, done = ForkedLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(60)

    def take() -> bool:
        with lock:
            return True

    with beside(hold):
        held.wait(60)
        assert forked(take) == 0
        assert not lock._lock.acquire(blocking=False)
        done.set()
    assert take()


def test_what_a_thread_is_making_a_child_makes_by_itself() -> None:
    slow = Slow()

    def ask() -> bool:
        slow.go_on.set()
        return slow.answer == 42

    with beside(lambda: slow.answer):
        slow.making.wait(60)
        assert forked(ask) == 0
        slow.go_on.set()


def test_it_is_made_once_whoever_asks() -> None:
    slow = Slow()
    with beside(lambda: slow.answer), beside(lambda: slow.answer):
        slow.making.wait(60)
        slow.go_on.set()
        assert slow.answer == 42
    assert slow.made == 1
    assert Slow.answer.__doc__ == "What is asked for."


def test_a_child_that_is_forked_while_a_thread_begins_to_sanitise_can_do_so_too() -> None:
    """As in an application that reports from a thread while it starts its workers."""
    done = subprocess.run([sys.executable, "-c", _APPLICATION], timeout=120, check=False)
    assert done.returncode == 0


def test_a_child_does_not_wait_for_its_own_copy_of_the_lock_of_who_compiles(tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with databases._alone(b"policy", tmp_path):
            held.set()
            done.wait(60)

    with beside(hold):
        held.wait(60)
        child = os.fork()
        if not child:
            signal.alarm(10)
            with databases._alone(b"policy", tmp_path):
                os._exit(0)
        done.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
