"""What was booked and is not written yet: it waits in memory and is added up there.

It is added up in one go, once a second: one by one, between everything else that a collector does,
each would take several times as long.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from ..code.booking import Booked
from ..exposed import Exposed, Learner
from ..needles.needles import Needles
from .counting import Counts, Delivered, Rows, Unbooked, Withheld
from .store import MINUTE

# Bytes of what is not added up yet: when that is done at once, when those who are not on the event
# loop help, when what comes is not read any more, and when whoever books has to do it after all.
_MUCH, _TOO_MUCH = 1 << 20, 16 << 20
_MOST, _ALL = 64 << 20, 96 << 20
_ONE = 500  # of one, beside its payload or manifest

_log = logging.getLogger("errlock.ledger")


class Waiting:
    """Adds up what was booked, by minutes. Safe from every thread."""

    def __init__(
        self, clock: Callable[[], float], needles: Needles | None, learner: Learner | None
    ) -> None:
        """See `Account`."""
        self._clock = clock
        self._learner = learner or Learner()
        self._lock = threading.Lock()
        # What is not added up yet, with its time, and the minute that it is booked in.
        self._waiting: deque[tuple[Delivered | Withheld | Exposed, int, float, int]] = deque()
        self._bytes = 0  # of these, and of what is just being added up
        self._counts = Counts(needles)
        self._counting = threading.Lock()  # what waits is added up by one thread, up to its end
        self._minute = 0
        self.on_much: Callable[[], object] | None = None  # to be called when much waits

    @property
    def minute(self) -> int:
        """What is booked in now. Only ever later: a clock that was put back must not add to a
        minute that is closed.
        """
        return self._minute

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be written."""
        return not (self._waiting or self._counts.rows)

    @property
    def is_counted(self) -> bool:
        """Whether all is added up."""
        return not self._waiting

    def begin(self, minute: int) -> None:
        """Book in this minute from here on, unless a later one has begun already."""
        with self._lock:
            self._minute = max(self._minute, minute)

    def know(self, services: set[str], environments: set[str]) -> None:
        """These labels are in the account: they are none more."""
        with self._lock:
            self._counts.labels["service"] |= services
            self._counts.labels["environment"] |= environments

    def add(self, what: Delivered | Withheld) -> None:
        """Let it wait. Takes microseconds, never blocks on a disk, never raises."""
        self._wait(what, len(what.manifest))

    def expose(self, exposed: Exposed) -> None:
        """As `add`. What there is no room for is told."""
        if not self._learner:
            return
        size = exposed.payload.size
        if self._bytes + size > _MOST:
            with self._lock:
                self._counts.miss(exposed.documents, "there was no time to read what they disclose")
        else:
            self._wait(exposed, size)

    def keep_up(self) -> None:
        """Help to add up what waits, if that is too much."""
        if self._bytes > _TOO_MUCH:
            self.count()

    def count(self) -> None:
        """Add up what waits. Never raises."""
        with self._counting:
            for _ in range(len(self._waiting)):
                what, size, now, minute = self._waiting.popleft()
                try:
                    self._count_one(what, now, minute)
                except Exception as failure:  # noqa: BLE001  the account must go on
                    _log.error("what was sent cannot be booked: %s", type(failure).__name__)
                    with self._lock:
                        self._counts.miss(what.documents, "they could not be booked")
                with self._lock:
                    self._bytes -= size

    def take(self) -> tuple[Rows, Booked]:
        """All that was added up, and the code; there is nothing left."""
        with self._lock:
            return self._counts.take()

    def give_back(self, rows: Rows, code: Booked) -> None:
        """They could not be written."""
        with self._lock:
            self._counts.give_back(rows, code)

    def take_unbooked(self) -> Unbooked:
        """What is missing, to be told."""
        with self._lock:
            return self._counts.take_unbooked()

    def give_back_unbooked(self, unbooked: Unbooked) -> None:
        """It could not be told."""
        with self._lock:
            self._counts.give_back_unbooked(unbooked)

    def _wait(self, what: Delivered | Withheld | Exposed, size: int) -> None:
        size += _ONE
        with self._lock:
            now = self._clock()
            self._minute = max(self._minute, int(now) // MINUTE * MINUTE)
            self._waiting.append((what, size, now, self._minute))
            before = self._bytes
            self._bytes += size
        if before > _ALL:
            self.count()
        elif before <= _MUCH < before + size and self.on_much is not None:
            self.on_much()

    def _count_one(self, what: Delivered | Withheld | Exposed, now: float, minute: int) -> None:
        if isinstance(what, Exposed):
            learnt = self._learner.learn(what.payload)
            with self._lock:
                self._counts.learn(what, learnt, now, minute)
        else:
            with self._lock:
                self._counts.add(what, now, minute)
