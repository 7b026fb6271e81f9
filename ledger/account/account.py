"""The account: what left, booked when a destination has it. Delivery never waits for it.

Bookings wait in memory, are added up and written once a second, all in one go: one by one, between
everything else that a collector does, each would take several times as long. A minute that has
passed is closed by an entry of the journal with its totals. What could not be booked or written is
told there too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import msgspec

from ..code.booking import Booked, names_in
from ..code.closing import closed_span
from ..exposed import Exposed, Learner
from ..journal.entries import WriteEntry
from ..journal.journal import JournalFailed
from ..needles.needles import Needles
from ..options import AccountOptions
from ..sqlite_file import is_damage, set_aside
from .counting import Counts, Delivered, Rows, Withheld
from .figures import Figures, Series
from .merges import Merges, Names
from .minutes import closed_minute, moment
from .sketches import BrokenSketch
from .store import DAY, HOUR, MINUTE, AccountStore

_EVERY = 1.0  # seconds between two writes
_TIDY_EVERY = 600.0
# Bytes of what is not added up yet: when that is done at once, when those who are not on the event
# loop help, when what comes is not read any more, and when whoever books has to do it after all.
_MUCH_WAITING, _TOO_MUCH_WAITING = 1 << 20, 16 << 20
_MOST_WAITING, _ALL_WAITING = 64 << 20, 96 << 20
_ONE_WAITING = 500  # of one, beside its payload or manifest

# What the journal says when rows go that are too old.
FORGOTTEN = "rows of the account after account.keep"

_CLOSED_DAYS = "closed_days"  # the note of the end of the last day of code that was told
_REOPENED = "reopened"  # the note of minutes that the journal has to be told of again

_log = logging.getLogger("errlock.ledger")


class Account:
    """Books deliveries. `book` is safe from every thread."""

    def __init__(
        self,
        path: Path,
        options: AccountOptions,
        record: WriteEntry,
        clock: Callable[[], float] = time.time,
        needles: Needles | None = None,
        learner: Learner | None = None,
        began: str | None = None,
    ) -> None:
        """The first `write` opens the file. `record` writes to the journal; may raise OSError.

        `began` is the time of the journal's first entry, where there is one of before.

        `learner` reads what was sent; without one nothing is told of that.
        """
        self._needles = needles
        self._learner = learner or Learner()
        self._path = path
        self._began = began
        self._options = options
        self._record = record
        self._clock = clock
        self._store: AccountStore | None = None
        self._lock = threading.Lock()
        # What is not added up yet, with its time, and the minute that it is booked in.
        self._waiting: deque[tuple[Delivered | Withheld | Exposed, int, float, int]] = deque()
        self._waiting_bytes = 0  # of these, and of what is just being added up
        self._much: Callable[[], object] | None = None  # to be called when much waits
        self._counts = Counts(needles)
        self._counting = threading.Lock()  # what waits is added up by one thread, up to its end
        # By one thread at a time: a write goes on in its own when `run` is cancelled.
        self._writing = threading.RLock()
        # Only ever later: a clock that was put back must not add to a minute that is closed.
        self._minute = 0
        self._closed = 0
        self._closed_days = 0  # the end of the last one with code of which the journal was told
        self._looked_for_days = 0
        self._merges = Merges()
        self._reopened: list[int] = []  # minutes that the journal has to be told of again
        self._tidied = 0.0
        self._failing = False

    def book(self, delivered: Delivered) -> None:
        """Count what was delivered. Takes microseconds, never blocks on a disk, never raises."""
        self._wait(delivered, len(delivered.manifest))

    def withhold(self, withheld: Withheld) -> None:
        """Count what did not leave. As `book`."""
        self._wait(withheld, len(withheld.manifest))

    def expose(self, exposed: Exposed) -> None:
        """Note what a destination can have read. As `book`. What there is no room for is told."""
        if not self._learner:
            return
        size = exposed.payload.size
        if self._waiting_bytes + size > _MOST_WAITING:
            with self._lock:
                self._counts.miss(exposed.documents, "there was no time to read what they disclose")
        else:
            self._wait(exposed, size)

    def keep_up(self) -> None:
        """Help to add up what waits, if that is too much: to be called by those who may wait, and
        make more of it.
        """
        if self._waiting_bytes > _TOO_MUCH_WAITING:
            self._count()

    def merge(
        self,
        rows: Iterable[tuple[int, Series, Figures]],
        notes: Mapping[str, str | None],
        names: Names = (),
        *,
        soon: bool = False,
    ) -> Future[None]:
        """Add what others booked, also in closed minutes, names of code that they disclosed, and
        notes; done when it is on disk.
        """
        return self._merges.add(rows, names, notes, soon=soon)

    def embedded(self, prefix: str) -> tuple[dict[str, str], dict[str, set[str]]]:
        """Notes that begin so, and the labels of embedded pipelines. Not while `run` runs."""
        store = self._store
        if store is None:
            return {}, {}
        dimensions: tuple[Literal["service", "environment"], ...] = ("service", "environment")
        return store.notes(prefix), {each: store.labels(each, embedded=True) for each in dimensions}

    async def run(self) -> None:
        """Write and close minutes until cancelled."""
        much, loop = asyncio.Event(), asyncio.get_running_loop()
        self._much = lambda: loop.call_soon_threadsafe(much.set)
        try:
            due = loop.time() + _EVERY
            while True:
                try:
                    await asyncio.wait_for(much.wait(), due - loop.time())
                except TimeoutError:
                    await asyncio.to_thread(self.write)
                    due = loop.time() + _EVERY
                else:
                    much.clear()
                    await asyncio.to_thread(self._count)
        finally:
            self._much = None

    def write(self, *, last: bool = False) -> None:
        """Write what was booked, close what has passed. Blocks; never raises.

        What cannot be written now is kept, and written later. A file that is damaged is set aside.
        """
        with self._writing:
            self._write(last=last)

    def _write(self, *, last: bool) -> None:
        now = self._clock()
        self._count()
        if self._needles is not None:
            self._needles.write(now)
        rows: Rows = {}
        code: Booked = {}
        try:
            store = self._opened()
            with self._lock:
                rows, code = self._counts.take()
            if rows or code:
                booked = [(start, series, figures) for (start, series), figures in rows.items()]
                store.add(booked, {"written": repr(now)}, names_in(code))
            rows, code = {}, {}
            # Before and after what comes late: a minute that an end told is told again as it was.
            self._close_minutes(store, before=int(now) // MINUTE * MINUTE)
            self._merge(store, now, all_=last)
            self._close_minutes(store, before=int(now) // MINUTE * MINUTE)
            self._close_days(store, before=int(now) // DAY * DAY)
            self._tell_unbooked()
            self._tidy(store, now)
        except Exception as error:  # noqa: BLE001  the account must go on
            if not self._failing:
                _log.error("the account cannot be written: %s", type(error).__name__)
            self._failing = True
            with self._lock:
                self._counts.give_back(rows, code)
            if _is_damage(error):
                self._set_aside()
        else:
            if self._failing:
                _log.info("the account is written again")
            self._failing = False

    def close(self) -> None:
        """Write everything and let the file go. Blocks; never raises.

        The minute that has not passed is told too, and again when the next process has closed it.
        """
        with self._writing:
            self._close()

    def _close(self) -> None:
        self._write(last=True)
        if self._needles is not None:
            self._needles.close(self._clock())
        store, self._store = self._store, None
        if store is None:
            return
        try:
            self._close_minutes(store, before=self._minute + MINUTE, passed=False)
            if not (self._waiting or self._counts.rows):
                store.add([], {"open": "no"})
        except Exception as error:  # noqa: BLE001  what is behind this must be closed too
            _log.error("the account cannot be closed: %s", type(error).__name__)
        store.close()

    def _opened(self) -> AccountStore:
        """The file, opened when it is not, or not where it was. Raises sqlite3.Error, OSError."""
        if self._store is not None:
            gone = self._store.gone()
            if gone is None:
                return self._store
            _log.error("the %s of the account was deleted or replaced", gone)
            if gone == "file":
                self._set_aside("a deleted or replaced account")
            else:
                self._store.close()  # which writes into the file what was in the WAL
                self._store = None
        store = AccountStore.to_write(self._path)
        try:
            if store.meta("open") is None and self._began is not None:
                gap = {"what": "a new account was begun: what was booked before is not in it",
                       "since": self._began, "until": moment(self._clock())}  # fmt: skip
                self._record("gap", gap)
            if store.meta("open") == "yes":
                since = float(store.meta("written") or 0)
                gap = {"what": "the account may lack what was delivered last",
                       "since": moment(since), "until": moment(self._clock())}  # fmt: skip
                self._record("gap", gap)
            store.add([], {"open": "yes", "written": repr(self._clock())})
            store.checkpoint()
            with self._lock:
                self._counts.labels["service"] |= store.labels("service")
                self._counts.labels["environment"] |= store.labels("environment")
                self._closed = int(store.meta("closed") or 0)
                # Also where a clock was put back while no process ran.
                self._minute = max(self._minute, store.last_minute(), self._closed + MINUTE)
            self._closed_days, self._looked_for_days = int(store.meta(_CLOSED_DAYS) or 0), 0
            self._reopened = msgspec.json.decode(store.meta(_REOPENED) or "[]", type=list[int])
        except BaseException:
            store.close()
            raise
        self._began = self._began or moment(self._clock())
        self._store = store
        return store

    def _set_aside(self, what: str = "a damaged account") -> None:
        """Put what is there out of the way; the next write begins a new file, and tells it."""
        if self._store is not None:
            self._store.close()
            self._store = None
        aside = f"{self._path.name}.damaged-{int(self._clock())}"
        try:
            self._record("gap", {"what": what, "file": aside})
            set_aside(self._path, aside)
        except OSError as error:
            _log.error("a damaged account cannot be set aside: %s", type(error).__name__)

    def _wait(self, what: Delivered | Withheld | Exposed, size: int) -> None:
        size += _ONE_WAITING
        with self._lock:
            self._waiting.append((what, size, self._begin(), self._minute))
            before = self._waiting_bytes
            self._waiting_bytes += size
        if before > _ALL_WAITING:
            self._count()
        elif before <= _MUCH_WAITING < before + size and self._much is not None:
            self._much()

    def _count(self) -> None:
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
                    self._waiting_bytes -= size

    def _count_one(self, what: Delivered | Withheld | Exposed, now: float, minute: int) -> None:
        if isinstance(what, Exposed):
            learnt = self._learner.learn(what.payload)
            with self._lock:
                self._counts.learn(what, learnt, now, minute)
        else:
            with self._lock:
                self._counts.add(what, now, minute)

    def _begin(self) -> float:
        """The time; from here on its minute is booked in, unless a later one has begun already."""
        now = self._clock()
        self._minute = max(self._minute, int(now) // MINUTE * MINUTE)
        return now

    def _merge(self, store: AccountStore, now: float, *, all_: bool) -> None:
        """Write what others booked, and tell the journal of minutes that are not as it says.

        Code is booked on the day that is open, whenever it was disclosed: nothing is added to one
        that the journal was told of. When it was, its first and last time say.
        """
        if (merge := self._merges.take(now, self._closed, all_=all_)) is not None:
            open_ = max(int(now), self._minute, self._closed_days) // DAY * DAY
            minutes = {minute for minute, _ in merge.rows}
            again = sorted({*self._reopened, *(each for each in minutes if each <= self._closed)})
            try:
                notes = {**merge.notes, _REOPENED: msgspec.json.encode(again).decode()}
                store.add(merge.listed(), notes, merge.code(open_))
            except BaseException:
                self._merges.give_back(merge)
                raise
            self._reopened = again
            with self._lock:
                self._minute = max(self._minute, *minutes, 0)
            merge.done()
        for minute in self._reopened:
            self._record("minute", closed_minute(minute, store.rows(minute, minute + 1, MINUTE)))
        if self._reopened:
            self._reopened = []
            store.add([], {_REOPENED: None})

    def _close_minutes(self, store: AccountStore, before: int, *, passed: bool = True) -> None:
        """Tell the journal the totals of minutes that nothing can be added to any more.

        Those that have not passed are not noted as told, so that the next process tells them again,
        also when this one is killed at its end.
        """
        for minute in store.minutes(self._closed, before):
            rows = store.rows(minute, minute + 1, MINUTE)
            self._record("minute", closed_minute(minute, rows))
            if passed:
                self._closed = minute
                with self._lock:  # nothing was booked since it passed, and the clock was put back
                    self._minute = max(self._minute, minute + MINUTE)
                store.add([], {"closed": str(minute)})

    def _close_days(self, store: AccountStore, before: int) -> None:
        """As `_close_minutes`, of what was disclosed of code."""
        if before == self._looked_for_days:
            return
        for span, start in store.code.ended(self._closed_days, before):
            self._record("code", closed_span(store.code, span, start))
            self._closed_days = start + span
            store.add([], {_CLOSED_DAYS: str(self._closed_days)})
        self._looked_for_days = before

    def _tell_unbooked(self) -> None:
        with self._lock:
            unbooked = self._counts.take_unbooked()
        if unbooked.documents:
            body = {"what": "documents that were not booked, or not what is in them",
                    "documents": unbooked.documents, "why": sorted(unbooked.why),
                    "since": moment(unbooked.since)}  # fmt: skip
            try:
                self._record("gap", body)
            except JournalFailed:
                with self._lock:
                    self._counts.give_back_unbooked(unbooked)
                raise

    def _tidy(self, store: AccountStore, now: float) -> None:
        """Join what is old into longer spans, forget what is too old."""
        if now - self._tidied < _TIDY_EVERY:
            return
        options = self._options
        closed = min(self._closed, int(now - options.minutes))
        while store.compact(MINUTE, HOUR, closed):
            pass
        while store.compact(HOUR, DAY, int(now - options.hours)):
            pass
        while store.compact_code(int(now - options.hours), lambda body: self._record("code", body)):
            pass
        before = int(now - options.keep) // MINUTE * MINUTE
        if store.has_before(before):
            self._record("purge", {"what": FORGOTTEN, "before": before})
            store.forget(before)
        self._tidied = now


def _is_damage(error: Exception) -> bool:
    return isinstance(error, BrokenSketch) or is_damage(error)
