"""Takes what embedded pipelines hand over of their accounts into a collector's own.

What comes is from processes that anybody may have taken over: labels pass the same door as those of
documents, counts are bounded, and there is a budget for each hour. Their rows are known by their
policy version, `embedded:…`, so they never mix with what the collector itself delivered.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Literal, Protocol

import msgspec

from ...pipeline.payloads.document import DOCUMENT_TYPES
from ...policy.classes import is_class
from ..account.figures import SEEN, Figures, Series
from ..account.merges import Names
from ..account.store import MINUTE
from ..code.door import admitted
from ..code.sections import mask
from ..code.tables import NameKey, Shown
from ..journal.entries import WriteEntry, moment
from ..needles.needles import Needles
from ..needles.store import NeedleSeries
from ..origins import EMBEDDED, OTHER, label
from .budgets import Budget, TooMuch
from .handover import HandedName, HandedRow, HandOver

NOTE = "process:"  # what notes about processes begin with, in the account's file

_ON_ITS_WAY = 20.0  # seconds that a hand-over may take to be answered
_MOST_PROCESSES = 10_000
_MOST_LABELS = 128
_PATIENCE = 3  # hand-overs that may fail to come before a process counts as gone
_LOOK_EVERY = 5.0  # seconds
_REMEMBERED = 8 * 86400.0  # seconds for which the number of one that ended is kept

_log = logging.getLogger("errlock.ledger")


class Merging(Protocol):
    """What of an account is used here."""

    def merge(
        self,
        rows: list[tuple[int, Series, Figures]],
        notes: Mapping[str, str | None],
        names: Names = (),
        *,
        soon: bool = False,
    ) -> Future[None]:
        """Add rows, names of code and notes; done when they are on disk."""


class Process(msgspec.Struct, kw_only=True):
    """A process that hands over."""

    number: int  # of the last hand-over
    service: str
    name: str
    seen: float
    every: float
    state: Literal["here", "ended", "silent"] = "here"


class Taking:
    """Safe from every thread."""

    def __init__(
        self,
        account: Merging,
        needles: Needles | None,
        record: WriteEntry,
        notes: Mapping[str, str],
        labels: Mapping[str, set[str]],
        oldest: float,
        clock: Callable[[], float] = time.time,
        *,
        code: bool = True,
    ) -> None:
        """`notes` and `labels` are what the account has of embedded pipelines already.

        Rows may be booked in minutes of the last `oldest` seconds. `record` never fails.
        `code`: whether names of code are kept.
        """
        self._account = account
        self._needles = needles
        self._record = record
        self._labels = {name: set(known) for name, known in labels.items()}
        self._oldest = oldest
        self._clock = clock
        self._code = code
        self._started = clock()
        self._lock = threading.Lock()
        self._processes = {
            name.removeprefix(NOTE): msgspec.json.decode(note, type=Process)
            for name, note in notes.items()
        }
        self._waiting: dict[str, Future[None]] = {}  # for what was taken last, by process
        self._budgets: defaultdict[str, Budget] = defaultdict(Budget)

    def take(self, handover: HandOver, by: str) -> Future[None]:
        """Book what somebody hands over, unless it was booked before; done when it is on disk.

        Raises TooMuch.
        """
        now = self._clock()
        with self._lock:
            known = self._processes.get(f"{by}:{handover.process}")
            if known is None or handover.number > known.number:
                self._budgets[by].pay(handover, now, new=known is None)
        return self._take(handover, by, now, now)

    def take_kept(self, handover: HandOver) -> Future[None]:
        """As `take`, what somebody kept in a file that we were given."""
        return self._take(handover, "", self._clock(), handover.made)

    def _take(self, handover: HandOver, by: str, now: float, seen: float) -> Future[None]:
        id_ = f"{by}:{handover.process}"
        with self._lock:
            known = self._processes.get(id_)
            if known is not None and handover.number <= known.number:
                return self._waiting.get(id_) or _done()
            if known is None and len(self._processes) >= _MOST_PROCESSES:
                raise TooMuch("processes")
            process = self._processes[id_] = Process(
                number=handover.number,
                service=label(handover.service),
                name=label(handover.name),
                seen=seen,
                every=handover.every,
                state="ended" if handover.ended else "here",
            )
            rows = [self._row(row, now) for row in handover.rows]
            names = [self._name(name, now) for name in handover.code if self._code]
        self._tell(handover, process, known)
        if self._needles is not None and handover.key == self._needles.key_id:
            self._note(handover, rows, now)
        done = self._account.merge(
            [(minute, series, figures) for minute, series, figures in rows],
            {NOTE + id_: msgspec.json.encode(process).decode()},
            names,
            soon=handover.ended,
        )
        with self._lock:
            self._waiting[id_] = done
        return done

    async def run(self) -> None:
        """`look` from time to time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            await asyncio.to_thread(self.look)

    def look(self, since: float | None = None) -> None:
        """Tell which processes are heard of no more, and forget those that ended long ago.

        `since` is when they could begin to hand over: what could not come is not missing yet.
        """
        reachable = self._started if since is None else since
        now = self._clock()
        notes: dict[str, str | None] = {}
        gone: list[tuple[str, Process]] = []
        with self._lock:
            for id_, process in list(self._processes.items()):
                if process.state == "here":
                    if now - max(process.seen, reachable) > _PATIENCE * process.every + _ON_ITS_WAY:
                        process.state = "silent"
                        gone.append((id_, process))
                        notes[NOTE + id_] = msgspec.json.encode(process).decode()
                elif now - process.seen > _REMEMBERED:
                    del self._processes[id_]
                    notes[NOTE + id_] = None
                if id_ in self._waiting and self._waiting[id_].done():
                    del self._waiting[id_]
        for id_, process in gone:
            self._record(
                "gap",
                {
                    "what": "an embedded process ended without handing over its account",
                    **_about(id_, process),
                    "since": moment(process.seen),
                    "until": moment(now),
                },
            )
        if notes:
            self._account.merge([], notes)

    def _row(self, row: HandedRow, now: float) -> tuple[int, Series, Figures]:
        """A row as it is booked. With the lock held."""
        newest = int(now) // MINUTE * MINUTE
        oldest = int(now - self._oldest) // MINUTE * MINUTE + 2 * MINUTE
        known = row.type in (*DOCUMENT_TYPES, OTHER) and (not row.class_ or is_class(row.class_))
        series = Series(
            row.destination,
            row.type if known else OTHER,
            self._label("service", row.service),
            self._label("environment", row.environment),
            row.policy,
            self._label("class", row.class_) if row.class_ else "",
            row.form,
            self._label("detector", row.detector) if row.detector else "",
            row.outcome,
            row.reason,
        )
        figures = Figures(
            row.documents, row.occurrences, row.bytes, row.unjudged, row.sampled,
            min(row.first, now), min(row.last, now), set(row.values),
        )  # fmt: skip
        return min(max(row.minute, oldest), newest), series, figures

    def _name(self, each: HandedName, now: float) -> tuple[tuple[str, str, str], NameKey, Shown]:
        """A name of code as it is booked: apart from the collector's own. With the lock held."""
        service = EMBEDDED + self._label("service", each.service)
        origin = each.destination, service, self._label("environment", each.environment)
        last = min(each.last, now)
        shown = Shown(each.documents, min(each.first, last), last, mask(each.lines))
        return origin, admitted(each.kind, each.name, each.detail), shown

    def _label(self, dimension: str, word: str) -> str:
        known = self._labels.setdefault(dimension, set())
        if word in known:
            return word
        word = label(word)
        if word not in known:
            if len(known) >= _MOST_LABELS:
                return OTHER
            known.add(word)
        return word

    def _note(
        self, handover: HandOver, rows: list[tuple[int, Series, Figures]], now: float
    ) -> None:
        assert self._needles is not None
        for row, (_, series, _figures) in zip(handover.rows, rows, strict=True):
            if row.class_ and is_class(row.class_) and row.outcome != "withheld":
                needles = NeedleSeries(
                    row.destination, row.class_, row.form, series.service, row.outcome in SEEN
                )
                self._needles.note_counted(needles, row.values, min(row.last, now))

    def _tell(self, handover: HandOver, process: Process, before: Process | None) -> None:
        """Have the journal say who is new, who came back, and what they lost."""
        about = _about(handover.process, process)
        if before is None or before.state == "silent":
            state = "began" if before is None else "returned"
            self._record("process", {"state": state, "policy": EMBEDDED, **about})
        missing = handover.missing
        if missing is not None:
            self._record(
                "gap",
                {
                    "what": "an embedded process had no room for all of its account",
                    **about,
                    "documents": missing.documents,
                    "values": missing.values,
                    "names": missing.names,
                    "since": moment(missing.since),
                    "until": moment(min(handover.made, self._clock())),
                },
            )
        if self._needles is not None and before is None and handover.key != self._needles.key_id:
            self._record(
                "gap",
                {
                    "what": "an embedded process has not the key of this ledger: there are no "
                    "needles of what it sends",
                    **about,
                    "since": moment(process.seen),
                },
            )


def _about(id_: str, process: Process) -> dict[str, Any]:
    process_id = id_.rpartition(":")[2][:12]
    return {"service": process.service, "process": process_id, "name": process.name}


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future
