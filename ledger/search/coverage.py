"""How far back needles can answer, and where they cannot: without it "not found" says nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from ..account.store import AccountStore, Delivered
from ..journal.finding import entries_of, last_of
from ..needles.store import HOUR, Kept, NeedleStore
from ..sqlite_file import OtherVersion

_RESTART = 60.0  # seconds; a shorter pause is no pause
_LATE = 65.0  # seconds: where nothing is found, that needles are kept is noted once a minute


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked about: some destinations or all, and from when to when."""

    destinations: frozenset[str] | None = None
    since: float = 0.0
    until: float = float("inf")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something may have left in this time without a needle."""

    since: float  # seconds since the epoch
    until: float
    what: str
    documents: int | None = None  # that left then at most; None: not known


@dataclass(frozen=True, slots=True)
class Coverage:
    """From when to when the needles of a storage folder answer, and the gaps within."""

    storage: str
    since: float | None  # None: none were ever kept under these keys
    until: float
    gaps: tuple[Gap, ...]
    guessable: tuple[str, ...]  # the guessable classes of which needles are kept
    words_since: float | None = None  # from then on words were kept too; None: they are not

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)


def coverage(
    folder: Path, store: NeedleStore, keys: Collection[str], window: Window, doubts: Iterable[str]
) -> Coverage:
    """Of a store, for whoever has the keys with these ids. Raises OSError, sqlite3.Error.

    Each doubt about the record as a whole is a gap of all the time.
    """
    runs = store.kept()
    mine = [run for run in runs if run.key in keys]
    if not mine:
        unread = tuple(_unreadable(folder, runs, keys, window))
        return Coverage(str(folder), None, 0.0, unread, ())
    since = max(mine[0].since, store.expired() * HOUR)
    until = mine[-1].until
    gaps = [
        *_unreadable(folder, runs, keys, window),
        *_pauses(folder, runs, window),
        *_told(folder / "journal", since, until, window),
        *_beyond(folder, store, runs, _words_since(mine, since), window),
        *_told_later(folder / "journal", runs[-1].until + _LATE, window),
        *(Gap(since, until, doubt) for doubt in doubts),
    ]
    gaps.sort(key=lambda gap: gap.since)
    guessable = {class_ for run in mine for class_ in run.guessable}
    return Coverage(
        str(folder), since, until, tuple(gaps), tuple(sorted(guessable)), _words_since(mine, since)
    )


def _words_since(runs: list[Kept], since: float) -> float | None:
    found = None
    for run in reversed(runs):
        if not run.words:
            break
        found = max(run.since, since)
    return found


def _unreadable(
    folder: Path, runs: list[Kept], keys: Collection[str], window: Window
) -> Iterator[Gap]:
    for run in runs:
        if run.key not in keys and run.until > window.since and run.since < window.until:
            documents = _documents(folder, run.since, run.until, window)
            yield Gap(run.since, run.until, "kept under a key that was not given", documents)


def _pauses(folder: Path, runs: list[Kept], window: Window) -> Iterator[Gap]:
    for before, after in pairwise(runs):
        since, until = max(before.until, window.since), min(after.since, window.until)
        if until - since > _RESTART:
            documents = _documents(folder, since, until, window)
            if documents != 0:
                yield Gap(since, until, "no needles were kept", documents)


def _documents(folder: Path, since: float, until: float, window: Window) -> int | None:
    """How many documents left at most in a time, as the account has it."""
    try:
        with closing(AccountStore.to_read(folder / "ledger.db")) as store:
            named = window.destinations or [None]
            return sum(store.documents(since, until, each) for each in named)
    except (sqlite3.Error, OtherVersion):
        return None


def _beyond(
    folder: Path, store: NeedleStore, runs: list[Kept], words_since: float | None, window: Window
) -> Iterator[Gap]:
    """What left, as the account has it, and cannot be in these needles: they began later, they end
    before, or have no word of a day. So it is of those of another collector, or of an older copy.
    """
    try:
        with closing(AccountStore.to_read(folder / "ledger.db")) as account:
            rows = [row for row in account.delivered() if _is_asked(row, window)]
            theirs = [r for r in account.delivered(embedded=True) if _is_asked(r, window)]
    except (sqlite3.Error, OtherVersion):
        return
    if words_since is not None and theirs:
        first, last = min(row.first for row in theirs), max(row.last for row in theirs)
        documents = sum(row.documents for row in theirs)
        yield Gap(
            first, last, "applications sent it themselves: their words are not kept", documents
        )
    begun, ended = runs[0].since, runs[-1].until + _LATE
    days = store.words.days() if words_since is not None else set()
    for row in rows:
        if row.first < int(begun) and row.first >= window.since:
            yield Gap(row.first, begun, "needles were not kept yet", row.documents)
        if ended < row.last < window.until:
            yield Gap(
                max(row.first, runs[-1].until),
                row.last,
                "needles end before what left",
                row.documents,
            )
        elif words_since is not None and row.last > words_since + 1 and row[:2] not in days:
            yield Gap(row.first, row.last, "no word of what left is kept", row.documents)


def _told_later(journal: Path, ended: float, window: Window) -> Iterator[Gap]:
    """Needles and an account that are older than their journal."""
    entry = last_of(journal, "minute")
    body = {} if entry is None else entry.body
    minute, left = body.get("minute"), body.get("destinations")
    if not (isinstance(minute, int) and isinstance(left, dict) and ended < minute < window.until):
        return
    if window.destinations is None or window.destinations & left.keys():
        yield Gap(ended - _LATE, minute, "needles end before the journal")


def _is_asked(row: Delivered, window: Window) -> bool:
    named = window.destinations is None or row.destination in window.destinations
    return named and row.last >= window.since and row.first < window.until


def _told(journal: Path, begun: float, ended: float, window: Window) -> Iterator[Gap]:
    """The gaps that the journal tells of; without one, all of the time is one."""
    if not journal.exists():
        since, until = max(begun, window.since), min(ended, window.until)
        yield Gap(since, until, "there is no journal to tell of gaps")
    for entry in entries_of(journal, "gap"):
        body = entry.body
        until = _seconds(body.get("until")) or _seconds(entry.time)
        since = _seconds(body.get("since")) or until
        if until >= window.since and since < window.until:
            documents = body.get("documents")
            yield Gap(
                since,
                until,
                str(body.get("what")),
                documents if isinstance(documents, int) else None,
            )


def _seconds(time: object) -> float:
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return 0.0
