"""Waiting payloads in one SQLite file: what `put` acknowledged is on the disk."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ...pipeline.payloads.document import DocumentType, Payload
from ..resting import AtRest
from ..store import Booking, Books, Record, Shipment, StoreFailed
from . import purge as purging
from .cache import PayloadCache
from .chores import Copies
from .failures import Trouble, kind_of
from .kept import Kept, still_waiting
from .opening import not_opened
from .operations import Call, Ending, Given, Operation, Put, Settle, Update, values_of
from .packing import Damaged
from .purge import Purged
from .queue_file import QueueFile
from .reader import Among, Reader, Selection, Stored
from .transactions import booked, remember
from .writer import Tools, Writer

_CACHED = 16 * 1024 * 1024  # bytes
_PAGE = 100  # payloads
# Seconds after which a disk that is still at the same work is said to hang.
_PATIENCE = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOptions:
    """How the file is kept."""

    reserve: int = 32 * 1024 * 1024  # bytes held back for when the disk is full
    retain_delivered: float = 0.0  # seconds that payloads are kept after their last delivery
    retain_delivered_size: int = 4 << 30  # bytes of the file above which they go before that
    key: bytes | None = None  # the master key, for encryption


class DiskStore:
    """See `Store`. One process at a time; two threads, one that writes and one that reads."""

    durable = True

    def __init__(
        self,
        folder: Path,
        options: DiskOptions,
        log: logging.Logger,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`folder` is made when it is not there. Nothing is opened yet."""
        self.copies = Copies(options.retain_delivered, options.retain_delivered_size)
        self._file = QueueFile(
            folder, self.copies, reserve=options.reserve, key=options.key,
            is_full=lambda: self.trouble == "full", now=now, log=log,
        )  # fmt: skip
        self._log = log
        self._cache = PayloadCache(_CACHED)
        self._writer: Writer | None = None
        self._thread: threading.Thread | None = None
        self._reader: Reader | None = None
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="errlock-store-reader")

    async def open(self) -> None:
        """Lock the folder, mend what is damaged, get ready. Raises OSError (StorageError)."""
        opened = asyncio.get_running_loop().create_future()
        thread = threading.Thread(
            target=self._work, args=[opened], name="errlock-store-writer", daemon=True
        )
        thread.start()
        try:
            self._writer = await opened
        except BaseException:
            await asyncio.to_thread(thread.join)
            raise
        self._thread = thread
        loop = asyncio.get_running_loop()
        try:
            self._reader = await loop.run_in_executor(self._reading, self._new_reader)
        except BaseException as error:
            await self.close()
            if isinstance(error, sqlite3.Error):
                raise not_opened(self._file.path, error) from None
            raise

    def is_gone(self) -> bool:
        """See `QueueFile.is_gone`. Any thread may ask."""
        return self._file.is_gone()

    @property
    def trouble(self) -> Trouble | None:
        """What `put` fails of by now, or waits for, if it does. Any thread may ask."""
        if self._writer is None:
            return None
        since = self._writer.busy_since
        if since is not None and time.monotonic() - since > _PATIENCE:
            return "hangs"
        return self._writer.failing or (None if self._file.reserve.whole else "full")

    async def close(self) -> None:
        """See `Store.close`."""
        if self._reader is not None:
            await self._ask(lambda reader: reader.close())
            self._reader = None
        self._reading.shutdown()
        writer, self._writer = self._writer, None
        if writer is not None:
            assert self._thread is not None
            writer.close()
            await asyncio.to_thread(self._thread.join)

    async def put(
        self,
        shipments: Sequence[Shipment],
        bookings: Sequence[Booking],
        now: float,
        *,
        remember: Mapping[str, str] = MappingProxyType({}),
        given: Sequence[Given] = (),
        ended: Sequence[Ending] = (),
    ) -> list[Record]:
        """See `Store.put`. In the same transaction: what is to be remembered, what a replay has
        sent with it, and records that it ends.

        Who is cancelled while waiting cannot know whether it was stored.
        """
        if not self._file.reserve.whole:
            raise StoreFailed("full")
        needed = [each for each in shipments if each.deliveries]
        put = Put(
            answer=_answer(), shipments=needed, bookings=bookings, now=now, remember=remember,
            given=given, ended=ended,
        )  # fmt: skip
        return await self._put(put)

    async def replace(
        self, record: Record, shipments: Sequence[Shipment], bookings: Sequence[Booking]
    ) -> list[Record]:
        """See `Store.replace`."""
        origin = await self._ask(lambda reader: reader.origin(record.payload))
        # Also where nothing new is taken: what is acknowledged needs it to get away.
        put = Put(
            answer=_answer(), shipments=[replace(each, origin=origin) for each in shipments],
            bookings=(), now=record.enqueued, ended=[(record, bookings)],
        )  # fmt: skip
        return await self._put(put)

    async def _put(self, put: Put) -> list[Record]:
        records: list[Record] = await self._submit(put)
        for record, _ in put.ended:
            self._cache.done(record.payload)
        deliveries = Counter(record.payload for record in records)
        for (number, count), shipment in zip(deliveries.items(), put.shipments, strict=True):
            self._cache.add(number, AtRest.of(shipment.payload, shipment.body), count)
        return records

    async def load(self, record: Record) -> Payload:
        """See `Store.load`."""
        at_hand = self._cache.get(record.payload)
        return await (self.read(record.payload) if at_hand is None else at_hand.read())

    async def read(self, payload: int) -> Payload:
        """A stored payload by its number. Raises StoreFailed."""
        return await self._ask(lambda reader: reader.payload(payload))

    def update(self, record: Record, bookings: Sequence[Booking] = ()) -> Awaitable[None]:
        """See `Store.update`."""
        values = values_of(record, self._file.ages.stored(record.first_attempt))
        return self._submit(Update(answer=_answer(), values=values, bookings=bookings))

    def settle(self, record: Record, bookings: Sequence[Booking]) -> Awaitable[None]:
        """See `Store.settle`. What was delivered is retained, if that is wanted."""
        self._cache.done(record.payload)
        return self._submit(Settle(answer=_answer(), record=record, bookings=bookings))

    async def waiting(self, destination: str) -> list[Record]:
        """See `Store.waiting`. What ended and could not be written yet does not wait any more."""
        # In this order: what is written meanwhile is in the first or not in the second.
        kept = self._kept()
        unwritten = await self._call(lambda _: list(kept))
        records = await self._ask(lambda reader: reader.waiting(destination))
        waiting = still_waiting(records, unwritten)
        self._file.ages.read(waiting)
        return waiting

    async def books(self, destination: str) -> Books:
        """See `Store.books`. What could not be written yet is booked, too."""
        kept = self._kept()
        return await self._call(lambda each: booked(each, destination) + kept.booked(destination))

    async def queued(self) -> Counter[tuple[str, DocumentType]]:
        """Documents that wait, by destination and type: counted over the file."""
        return await self._ask(lambda reader: reader.queued())

    async def last(self) -> int:
        """The number of the payload that was stored last, also of one that is gone."""
        return await self._ask(lambda reader: reader.last())

    async def select(
        self, among: Among, selection: Selection, after: int = 0, without: str = ""
    ) -> AsyncIterator[Stored]:
        """Stored payloads with a number above `after`, in their order: to go on where one was.

        Documents that the destination `without` was given already are not counted.
        """
        while page := await self._page(among, selection, after, without):
            for stored in page:
                yield stored
            after = page[-1].payload

    async def remember(self, values: Mapping[str, str]) -> None:
        """Keep texts under names, durably. Raises StoreFailed."""
        await self._call(lambda connection: remember(connection, values))

    async def recall(self, name: str) -> str | None:
        """What was kept under a name."""
        return await self._ask(lambda reader: reader.recall(name))

    async def purge(self, destination: str) -> Purged:
        """Destroy what was settled, and what was delivered to a destination and kept.

        For good: see `purge.py`. Files that were set aside after damage go too, with all that is
        in them. Raises StoreFailed, also when something that was settled could not be written yet;
        what was destroyed until then stays so.
        """
        call = partial(self._call, in_turn=True)
        ended = self._kept().ended
        file = self._file
        return await purging.purge(
            call, file.path.parent, file.seals, destination, ended, file.reserve.step
        )

    async def _page(
        self, among: Among, selection: Selection, after: int, without: str
    ) -> list[Stored]:
        return await self._ask(lambda reader: reader.page(among, selection, after, _PAGE, without))

    def _work(self, opened: asyncio.Future[Writer]) -> None:
        """The life of the writing thread."""

        def tell(failure: Exception | None, writer: Writer | None = None) -> None:
            if opened.cancelled():
                if writer is not None:
                    writer.close()
            elif failure is not None:
                opened.set_exception(failure)
            else:
                assert writer is not None
                opened.set_result(writer)

        loop = opened.get_loop()
        try:
            tools = self._file.open()
        except Exception as error:  # noqa: BLE001  whoever opens it waits for an answer
            self._file.close()
            loop.call_soon_threadsafe(tell, not_opened(self._file.path, error))
            return
        writer = Writer(tools, self._file.reserve, self._reopened, self.is_gone, self._log)
        loop.call_soon_threadsafe(tell, None, writer)
        writer.run()
        self._file.close()

    def _reopened(self) -> Tools:
        """A mended file, for reading too. Raises OSError."""
        tools = self._file.reopen()
        with suppress(RuntimeError):  # nobody reads any more: it is being closed
            self._reading.submit(self._read_anew).result()
        return tools

    def _read_anew(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = self._new_reader()

    def _new_reader(self) -> Reader:
        return Reader(self._file.path, self._file.seals)

    def _kept(self) -> Kept:
        """What could not be written yet; it belongs to the writing thread. Raises StoreFailed."""
        if self._writer is None:
            raise StoreFailed("io")
        return self._writer.kept

    def _submit(self, operation: Operation) -> asyncio.Future[Any]:
        if self._writer is None:
            operation.answer.set_exception(StoreFailed("io"))
        else:
            self._writer.submit(operation)
        return operation.answer

    async def _call(
        self, function: Callable[[sqlite3.Connection], T], *, in_turn: bool = False
    ) -> T:
        """Have the writing thread do something of its own transaction; see `Call`."""
        call = Call(answer=_answer(), function=function, in_turn=in_turn)
        result: T = await self._submit(call)
        return result

    async def _ask(self, question: Callable[[Reader], T]) -> T:
        """Read something. Raises StoreFailed."""

        def answer() -> T:
            if self._reader is None:
                raise StoreFailed("io")
            return question(self._reader)

        if self._reader is None:
            raise StoreFailed("io")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reading, answer)
        except Damaged:
            raise StoreFailed("damaged") from None
        except sqlite3.Error as error:
            raise StoreFailed(kind_of(error)) from None


def _answer() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()
