"""Every counter that errlock keeps, each with its sentence, and where they are added up.

Counting is on the hot path, so it is a dictionary and an addition; telemetry reads it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from threading import RLock
from typing import Literal

from ..policy.forks import in_children

CounterName = Literal[
    "receiver_accepted",
    "receiver_refused",
    "receiver_requests_refused",
    "receiver_repaired",
    "receiver_connections_closed",
    "processor_dropped",
    "findings",
    "decoys_returned",
    "exporter_offered",
    "exporter_enqueued",
    "exporter_sent",
    "exporter_send_failed",
    "exporter_dropped",
]

# Each counter's sentence, and the labels of its series.
COUNTERS: dict[CounterName, tuple[str, tuple[str, ...]]] = {
    "receiver_accepted": (
        "Documents that a receiver took.",
        ("receiver", "transport", "type"),
    ),
    "receiver_refused": (
        "Documents that a receiver could not let in although their request was well-formed.",
        ("receiver", "transport", "type", "reason"),
    ),
    "receiver_requests_refused": (
        "Requests that were turned away as a whole.",
        ("receiver", "transport", "reason"),
    ),
    "receiver_repaired": (
        "Sloppy places (lone surrogates, BOM, NaN, control characters) mended on arrival.",
        ("receiver",),
    ),
    "receiver_connections_closed": (
        "Idle or slow connections closed where a receiver had as many as it may have.",
        ("receiver", "transport"),
    ),
    "processor_dropped": (
        "Documents that a processor chain dropped.",
        ("pipeline", "processor", "type", "reason"),
    ),
    "findings": (
        "Values found by the policy, and the form they left in.",
        ("pipeline", "class", "form"),
    ),
    "decoys_returned": (
        "Documents that held a decoy which errlock had planted with a destination.",
        ("pipeline", "exporter"),
    ),
    "exporter_offered": (
        "Documents that a destination was offered: sent, queued and dropped ones add up to it.",
        ("exporter", "type"),
    ),
    "exporter_enqueued": (
        "Documents put into a destination's queue.",
        ("exporter", "type"),
    ),
    "exporter_sent": (
        "Documents that a destination confirmed.",
        ("exporter", "type"),
    ),
    "exporter_send_failed": (
        "Delivery attempts that failed.",
        ("exporter", "kind"),
    ),
    "exporter_dropped": (
        "Documents given up on a destination.",
        ("exporter", "type", "reason"),
    ),
}

Labels = tuple[tuple[str, str], ...]


class Counters:
    """Adds up; safe from every thread. Label values come from closed lists, never from payloads."""

    def __init__(self) -> None:
        self._values: defaultdict[tuple[CounterName, Labels], int] = defaultdict(int)
        # A signal's handler may count in the middle of what its own thread counts.
        self._lock = RLock()
        in_children(self, lambda counters: counters.renew_lock())

    def renew_lock(self) -> None:
        """Forget a lock that another thread held when this process was forked."""
        self._lock = RLock()

    def add(self, name: CounterName, amount: int = 1, **labels: str) -> None:
        """Add `amount` to a counter."""
        key = (name, tuple(labels.items()))
        with self._lock:
            # With no call between reading and writing: handlers of signals run where calls end,
            # and what one counts there would be lost.
            self._values[key] += amount

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
