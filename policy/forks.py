"""What begins anew in a forked process: locks, attributes that are made under one, and more.

A fork copies a lock as it is and none of the threads: what another thread held at that moment
nobody lets go in the child, and whoever asks for it there waits for ever. Applications that embed a
policy fork when they like: web servers, pools of workers. Locks within libraries nobody can begin
anew: so a fork waits until no thread is within them (`whole`).
"""

from __future__ import annotations

import codecs

# Who registers first is asked last before a fork. These two take locks then, for which what a fork
# waits for must not have to wait.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import threading
from collections.abc import Callable
from threading import get_ident
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload
from weakref import WeakKeyDictionary

T = TypeVar("T")

# Hosts are looked up with it. Forked while a thread that sends loads it, a child never finds it.
codecs.lookup("idna")

# What is told of a fork, and how. Registered once: such a hook cannot be taken back.
_told: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()
_process = os.getpid()  # all of that is of this one
_noticing = threading.RLock()


def in_children(what: T, begin_anew: Callable[[T], None]) -> None:
    """Have `begin_anew(what)` called in each process that is forked while it lives.

    Who was there first is told first. The function must not hold on to `what`.
    """
    _told[what] = begin_anew


def notice_fork() -> None:
    """Tell of a fork that no hook told of. For each first step into what begins anew."""
    if os.getpid() != _process:
        with _noticing:
            if os.getpid() != _process:
                _after_fork()


def _after_fork() -> None:
    global _process  # noqa: PLW0603  there is one
    for what, begin_anew in list(_told.items()):
        begin_anew(what)
    _process = os.getpid()


class _Whole:
    """A block that no fork of another thread cuts in two: it waits for its end.

    For at most two seconds: whoever forks may hold what the block waits for.
    """

    _MOST = 2.0  # seconds

    def __init__(self) -> None:
        self._begin_anew(0)
        # Of all threads only the one that forked is left.
        in_children(self, lambda each: each._begin_anew(each._inside.get(get_ident(), 0)))

    def _begin_anew(self, depth: int) -> None:
        self._changed = threading.Condition()
        self._inside = {get_ident(): depth} if depth else {}  # threads, by how many such blocks
        self._forks: list[int] = []  # threads that fork: those that wait and those that go on

    # Entered for each document, so without a lock. Whoever enters says so and then looks for forks,
    # who forks says so and then looks for others: one of them sees the other.

    def __enter__(self) -> None:
        notice_fork()
        thread, inside = get_ident(), self._inside
        depth = inside.get(thread, 0)
        inside[thread] = depth + 1
        # A signal's handler may come here while its own thread waits to fork: that goes on only
        # when the handler has ended.
        if self._forks and not depth and thread not in self._forks:
            self._give_way(thread)

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        thread, inside = get_ident(), self._inside
        if inside[thread] > 1:
            inside[thread] -= 1
            return
        del inside[thread]
        if self._forks:
            with self._changed:
                self._changed.notify_all()

    def pause(self) -> None:
        """Between two documents: let go on who waits to fork, unless this block is in another."""
        if self._forks:
            thread = get_ident()
            # In another: a signal's handler may have come amid whatever must not be cut.
            if self._inside.get(thread) == 1 and thread not in self._forks:
                self._give_way(thread)

    def _give_way(self, thread: int) -> None:
        with self._changed:
            del self._inside[thread]
            self._changed.notify_all()
            while self._forks:
                self._changed.wait()
            self._inside[thread] = 1

    def before_fork(self) -> None:
        """Wait until no other thread is inside; who comes then waits for the fork."""
        own = get_ident()
        with self._changed:
            self._forks.append(own)
            self._changed.wait_for(lambda: not (self._inside.keys() - {own}), self._MOST)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        with self._changed:
            self._forks.remove(get_ident())
            self._changed.notify_all()


# Around what sanitises documents and reads them, with RE2 and Hyperscan; it pauses before each, so
# that a fork waits for one. Also where modules are loaded when they are needed, around that alone:
# each has a lock while it is.
whole = _Whole()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=whole.before_fork,
        after_in_parent=whole.after_fork_in_parent,
        after_in_child=_after_fork,
    )


class ForkedLock:
    """A lock for a `with` block. In a forked child nobody holds it."""

    def __init__(self) -> None:
        self.renew()
        in_children(self, lambda lock: lock.renew())

    def renew(self) -> None:
        """Let it be free, whoever held it."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        notice_fork()
        self._lock.acquire()

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


class at_first_use(Generic[T]):  # noqa: N801  a decorator
    """An attribute that is made when somebody asks for it, by one thread, and kept.

    As `functools.cached_property` of Python 3.11, whose lock no fork renews; later ones have none,
    and every thread makes its own.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._making = ForkedLock()
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T:
        """Once it is made, it stands in the instance, and nobody comes here."""
        if instance is None:
            return self
        kept = instance.__dict__
        with self._making:
            if self._name not in kept:
                kept[self._name] = self._make(instance)
        made: T = kept[self._name]
        return made
