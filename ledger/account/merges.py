"""What others booked and is still to be added to the account, in minutes that may be closed.

Each time a closed minute changes, the journal has to be told of it again, so what comes for one is
put together for a while. Who handed it over is told when it is on disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from ..code.tables import NameKey, Place, Shown
from .figures import Figures, Series

# Names of code that somebody disclosed: to whom, of which service, in which environment.
Names: TypeAlias = "Iterable[tuple[tuple[str, str, str], NameKey, Shown]]"

_EVERY = 3.0  # seconds: who ends waits for five


@dataclass(slots=True)
class Merge:
    """Rows by minute and series, names of code, notes, and who waits for them to be on disk."""

    rows: dict[tuple[int, Series], Figures] = field(default_factory=dict)
    names: dict[tuple[tuple[str, str, str], NameKey], Shown] = field(default_factory=dict)
    notes: dict[str, str | None] = field(default_factory=dict)
    waiting: list[Future[None]] = field(default_factory=list)

    def add(
        self,
        rows: Iterable[tuple[int, Series, Figures]],
        names: Names,
        notes: Mapping[str, str | None],
        waiting: Iterable[Future[None]],
    ) -> None:
        """Put more with it, which is newer."""
        for minute, series, figures in rows:
            self.rows.setdefault((minute, series), Figures()).merge(figures)
        for origin, key, shown in names:
            known = self.names.setdefault((origin, key), Shown())
            known.add(shown.documents, shown.first, shown.last, shown.lines)
        self.notes.update(notes)
        self.waiting += waiting

    def listed(self) -> list[tuple[int, Series, Figures]]:
        """The rows as a store takes them."""
        return [(minute, series, figures) for (minute, series), figures in self.rows.items()]

    def code(self, day: int) -> list[tuple[Place, NameKey, Shown]]:
        """The names as a store takes them, on a day."""
        return [(Place(day, *origin), key, shown) for (origin, key), shown in self.names.items()]

    def done(self) -> None:
        """Tell who waits."""
        for future in self.waiting:
            future.set_result(None)


class Merges:
    """Safe from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = Merge()
        self._last = 0.0
        self._soon = False

    def add(
        self,
        rows: Iterable[tuple[int, Series, Figures]],
        names: Names,
        notes: Mapping[str, str | None],
        *,
        soon: bool,
    ) -> Future[None]:
        """Put more with what waits; `soon`: somebody is about to end."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # what is taken is not given back
        with self._lock:
            self._next.add(rows, names, notes, [future])
            self._soon = self._soon or soon
        return future

    def take(self, now: float, closed: int, *, all_: bool = False) -> Merge | None:
        """What is to be written now; None: nothing yet. `closed` is the last closed minute."""
        with self._lock:
            due = all_ or self._soon or now - self._last >= _EVERY or now < self._last
            due = due or all(minute > closed for minute, _ in self._next.rows)
            if not self._next.waiting or not due:
                return None
            merge, self._next = self._next, Merge()
            self._last, self._soon = now, False
            return merge

    def give_back(self, merge: Merge) -> None:
        """It could not be written: it comes before what came meanwhile."""
        with self._lock:
            newer, self._next = self._next, merge
            names = ((*key, shown) for key, shown in newer.names.items())
            self._next.add(newer.listed(), names, newer.notes, newer.waiting)
