"""What a thread was about when its process was forked does not hold up the child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from errlock.policy.engine import databases
from errlock.policy.forks import ForkedLock, _Whole, at_first_use, whole

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Forking beside threads, on purpose.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# Seconds that a fork waits here for what it must not cut, however busy the machine is.
_PATIENCE = 60.0

# A thread is getting the policy's triggers when the process is forked.
_APPLICATION = """
import os, signal, threading, time
from errlock.pipeline import Pipeline
from errlock.policy.engine import databases
from errlock.policy.forks import whole

whole._MOST = 60.0
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
    signal.alarm(60)
    os._exit(pipeline.scrub_text("password=Winter2024!") != "password=[password]")
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

# Two threads sanitise long documents, so that most of the time one is within RE2.
_BUSY = """
import os, random, signal, threading
from errlock.pipeline import Pipeline
from errlock.policy.forks import whole

whole._MOST = 60.0
pipeline, dice = Pipeline.default(), random.Random(1)

def text():
    return " ".join(f"w{dice.getrandbits(30):x}={dice.getrandbits(60):x}" for _ in range(900))

def work():
    while True:
        pipeline.scrub_text(text())

pipeline.scrub_text(text())
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
for _ in range(25):
    if not (child := os.fork()):
        signal.alarm(60)
        pipeline.scrub_text(text())
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        os._exit(1)
os._exit(0)
"""

# What a fork waits for goes on by means that other libraries lock before a fork.
_LOCKED = """
import os, signal, threading, time
from errlock.policy.forks import whole
import logging
from concurrent.futures import ThreadPoolExecutor

whole._MOST = 60.0
logging.basicConfig()
inside, done = threading.Event(), []

def work():
    with whole:
        inside.set()
        while not whole._forks:
            time.sleep(0.01)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(logging.getLogger("of nobody before").warning, "at work").result()
        done.append(True)

threading.Thread(target=work).start()
inside.wait()
if not (child := os.fork()):
    os._exit(not done)
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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork waits for its full time where it does not get what it waits for."""
    monkeypatch.setattr(_Whole, "_MOST", _PATIENCE)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def forked(work: Callable[[], bool]) -> int:
    """The exit code of a child that does it: 0 when it is true."""
    if not (child := os.fork()):
        signal.alarm(60)
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


def test_children_that_are_forked_while_threads_are_within_a_library_can_go_there_too() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", _BUSY], timeout=300, check=False)
    assert done.returncode == 0


def test_a_fork_holds_no_lock_of_others_that_what_it_waits_for_needs() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", _LOCKED], timeout=120, check=False)
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
            signal.alarm(60)
            with databases._alone(b"policy", tmp_path):
                os._exit(0)
        done.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_waits_for_the_end_of_what_another_thread_does_whole(patient: None) -> None:
    inside, done, seen = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with whole, whole:
            inside.set()
            done.wait(60)
            seen.set()

    def is_over() -> bool:
        return seen.is_set() and scrubs()

    def scrubs() -> bool:
        with whole:
            return True

    with beside(work):
        inside.wait(60)
        threading.Timer(0.3, done.set).start()
        assert forked(is_over) == 0
    assert scrubs()


def test_a_fork_does_not_wait_for_its_own_thread_nor_for_ever(
    monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with whole:
            inside.set()
            done.wait(60)

    def scrubs() -> bool:
        with whole, whole:
            return True

    begun = time.monotonic()
    with whole:
        assert forked(scrubs) == 0
    assert time.monotonic() - begun < _PATIENCE
    monkeypatch.setattr(_Whole, "_MOST", 0.3)
    with beside(work):
        inside.wait(60)
        assert forked(scrubs) == 0
        done.set()
    assert scrubs()


def test_what_begins_while_a_fork_waits_begins_after_it(patient: None) -> None:
    mine = _Whole()
    first, order = threading.Event(), []
    threads: list[threading.Thread] = []

    def inner() -> None:
        with mine:
            first.set()
            while not mine._forks:
                time.sleep(0.01)
            threads.append(_started(later))
            order.append("first")

    def later() -> None:
        with mine:
            order.append("later")

    with beside(inner):
        first.wait(60)
        mine.before_fork()
        order.append("fork")
        time.sleep(0.2)
        mine.after_fork_in_parent()
    for each in threads:
        each.join()
    assert order == ["first", "fork", "later"]


def test_a_fork_goes_on_where_the_only_block_pauses(patient: None) -> None:
    mine = _Whole()
    first, order = threading.Event(), []

    def inner() -> None:
        with mine:
            with mine:  # as a handler of a signal, which does not know what it came amid
                first.set()
                while not mine._forks:
                    time.sleep(0.01)
                mine.pause()
                order.append("first")
            mine.pause()
            order.append("second")

    with beside(inner):
        first.wait(60)
        mine.before_fork()
        order.append("fork")
        mine.pause()  # its own thread does not wait for itself
        mine.after_fork_in_parent()
    assert order == ["first", "fork", "second"]
    mine.pause()
    assert not mine._inside


def _started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
