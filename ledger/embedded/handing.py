"""The account of an embedded pipeline: kept in memory, handed over from time to time.

Nothing here holds an application up: booking is an addition, and a thread of its own hands over.
What is handed over keeps its number until it was taken, so nothing is booked twice; what there was
no room for meanwhile is told by the next hand-over that arrives.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol

from ...pipeline.errors import UNREADABLE
from ...policy.forks import in_children, notice_fork
from ..account.counting import NOBODY_NOTED, Delivered, Withheld
from ..account.figures import Series
from ..account.store import MINUTE
from ..exposed import Learnt
from ..manifest import read_manifest
from ..needles.keys import NeedleKey
from ..origins import label
from ..traces import Tracer
from .handover import MOST_ROWS, MOST_VALUES, HandedName, HandedRow, HandOver, Missing
from .lines import Amounts, lines, series_of
from .turns import Turns
from .waiting_code import WaitingCode

EVERY = 60.0  # seconds between two hand-overs
_MOST_WAITING_ROWS = 20_000
_MOST_WAITING_VALUES = 200_000
_PATIENCE = 20.0  # seconds for one answer

_log = logging.getLogger("errlock.ledger")


class NotTaken(Exception):  # noqa: N818  a fact about the other side
    """A hand-over did not arrive, or nobody knows: the same one is to be sent again."""


class Unacceptable(Exception):  # noqa: N818  an answer
    """A hand-over was refused for good. The text says why."""


class Taker(Protocol):
    """Where hand-overs go."""

    def take(self, handover: HandOver, timeout: float) -> None:
        """Return when it is kept for good, after at most about `timeout` seconds.

        Raises NotTaken, Unacceptable.
        """


@dataclass(slots=True)
class _Row:
    documents: int = 0
    occurrences: int = 0
    size: int = 0
    unjudged: int = 0
    sampled: int = 0
    first: float = 0.0
    last: float = 0.0
    values: Counter[int] = field(default_factory=Counter)


class EmbeddedAccount:
    """Books what an application's SDKs send. Safe from every thread, and across forks."""

    def __init__(
        self,
        taker: Taker,
        service: str,
        *,
        key: str | None = None,
        every: float = EVERY,
        name: str | None = None,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`key` is the collector's `service.ledger.key`; without, no value is told from another.

        The thread that hands over does so within `around`.
        """
        self.tracer = Tracer(key)
        self._key_id = NeedleKey(key).id if key is not None else None
        self._taker = taker
        self._service = label(service)
        self._every = every
        self._name = name
        self._around = around
        self._clock = clock
        self._clear()
        in_children(self, lambda account: account._clear())

    def _clear(self) -> None:
        """Begin as a process that has nothing to tell: before and after a fork."""
        self._process = secrets.token_hex(16)
        self._number = 1
        self._turns = Turns()  # of all that books and of what is taken to be handed over
        self._sending = threading.RLock()
        self._is_sending = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._rows: dict[tuple[int, Series], _Row] = {}
        self._values = 0
        self._code = WaitingCode()
        self._missing = Counter[str]()  # documents, values, names
        self._missing_since = 0.0
        self._flight: HandOver | None = None
        self._ending = False
        self._refusing = False

    def book(self, delivered: Delivered, learnt: Learnt | None = None) -> None:
        """Count what a destination has, or may have, and what it learns from that.

        Takes microseconds, never raises.
        """
        documents = sum(delivered.documents.values())
        if not documents:
            return
        now = self._clock()
        try:
            manifest = read_manifest(delivered.manifest)
            base = series_of(delivered, manifest, self._service)
            found = list(lines(delivered, manifest, base))
        except Exception as failure:  # noqa: BLE001  the account must not hold up a delivery
            _log.error("what was sent cannot be booked: %s", type(failure).__name__)
            found = None

        def add() -> None:
            if found is None or len(self._rows) + len(found) > _MOST_WAITING_ROWS:
                self._miss(now, documents=documents)
                return
            for series, amounts, values in found:
                self._add(series, amounts, values, now)
            if learnt is not None:
                origin = base.destination, base.service, base.environment
                lost = self._code.book(origin, learnt.code, delivered.documents, now)
                lost += learnt.failed
                if lost:
                    self._miss(now, names=lost)
            self._begin()

        self._turns.make(add)

    def withhold(self, withheld: Withheld) -> None:
        """Count what did not leave. As `book`."""
        now = self._clock()
        try:
            manifest = read_manifest(withheld.manifest)
        except UNREADABLE:
            manifest = NOBODY_NOTED
        base = series_of(withheld, manifest, self._service)

        def add() -> None:
            for (type_, reason), documents in withheld.documents.items():
                if len(self._rows) < _MOST_WAITING_ROWS:
                    series = base._replace(type=type_, outcome="withheld", reason=reason)
                    self._add(series, Amounts(documents), (), now)
                else:
                    self._miss(now, documents=documents)
                self._begin()

        self._turns.make(add)

    def flush(self, timeout: float) -> bool:
        """Hand over what there is, within about `timeout` seconds. Whether everything was taken.

        Not in a signal's handler amid a booking, for the end of which who hands over may wait, nor
        amid another one of this very thread, which goes on with it.
        """
        deadline = time.monotonic() + timeout
        notice_fork()
        if self._turns.amid or not self._sending.acquire(timeout=timeout):
            return False
        try:
            return not self._is_sending and self._send(deadline)
        finally:
            self._sending.release()

    def close(self, timeout: float) -> bool:
        """As `flush`, and say that the process ends. It may still book, and flush again."""
        notice_fork()
        if not self._ending:  # else a signal's handler might wait for the event that it interrupts
            self._ending = True
            self._wake.set()
        return self.flush(timeout) if self._thread is not None else True

    def _add(self, series: Series, amounts: Amounts, values: Iterable[int], now: float) -> None:
        row = self._rows.setdefault((int(now) // MINUTE * MINUTE, series), _Row(first=now))
        row.last = now
        row.documents += amounts.documents
        row.occurrences += amounts.occurrences
        row.size += amounts.size
        row.unjudged += amounts.unjudged
        row.sampled += amounts.sampled
        for value in values:
            if value not in row.values:
                if self._values >= _MOST_WAITING_VALUES or len(row.values) >= MOST_VALUES:
                    self._miss(now, values=1)
                    continue
                self._values += 1
            row.values[value] += 1

    def _miss(self, since: float, **what: int) -> None:
        self._missing += Counter(what)
        self._missing_since = self._missing_since or since

    def _begin(self) -> None:
        """Have a thread hand over. In a turn."""
        if self._thread is None or self._thread.ident is None:
            self._thread = threading.Thread(target=self._run, name="errlock-account", daemon=True)
            with suppress(RuntimeError):  # too many, or the interpreter ends: then `close` does it
                self._thread.start()

    def _run(self) -> None:
        with self._around():
            while True:
                self.flush(_PATIENCE)
                if self._ending:
                    return
                self._wake.wait(self._every)

    def _send(self, deadline: float) -> bool:
        self._is_sending = True
        try:
            return self._hand_over(deadline)
        finally:
            self._is_sending = False

    def _hand_over(self, deadline: float) -> bool:
        """Send until nothing is left of what waited, something goes wrong, or the time is over.

        Of what an application books meanwhile there is always some; at the end that goes, too.
        """
        once, rest = False, True
        while (left := deadline - time.monotonic()) > 0:
            if self._flight is None:
                if not (rest or self._ending):
                    return True
                rest = self._take(even_nothing=not once)
            if (flight := self._flight) is None:
                return True
            try:
                self._taker.take(flight, min(left, _PATIENCE))
                self._tell("the account is handed over again" if self._refusing else "")
            except NotTaken as no:
                if not self._refusing:
                    _log.warning("the account cannot be handed over: %s; it waits", no)
                self._refusing = True
                return False
            except Unacceptable as no:
                _log.error("a part of the account is lost: %s", no)
                self._lose(flight)
            self._flight, once = None, True
            self._number += 1
        return False

    def _take(self, *, even_nothing: bool) -> bool:
        """Take what is to be handed over next. Whether that leaves something."""
        self._turns.make(self._code.collect)
        code = self._code.take()  # in no turn: nobody who books waits for that
        rest = self._code.left

        def make() -> None:
            nonlocal rest
            if self._rows or code or even_nothing:
                self._flight = self._made(code)
                rest = rest or bool(self._rows)

        self._turns.make(make)
        return rest

    def _tell(self, text: str) -> None:
        if text:
            _log.info(text)
        self._refusing = False

    def _lose(self, handover: HandOver) -> None:
        missing = handover.missing or Missing(documents=0, values=0, since=handover.made)
        documents = sum(row.documents for row in handover.rows if not row.class_)
        values = sum(len(row.values) for row in handover.rows)
        self._turns.make(
            lambda: self._miss(
                missing.since,
                documents=documents + missing.documents,
                values=values + missing.values,
                names=len(handover.code) + missing.names,
            )
        )

    def _made(self, code: list[HandedName]) -> HandOver:
        """The oldest of what waits, as much as one takes. In a turn."""
        rows: list[HandedRow] = []
        values = 0
        for minute, series in sorted(self._rows)[:MOST_ROWS]:
            row = self._rows[minute, series]
            if rows and values + len(row.values) > MOST_VALUES:
                break
            values += len(row.values)
            del self._rows[minute, series]
            rows.append(
                HandedRow(
                    minute=minute, **series._asdict(), documents=row.documents,
                    occurrences=row.occurrences, bytes=row.size, unjudged=row.unjudged,
                    sampled=row.sampled, first=row.first, last=row.last, values=row.values,
                )
            )  # fmt: skip
        self._values -= values
        missing = None
        if lost := self._missing:
            missing = Missing(
                documents=lost["documents"], values=lost["values"], names=lost["names"],
                since=self._missing_since,
            )  # fmt: skip
            self._missing, self._missing_since = Counter(), 0.0
        return HandOver(
            process=self._process, number=self._number, service=self._service,
            name=label(self._name or f"{socket.gethostname()}/{os.getpid()}"), every=self._every,
            made=self._clock(), key=self._key_id, rows=rows, code=code,
            missing=missing, ended=self._ending and not (self._rows or self._code),
        )  # fmt: skip
