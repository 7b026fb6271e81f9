"""The account: what left, booked when a destination has it. Delivery never waits for it.

What was booked is written once a second. A minute that has passed is closed by an entry of the
journal with its totals. What could not be booked or written is told there too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import msgspec

from ..code.booking import Booked, names_in
from ..code.closing import closed_span
from ..exposed import Exposed, Learner
from ..journal.entries import WriteEntry, moment
from ..journal.journal import JournalFailed
from ..needles.needles import Needles
from ..options import AccountOptions
from ..sqlite_file import is_damage, set_aside, why
from .counting import Delivered, Rows, Withheld
from .figures import Figures, Series
from .merges import Merges, Names
from .minutes import closed_minute
from .sketches import BrokenSketch
from .store import DAY, HOUR, MINUTE, AccountStore
from .waiting import Waiting

_EVERY = 1.0  # seconds between two writes
_TIDY_EVERY = 600.0
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
        self._path = path
        self._began = began
        self._options = options
        self._record = record
        self._clock = clock
        self._store: AccountStore | None = None
        self._waiting = Waiting(clock, needles, learner)
        # By one thread at a time: a write goes on in its own when `run` is cancelled.
        self._writing = threading.RLock()
        self._closed = 0
        self._closed_days = 0  # the end of the last one with code of which the journal was told
        self._looked_for_days = 0
        self._merges = Merges()
        self._reopened: list[int] = []  # minutes that the journal has to be told of again
        self._tidied = 0.0
        self._failing = False

    def book(self, delivered: Delivered) -> None:
        """Count what was delivered. Takes microseconds, never blocks on a disk, never raises."""
        self._waiting.add(delivered)

    def withhold(self, withheld: Withheld) -> None:
        """Count what did not leave. As `book`."""
        self._waiting.add(withheld)

    def expose(self, exposed: Exposed) -> None:
        """Note what a destination can have read. As `book`. What there is no room for is told."""
        self._waiting.expose(exposed)

    def keep_up(self) -> None:
        """Help to add up what waits, if that is too much: to be called by those who may wait, and
        make more of it.
        """
        self._waiting.keep_up()

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
        self._waiting.on_much = lambda: loop.call_soon_threadsafe(much.set)
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
                    await asyncio.to_thread(self._waiting.count)
        finally:
            self._waiting.on_much = None

    def write(self, *, last: bool = False) -> None:
        """Write what was booked, close what has passed. Blocks; never raises.

        What cannot be written now is kept, and written later. A file that is damaged is set aside.
        """
        with self._writing:
            self._write(last=last)

    def _write(self, *, last: bool) -> None:
        now = self._clock()
        self._waiting.count()
        if self._needles is not None:
            self._needles.write(now)
        rows: Rows = {}
        code: Booked = {}
        try:
            store = self._opened()
            rows, code = self._waiting.take()
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
                _log.error("the account cannot be written: %s", why(error))
            self._failing = True
            self._waiting.give_back(rows, code)
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
            self._close_minutes(store, before=self._waiting.minute + MINUTE, passed=False)
            if self._waiting.is_empty:
                store.add([], {"open": "no"})
        except Exception as error:  # noqa: BLE001  what is behind this must be closed too
            _log.error("the account cannot be closed: %s", why(error))
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
            self._waiting.know(store.labels("service"), store.labels("environment"))
            self._closed = int(store.meta("closed") or 0)
            # Also where a clock was put back while no process ran.
            self._waiting.begin(max(store.last_minute(), self._closed + MINUTE))
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
            _log.error("a damaged account cannot be set aside: %s", why(error))

    def _merge(self, store: AccountStore, now: float, *, all_: bool) -> None:
        """Write what others booked, and tell the journal of minutes that are not as it says.

        Code is booked on the day that is open, whenever it was disclosed: nothing is added to one
        that the journal was told of. When it was, its first and last time say.
        """
        if (merge := self._merges.take(now, self._closed, all_=all_)) is not None:
            open_ = max(int(now), self._waiting.minute, self._closed_days) // DAY * DAY
            minutes = {minute for minute, _ in merge.rows}
            again = sorted({*self._reopened, *(each for each in minutes if each <= self._closed)})
            try:
                notes = {**merge.notes, _REOPENED: msgspec.json.encode(again).decode()}
                store.add(merge.listed(), notes, merge.code(open_))
            except BaseException:
                self._merges.give_back(merge)
                raise
            self._reopened = again
            self._waiting.begin(max(minutes, default=0))
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
                # Nothing was booked since it passed, and the clock was put back.
                self._waiting.begin(minute + MINUTE)
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
        unbooked = self._waiting.take_unbooked()
        if unbooked.documents:
            body = {"what": "documents that were not booked, or not what is in them",
                    "documents": unbooked.documents, "why": sorted(unbooked.why),
                    "since": moment(unbooked.since)}  # fmt: skip
            try:
                self._record("gap", body)
            except JournalFailed:
                self._waiting.give_back_unbooked(unbooked)
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
