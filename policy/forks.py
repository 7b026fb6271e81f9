"""What begins anew in a forked process: locks, attributes that are made under one, and more.

A fork copies a lock as it is and none of the threads: what another thread held at that moment
nobody lets go in the child, and whoever asks for it there waits for ever. Applications that embed a
policy fork when they like: web servers, pools of workers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload
from weakref import WeakKeyDictionary

T = TypeVar("T")

# What is told of a fork, and how. Registered once: such a hook cannot be taken back.
_told: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def in_children(what: T, begin_anew: Callable[[T], None]) -> None:
    """Have `begin_anew(what)` called in each process that is forked while it lives.

    Who was there first is told first. The function must not hold on to `what`.
    """
    _told[what] = begin_anew


def _after_fork() -> None:
    for what, begin_anew in list(_told.items()):
        begin_anew(what)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ForkedLock:
    """A lock for a `with` block. In a forked child nobody holds it."""

    def __init__(self) -> None:
        self.renew()
        in_children(self, lambda lock: lock.renew())

    def renew(self) -> None:
        """Let it be free, whoever held it."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
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
