"""Follows a control document: asks for it every second, and says what may be sent where.

A thread does the asking, so that it works in any application. It starts at first use, in each
process anew. Who sends asks `trust` right before: a document that could not be renewed for
`max_age` makes that `held`, also when the process itself was stopped for so long.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..trust.states import TrustState, strictest
from .document import Bundle, RefusalReason, Refused, open_online, open_release
from .keys import PublicKey
from .record import Record, RecordDamaged, RecordFile
from .source import FetchFailed, FetchFailure, Source

_log = logging.getLogger("errlock.following")

Trouble = (
    FetchFailure
    | RefusalReason
    | Literal[
        "no_thread",  # there are too many
        "record_damaged",
        "record_not_saved",
        "exception",  # whatever else came in the way; its type is in the log
    ]
)

INTERVAL = 1.0  # seconds between two looks, on average a little less: see _pause
MAX_AGE = 30.0

# The application's own generator is not touched: it may be seeded, and forks would draw alike.
_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """How following goes, for people. `troubles` counts what came in the way, by kind."""

    fresh: bool
    age: float | None  # seconds since a valid document was seen; None: never
    version: int
    trouble: Trouble | None  # of the last look, or what ended what was known
    troubles: Mapping[Trouble, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a valid document was seen, by the wall clock and by one that nobody sets."""

    wall: float
    steady: float
    expires: float


class Follower:
    """Safe to use from every thread. Makes no thread and no connection before first use.

    A process that is forked while there is one has to `start_anew`.
    """

    def __init__(
        self,
        source: Source,
        keys: Iterable[PublicKey],
        audience: str,
        *,
        folder: Path | None = None,
        max_age: float = MAX_AGE,
        name: str | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`name` is what whoever publishes calls this follower; `folder` outlives the process."""
        # What the thread needs. What it loaded by itself no child could load that is forked then:
        # Python's locks of modules are not let go there.
        import encodings.idna  # noqa: F401  to look hosts up
        import http.client  # noqa: F401

        import cryptography.exceptions
        import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401

        self._source = source
        self._keys = tuple(keys)
        self._audience = audience
        self._file = None if folder is None else RecordFile(folder, audience)
        self._max_age = max_age
        self._name = name
        self._wall = wall
        self._record: Record | None = None  # None: not read yet, or damaged
        self._trouble: Trouble | None = None
        self._troubles: Counter[Trouble] = Counter()
        self._told: object
        self._subscribers: list[Callable[[], None]] = []
        self.start_anew()

    def start_anew(self) -> None:
        """Forget thread, connections and how fresh what is known is: they are of the process before
        a fork. Nobody renewed it here, maybe for long.
        """
        self._seen: _Seen | None = None
        self._lock = threading.RLock()  # a signal's handler may ask, too
        self._starting = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._told = None
        self._source.close()

    # What those who send ask.

    def trust(self, names: Collection[str]) -> TrustState:
        """Whether a destination with these names may be sent to, right now."""
        self._run()
        record = self._record
        if record is None:
            return "held"
        state = record.state(names)
        # Nobody is woken up: who asks often would have the server asked as often, when it is down.
        return state if self._is_fresh() else strictest([state, "held"])

    def said(self, names: Collection[str]) -> TrustState:
        """What documents said of them, however long ago: words that only a release lifts."""
        record = self._record
        return "trusted" if record is None else record.state(names)

    def standby(self, destination: str) -> str | None:
        """Which destination takes over from one that is not trusted, if any was named."""
        record = self._record
        return None if record is None else record.active.get(destination)

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call it, in the follower's thread, whenever what `trust` and `standby` say may differ."""
        self._subscribers.append(callback)

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._subscribers = [each for each in self._subscribers if each != callback]

    def status(self) -> FollowStatus:
        """How following goes."""
        seen, record, fresh = self._seen, self._record, self._is_fresh()
        # What was valid ends by itself, before the next look says why there is nothing newer.
        trouble = self._trouble or ("expired" if seen is not None and not fresh else None)
        return FollowStatus(
            fresh=fresh,
            age=None if seen is None else max(0.0, self._wall() - seen.wall),
            version=0 if record is None else record.online.version,
            trouble=trouble,
            troubles=dict(self._troubles),
        )

    def close(self) -> None:
        """Stop following: from then on everything is held. Idempotent."""
        self._seen = None
        if not self._closed:  # else a signal's handler might wait for the event that it interrupts
            self._closed = True
            self._wake.set()

    def _is_fresh(self) -> bool:
        """Whether what is known is not older than `max_age`; a clock that was set back is."""
        seen = self._seen
        if seen is None:
            return False
        wall = self._wall()
        return (
            0 <= wall - seen.wall <= self._max_age
            and time.monotonic() - seen.steady <= self._max_age
            and wall < seen.expires
        )

    # The thread.

    def _run(self) -> None:
        """Start the thread if there is none."""
        thread = self._thread
        if self._closed or (thread is not None and thread.is_alive()):
            return
        with self._lock:
            if self._starting or (self._thread is not None and self._thread.is_alive()):
                return
            self._starting = True
            try:
                thread = threading.Thread(target=self._follow, name="errlock-follower", daemon=True)
                self._thread = thread  # now: a signal's handler may raise while it starts
                thread.start()
            except RuntimeError:  # there are too many, or the interpreter ends: all is held
                self._thread = None
                self._have("no_thread")
            finally:
                self._starting = False

    def _follow(self) -> None:
        if self._thread is not threading.current_thread():
            return  # nobody saw this one start, so there is another one
        self._load()
        while not self._closed:
            self._look()
            # What was just applied is told to whoever publishes without delay.
            if not self._tell():
                self._wake.wait(_pause())
        self._source.close()

    def _load(self) -> None:
        if self._record is not None:
            return
        try:
            self._record = Record() if self._file is None else self._file.load()
        except RecordDamaged:
            # Nobody knows what it had refused: hold everything until somebody looks.
            self._have("record_damaged")
            _log.error("the record of the control document is damaged: everything is held")

    def _look(self) -> None:
        record = self._record
        if record is None:
            return
        # Not when the answer came: a process that stood meanwhile has an old one.
        asked = self._wall(), time.monotonic()
        try:
            data = self._source.fetch(self._report(record))
            self._judge(data, record, *asked)
        except FetchFailed as failure:
            self._have(failure.kind)
        except Refused as refused:
            self._have(refused.reason)
        except Exception as failure:  # noqa: BLE001  nobody else would look again
            self._have("exception", f" ({type(failure).__name__})")

    def _judge(self, data: bytes, record: Record, wall: float, steady: float) -> None:
        """Take over what a document says. A release that does not count stops no tightening.

        `wall` and `steady` are when it was asked for.
        """
        trouble: Trouble | None = None
        bundle, now = Bundle.decode(data), self._wall()
        before = record
        record = record.not_after(now)
        if bundle.release is not None:
            try:
                release = open_release(bundle.release, self._keys, self._audience, now)
                record = record.with_release(release).not_after(now)  # who signed it may be ahead
            except Refused as refused:
                trouble = refused.reason
        online = open_online(bundle.online, self._keys, self._audience, now)
        record = record.with_online(online)
        # In this order: what was known before is not fresh for a moment in which others ask.
        self._record = record
        self._seen = _Seen(wall, steady, online.part.expires)
        if record is not before and not self._saved(record):
            trouble = "record_not_saved"
        self._have(trouble)

    def _saved(self, record: Record) -> bool:
        try:
            if self._file is not None:
                self._file.save(record)
        except OSError:
            return False
        return True

    def _have(self, trouble: Trouble | None, more: str = "") -> None:
        if trouble is not None:
            self._troubles[trouble] += 1
            if trouble != self._trouble:
                _log.warning("following the control document: %s%s", trouble, more)
        elif self._trouble is not None:
            _log.info("following the control document goes well again")
        self._trouble = trouble

    def _tell(self) -> bool:
        """Tell subscribers what changed; returns whether anything did."""
        record = self._record
        now = (
            record and (record.held, record.distrusted, record.lifted, record.active),
            self._is_fresh(),
        )
        if now == self._told:
            return False
        self._told = now
        for callback in self._subscribers:
            try:
                callback()
            except Exception as failure:  # noqa: BLE001  a foreign text may quote a payload
                _log.error("acting on the control document: %s", type(failure).__name__)
        return True

    def _report(self, record: Record) -> dict[str, str]:
        """What is in force here, not only read: subscribers have been told of it."""
        name = self._name or f"{socket.gethostname()}:{os.getpid()}"
        return {
            "follower": name,
            "version": str(record.online.version),
            "applied": record.online.digest[:16],
        }


def _pause() -> float:
    """Seconds to the next look; a little different each time, so that a fleet spreads out."""
    return INTERVAL * _dice.uniform(0.7, 1.1)
