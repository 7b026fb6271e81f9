"""Needles: what tells later whether a value was ever sent, without keeping the value.

They come with what is booked, wait in memory, and are written by the account's once-a-second
write. Delivery never waits for them, nor does the account depend on them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..journal.entries import WriteEntry, moment
from ..journal.journal import JournalFailed
from ..options import NeedleOptions
from ..sqlite_file import is_damage, set_aside, why
from .keys import NeedleKey, is_guessable, is_kept, shortened
from .store import HOUR, Needle, NeedleSeries, NeedleStore
from .waiting_words import WaitingWords

FILE = "needles.db"
_MOST = 500_000  # in memory, while they cannot be written
_IDLE = 60.0  # seconds between two writes when there is nothing to write
_FORGET_EVERY = 24 * HOUR

_log = logging.getLogger("errlock.ledger")


class Needles:
    """Keeps needles of what was delivered. `note` is safe from every thread."""

    def __init__(
        self,
        path: Path,
        key: str,
        options: NeedleOptions,
        record: WriteEntry,
        *,
        has_words: bool = False,
        previous: Iterable[str] = (),
    ) -> None:
        """The first `write` opens the file. `record` writes to the journal; may raise OSError.

        `has_words` says that words come too; `previous` are keys that were the key before.
        """
        self._path = path
        self._key = NeedleKey(key)
        self._previous = list(map(NeedleKey, previous))
        self._options = options
        self._record = record
        self._store: NeedleStore | None = None
        self._lock = threading.Lock()
        # By series and hour: fingerprints, and how many requests held each.
        self._waiting: dict[tuple[NeedleSeries, int], dict[int, int]] = {}
        self._amount = 0
        self.words = WaitingWords(self._key)
        self._has_words = has_words
        self._lost, self._lost_since = 0, 0.0
        self._written = self._joined = self._forgot = 0.0
        self._failing = False

    @property
    def key_id(self) -> str:
        """Names the key, and tells nothing of it."""
        return self._key.id

    def note(self, series: NeedleSeries, values: Sequence[int], now: float) -> None:
        """Keep values, by their fingerprints. Takes microseconds, never raises."""
        self.note_counted(series, dict.fromkeys(values, 1), now)

    def note_counted(self, series: NeedleSeries, values: Mapping[int, int], now: float) -> None:
        """As `note`, with how many requests held each."""
        if not values or not is_kept(series.class_, self._options.guessable):
            return
        with self._lock:
            if self._amount >= _MOST:
                self._lost_since = self._lost_since or now
                self._lost += len(values)
                return
            waiting = self._waiting.setdefault((series, int(now) // HOUR), {})
            before = len(waiting)
            for value, times in values.items():
                waiting[value] = waiting.get(value, 0) + times
            self._amount += len(waiting) - before

    def write(self, now: float) -> None:
        """Write what was noted. Blocks; never raises. What cannot be written now is kept."""
        taken: dict[tuple[NeedleSeries, int], dict[int, int]] = {}
        words: dict[tuple[int, str], set[int]] = {}
        try:
            store = self._opened(now)
            with self._lock:
                taken, self._waiting, self._amount = self._waiting, {}, 0
            words = self.words.take()
            if taken or words or now - self._written >= _IDLE:
                store.add(self._needles(taken), self.words.needles(words), now)
                self._written = now
            taken, words = {}, {}
            self._tell_lost()
            self._tidy(store, now)
        except Exception as error:  # noqa: BLE001  the account must go on
            if not self._failing:
                _log.error("needles cannot be written: %s", why(error))
            self._failing = True
            self._keep(taken)
            self.words.keep(words)
            if is_damage(error):
                self._set_aside(now)
        else:
            if self._failing:
                _log.info("needles are written again")
            self._failing = False

    def close(self, now: float) -> None:
        """Write everything and let the file go. Blocks; never raises."""
        self.write(now)
        store, self._store = self._store, None
        if store is None:
            return
        try:
            store.add([], [], now, closed=not self._waiting)
            store.join(few=True)
        except Exception as error:  # noqa: BLE001  what is behind this must be closed too
            _log.error("needles cannot be closed: %s", why(error))
        store.close()

    def _opened(self, now: float) -> NeedleStore:
        if self._store is not None:
            gone = self._store.gone()
            if gone is None:
                return self._store
            _log.error("the %s of needles was deleted or replaced", gone)
            if gone == "file":
                self._set_aside(now, "deleted or replaced needles")
            else:
                self._store.close()  # which writes into the file what was in the WAL
                self._store = None
        store = NeedleStore.to_write(self._path)
        try:
            kept = store.kept()
            for crashed in kept:
                if crashed.open:
                    gap = {"what": "needles of what was delivered last may be missing",
                           "since": moment(crashed.until), "until": moment(now)}  # fmt: skip
                    self._record("gap", gap)
            keys = {self._key.id, *(each.id for each in self._previous)}
            if kept and store.sealed_under() not in keys:
                gap = {"what": "needles were sealed under a key that is not known: some may lack",
                       "since": moment(kept[0].since), "until": moment(now)}  # fmt: skip
                self._record("gap", gap)
            store.begin(
                self._key, self._options.guessable, now,
                words=self._has_words, previous=self._previous,
            )  # fmt: skip
        except BaseException:
            store.close()
            raise
        self._store = store
        return store

    def _needles(self, taken: Mapping[tuple[NeedleSeries, int], Mapping[int, int]]) -> list[Needle]:
        found = []
        for (series, hour), values in taken.items():
            needles = self._key.needles(series.destination, values)
            if is_guessable(series.class_):
                needles = shortened(needles)
            for needle, times in zip(needles.tolist(), values.values(), strict=True):
                found.append(Needle(needle, series, hour, hour, times))
        return found

    def _tidy(self, store: NeedleStore, now: float) -> None:
        """Bring what is fresh into order, forget what is too old."""
        few = now - self._joined >= HOUR
        store.join(few=few)
        self._joined = now if few else self._joined
        if now - self._forgot >= _FORGET_EVERY:
            store.forget(int(now - self._options.keep) // HOUR)
            self._forgot = now

    def _keep(self, taken: Mapping[tuple[NeedleSeries, int], Mapping[int, int]]) -> None:
        with self._lock:
            for key, values in taken.items():
                waiting = self._waiting.setdefault(key, {})
                for value, times in values.items():
                    waiting[value] = waiting.get(value, 0) + times
            self._amount = sum(map(len, self._waiting.values()))

    def _tell_lost(self) -> None:
        with self._lock:
            lost, since, self._lost, self._lost_since = self._lost, self._lost_since, 0, 0.0
        self._tell_left_out()
        if lost:
            body = {"what": "needles that could not be written", "values": lost,
                    "since": moment(since)}  # fmt: skip
            try:
                self._record("gap", body)
            except JournalFailed:
                with self._lock:
                    self._lost += lost
                    self._lost_since = since
                raise

    def _tell_left_out(self) -> None:
        left_out = self.words.take_left_out()
        if left_out:
            body = {"what": "words that were too many to be kept", "words": left_out}
            try:
                self._record("gap", body)
            except JournalFailed:
                self.words.give_back_left_out(left_out)
                raise

    def _set_aside(self, now: float, what: str = "damaged needles") -> None:
        """Put what is there out of the way; the next write begins a new file, and tells it."""
        if self._store is not None:
            self._store.close()
            self._store = None
        aside = f"{self._path.name}.damaged-{int(now)}"
        try:
            self._record("gap", {"what": what, "file": aside, "until": moment(now)})
            set_aside(self._path, aside)
        except OSError as error:
            _log.error("damaged needles cannot be set aside: %s", why(error))
