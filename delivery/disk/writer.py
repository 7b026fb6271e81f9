"""The one thread that writes to the file of the queues, and checkpoints it.

What arrives while a commit is under way goes into the next one together: a sync of the disk takes
as long for a hundred payloads as for one.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from ..store import StoreFailed
from .answers import answer, give_up
from .chores import checkpoint
from .failures import MEANING, FailureKind, is_own, kind_of
from .kept import Kept
from .operations import Call, Operation, Put, Settle, Update
from .packing import pack
from .reserve import Reserve
from .transactions import Transactions, remember, transaction

# One transaction at most; its bytes are bounded too (`Reserve.step`).
_OPERATIONS = 1000
# Seconds until what could not be written is tried again.
_AGAIN = 0.25
# Seconds until it is seen whether anything can be written again.
_PROBE = 1.0
# Seconds until what could not be mended, or is damaged once more, is mended again.
_MEND_AGAIN = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What belongs to one connection."""

    connection: sqlite3.Connection
    transactions: Transactions
    # Called now and then; says in how many seconds it wants to be again.
    chores: Callable[[], float]


class Writer:
    """Takes operations from the event loop and answers them there."""

    def __init__(
        self,
        tools: Tools,
        reserve: Reserve,
        reopen: Callable[[], Tools],
        is_gone: Callable[[], bool],
        log: logging.Logger,
    ) -> None:
        """`reopen` mends the file. Raises OSError; the connection before it is closed.

        `is_gone` says whether what was written was written for nobody. May raise OSError.
        """
        self._tools = tools
        self._reserve = reserve
        self._reopen = reopen
        self._is_gone = is_gone
        self._log = log
        self._queue: SimpleQueue[Operation | None] = SimpleQueue()
        self.kept = Kept()  # belongs to the writing thread
        self._failure: FailureKind = "io"  # of the last transaction that failed
        self.failing: FailureKind | None = None  # whether the last one did; any thread may look
        self.busy_since: float | None = None  # at one and the same work; any thread may look
        self._damaged = False
        self._next_mending = 0.0
        self._closed = False
        self._next_chores = 0.0
        self._told_of: FailureKind | None = None  # why nothing can be written, as it was told
        self._told: set[str] = set()  # types of errors that nobody expects

    def submit(self, operation: Operation) -> None:
        """Have it done. Any thread may."""
        self._queue.put(operation)

    def close(self) -> None:
        """Do what was submitted and end `run`, whatever cannot be written."""
        self._queue.put(None)

    def run(self) -> None:
        """Work until it is closed, in the thread that opened the connection."""
        while not self._closed:
            self.busy_since = None
            batch = self._gather()
            self.busy_since = time.monotonic()
            calls = [each for each in batch if isinstance(each, Call)]
            self._carry_out([each for each in batch if not isinstance(each, Call)])
            for call in calls:
                self._call(call)
            if time.monotonic() >= self._next_chores:
                self._next_chores = time.monotonic() + self._do_chores()
        with suppress(sqlite3.Error):
            checkpoint(self._tools.connection)
        self._tools.connection.close()
        if self.kept:
            self._log.error("%d records could not be written at the end", len(self.kept))
            give_up(self.kept)

    def _gather(self) -> list[Operation]:
        """Wait for something to do, and take what is there."""
        batch: list[Operation] = []
        size = 0
        try:
            wait = _AGAIN if self.kept.waits else max(0.0, self._next_chores - time.monotonic())
            operation = self._queue.get(timeout=wait)
            while True:
                if operation is None:
                    self._closed = True
                    return batch
                if not isinstance(operation, Put) or self._packed(operation):
                    batch.append(operation)
                    size += operation.size
                if len(batch) >= _OPERATIONS or size >= self._reserve.step:
                    return batch
                operation = self._queue.get_nowait()
        except Empty:
            return batch

    def _packed(self, put: Put) -> bool:
        """Encode and compress it. False: it failed on its own, and was told so."""
        try:
            put.packed = [pack(each.payload, each.body) for each in put.shipments]
        except Exception as failure:  # noqa: BLE001  one payload must not stop the others
            if is_own(failure):
                self._refuse(put, failure)
            else:
                self._unexpected(failure)
                answer([put], StoreFailed("io"))
            return False
        return True

    def _carry_out(self, batch: Sequence[Operation]) -> None:
        """Do a batch, after what was kept of others; keep of it what must be done and cannot be."""
        if self._damaged and time.monotonic() >= self._next_mending:
            self._mend()
        self._insist()
        late = self.kept.waits
        if left := batch if late else self._try(batch):
            self.kept.add(left)
            puts = [each for each in left if isinstance(each, Put)]
            answer(puts, StoreFailed(self._failure))
            if not late:
                self._insist()

    def _mend(self) -> None:
        """Take what can be read over into a new file, as a start does. Whoever asks waits."""
        self._next_mending = time.monotonic() + _MEND_AGAIN
        self._log.error("the file of the queues is damaged, and is being mended")
        before = self._tools
        before.connection.close()
        try:
            self._tools = self._reopen()
        except Exception as error:  # noqa: BLE001  see `_unexpected`
            self._log.error("it could not be mended: %s", type(error).__name__)
            return
        # No number is given twice, though the rows that had the highest ones are lost.
        self._tools.transactions.go_on_from(before.transactions)
        self._damaged = False

    def _insist(self) -> None:
        """Do what was kept, as much of it as there is room for."""
        while self.kept.waits:
            part: Sequence[Operation] = self.kept.first(self._reserve.step)
            while left := self._try(part):
                self.kept.remove_first(len(part) - len(left))
                if self._make_room():
                    part = left
                elif len(left) == 1:
                    return
                else:
                    part = left[: len(left) // 2]
            self.kept.remove_first(len(part))

    def _make_room(self) -> bool:
        """Give up the reserve for what must be written. False: it would not help, or is gone."""
        # What failed has made the WAL longer: that room is for what is tried next.
        if released := self._failure == "full" and self._reserve.release():
            if not self._reserve.told:
                self._reserve.told = True
                self._log.error(MEANING["full"])
            self._next_chores = 0.0
        with suppress(sqlite3.Error):
            checkpoint(self._tools.connection)
        return released

    def _try(self, batch: Sequence[Operation]) -> Sequence[Operation]:
        """Do it and say so. Returns the last of it, that the disk did not take: see `_failure`."""
        if not batch:
            return ()
        try:
            self._tools.transactions.run(batch)
        except Exception as error:  # noqa: BLE001  see `_unexpected`
            if is_own(error):
                return self._try_apart(batch, error)
            self._unexpected(error)
            self._failure = self.failing = kind_of(error)
            self._next_chores = min(self._next_chores, time.monotonic() + _PROBE)
            self._damaged |= self._failure == "damaged"
            return batch
        self.failing = None
        self.kept.wrote(batch)
        self._did(batch)
        return ()

    def _try_apart(self, batch: Sequence[Operation], error: Exception) -> Sequence[Operation]:
        """One of them no disk would take: the others do not wait for it. Returns as `_try`."""
        if len(batch) == 1:
            self._refuse(batch[0], error)
            return ()
        half = len(batch) // 2
        if left := self._try(batch[:half]):
            return [*left, *batch[half:]]
        return self._try(batch[half:])

    def _refuse(self, operation: Operation, error: Exception) -> None:
        """What is new is not taken. What must be done goes on as if it were written."""
        name = type(error).__name__
        if isinstance(operation, Update | Settle):
            self._log.error(
                "record %d cannot be written (%s): the next start takes it as it was before",
                operation.number, name,
            )  # fmt: skip
            self.kept.set_aside(operation)
            answer([operation])  # whoever waits could do nothing about it
        else:
            self._log.error("a payload cannot be stored: %s", name)
            answer([operation], StoreFailed("unfit"))

    def _did(self, batch: Sequence[Operation]) -> None:
        """Say so."""
        # SQLite goes on writing to a file that was deleted: what it took is not acknowledged. What
        # is on its way to a destination goes on.
        puts = [each for each in batch if isinstance(each, Put)]
        if puts and self._wrote_for_nobody():
            answer(puts, StoreFailed("io"))
            batch = [each for each in batch if not isinstance(each, Put)]
        answer(batch)

    def _wrote_for_nobody(self) -> bool:
        try:
            return self._is_gone()
        except OSError:  # nobody knows: whoever asks would not know either whether it is there
            return True

    def _call(self, call: Call) -> None:
        if call.in_turn and self.kept.waits:
            answer([call], StoreFailed(self._failure))
            return
        try:
            call.result = call.function(self._tools.connection)
        except Exception as error:  # noqa: BLE001  see `_unexpected`
            self._unexpected(error)
            self._damaged |= kind_of(error) == "damaged"
            answer([call], StoreFailed(kind_of(error)))
        else:
            answer([call])

    def _do_chores(self) -> float:
        try:
            wait = self._tools.chores()
            if self.failing and not self.kept.waits:  # else that is tried again
                self._probe()
            kind = self.failing
        except Exception as error:  # noqa: BLE001  see `_unexpected`
            self._unexpected(error)
            kind = kind_of(error)
            self._damaged |= kind == "damaged"
        self._tell_of(kind)
        return wait if kind is None else _PROBE

    def _tell_of(self, kind: FailureKind | None) -> None:
        """Say why nothing can be written, or that it can be again: once, not for a whole night."""
        # For what waits the reserve is given up, which is told.
        known = kind == "full" and (self.kept.waits or not self._reserve.whole)
        if known or kind == self._told_of:
            return
        self._told_of = kind
        if kind is None:
            self._log.info("the file of the queues can be written again")
        else:
            self._log.warning(MEANING[kind])

    def _probe(self) -> None:
        """Write something: where nobody sends any more, nothing else shows that it can be."""
        with transaction(self._tools.connection):
            remember(self._tools.connection, {"probed": str(time.time())})
        self.failing = None

    def _unexpected(self, error: Exception) -> None:
        """Tell once of each type what is no failure of the disk.

        Whatever it is, such as no memory, this thread goes on: all who store or
        deliver wait for it.
        """
        name = type(error).__name__
        if not isinstance(error, (sqlite3.Error, OSError)) and name not in self._told:
            self._told.add(name)
            self._log.error("the file of the queues: %s", name)
