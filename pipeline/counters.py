"""Every counter that errlock keeps, each with its sentence, and where they are added up.

Counting is on the hot path, so it is a dictionary and an addition; telemetry reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Lock
from typing import Literal, get_args
from weakref import WeakSet

CounterName = Literal[
    # Documents that a receiver took. Labels: receiver, transport, type.
    "receiver_accepted",
    # Documents that a receiver could not let in, although their request was well-formed.
    # Labels: receiver, transport, type, reason.
    "receiver_refused",
    # Requests that were turned away as a whole. Labels: receiver, transport, reason.
    "receiver_requests_refused",
    # Sloppy places (lone surrogates, BOM, NaN, control characters) mended on arrival.
    # Labels: receiver.
    "receiver_repaired",
    # Documents that a processor chain dropped. Labels: pipeline, processor, type, reason.
    "processor_dropped",
    # Values found by the policy and what became of them. Labels: pipeline, class, form.
    "findings",
    # Documents a destination confirmed. Labels: exporter, type.
    "exporter_sent",
    # Delivery attempts that failed. Labels: exporter, kind.
    "exporter_send_failed",
    # Documents given up on a destination. Labels: exporter, type, reason.
    "exporter_dropped",
    # Documents put into a destination's queue. Labels: exporter, type.
    "exporter_enqueued",
]
COUNTER_NAMES: tuple[str, ...] = get_args(CounterName)

Labels = tuple[tuple[str, str], ...]


class Counters:
    """Adds up; safe from every thread. Label values come from closed lists, never from payloads."""

    def __init__(self) -> None:
        self._values: dict[tuple[CounterName, Labels], int] = {}
        self._lock = Lock()
        _living.add(self)

    def renew_lock(self) -> None:
        """Forget a lock that another thread held when this process was forked."""
        self._lock = Lock()

    def add(self, name: CounterName, amount: int = 1, **labels: str) -> None:
        """Add `amount` to a counter."""
        key = (name, tuple(labels.items()))
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def total(self, name: CounterName, **labels: str) -> int:
        """The sum over every series of `name` that has these labels."""
        wanted = set(labels.items())
        return sum(
            value for series, found, value in self if series == name and wanted <= set(found)
        )

    def __iter__(self) -> Iterator[tuple[CounterName, Labels, int]]:
        with self._lock:
            items = list(self._values.items())
        for (name, labels), value in items:
            yield name, labels, value


_living: WeakSet[Counters] = WeakSet()


def _after_fork() -> None:
    for counters in _living:
        counters.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
