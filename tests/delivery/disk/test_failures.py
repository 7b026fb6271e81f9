"""When the disk fails for a while: what comes in is refused, what went out is booked later."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from shipping import (
    LOG,
    balances,
    booked,
    chores_done,
    deliver,
    number_of,
    numbered,
    opened,
    put,
    small,
)  # fmt: skip
from waiting import until

from errlock.delivery.disk import chores
from errlock.delivery.disk import store as store_module
from errlock.delivery.disk.failures import MEANING
from errlock.delivery.disk.operations import Operation
from errlock.delivery.disk.transactions import Transactions, insert, transaction
from errlock.delivery.disk.writer import Writer
from errlock.delivery.store import Counts, StoreFailed
from errlock.pipeline.collector.store_watch import StorageWatch

NO_MEMORY = 0  # in place of a code of SQLite's


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """`broken(code)`: from now on transactions fail with a code of SQLite's; None: no more."""
    run = Transactions.run
    failing: list[int] = []

    def run_or_fail(self: Transactions, batch: Sequence[Operation]) -> None:
        if failing == [NO_MEMORY]:
            raise MemoryError("quotes a secret")
        if failing:
            error = sqlite3.OperationalError("quotes a secret")
            error.sqlite_errorcode = failing[0]
            raise error
        run(self, batch)

    monkeypatch.setattr(Transactions, "run", run_or_fail)

    def set_to(code: int | None) -> None:
        failing[:] = [] if code is None else [code]

    return set_to


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR, "io"),
        (sqlite3.SQLITE_IOERR_FSYNC, "io"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (NO_MEMORY, "io"),
    ],
)
async def test_settling_is_put_off_and_putting_refused(
    tmp_path: Path, broken: Callable[[int | None], None], code: int, kind: str
) -> None:
    async with opened(tmp_path / "q") as store:
        records = [(await put(store, numbered(n), "a"))[0] for n in range(4)]
        broken(code)
        records[3].attempts = 7
        update = asyncio.ensure_future(store.update(records[3]))
        settled = [asyncio.ensure_future(deliver(store, each)) for each in records[:2]]
        with pytest.raises(StoreFailed, match=f"^{kind}$"):
            await put(store, numbered(9), "a")
        late = asyncio.ensure_future(deliver(store, records[2]))
        with pytest.raises(StoreFailed, match=f"^{kind}$"):
            await put(store, numbered(9), "a")
        assert not any(each.done() for each in (update, *settled, late))
        broken(None)
        await asyncio.wait_for(asyncio.gather(update, *settled, late), 60)
        assert await store.queued() == {("a", "event"): 1}
        (left,) = await store.waiting("a")
        assert (left.number, left.attempts) == (records[3].number, 7)
        assert await balances(store, "a")
        await chores_done(store)  # they hold the reserve back again
        await put(store, numbered(9), "a")


async def test_no_room_is_given_up_for_what_can_be_written_again(
    tmp_path: Path,
    broken: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    do_chores = chores.Chores.__call__

    def until_there_is_room(self: chores.Chores) -> float:
        wait = do_chores(self)
        broken(None)
        return wait

    caplog.set_level(logging.INFO)
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        await chores_done(store)
        monkeypatch.setattr(chores.Chores, "__call__", until_there_is_room)
        broken(sqlite3.SQLITE_FULL)
        await asyncio.wait_for(deliver(store, record), 10)
        await chores_done(store)
        await put(store, numbered(2), "a")
        assert [each for each in caplog.messages if "room on the disk" in each] == []
        assert store._writer is not None
        store._writer._next_chores = 0.0  # they find that there is room still
        await chores_done(store)
    full, room = [each for each in caplog.messages if "disk" in each]
    assert full == "the disk is full: nothing is taken (503) until there is room again"
    assert room == "there is room on the disk again"


async def test_room_that_deleting_took_and_gave_back_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delete_kept = chores.delete_kept
    failing: list[bool] = []

    def full_at_first(*arguments: Any) -> Any:
        if failing and failing.pop():
            error = sqlite3.OperationalError("quotes a secret")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return delete_kept(*arguments)

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(chores, "_LATER", 0.0)
    async with opened(tmp_path / "q", small(retain=1e-9)) as store:
        (record,) = await put(store, numbered(1), "a")
        await deliver(store, record)
        await chores_done(store)
        failing[:] = [*[False] * 100, True]
        monkeypatch.setattr(chores, "delete_kept", full_at_first)
        (record,) = await put(store, numbered(2), "a")
        await deliver(store, record)
        while len(failing) > 90:
            await chores_done(store)
        assert store.trouble is None
    assert caplog.messages == []


async def test_it_is_in_trouble_as_long_as_something_waits_to_be_written(
    tmp_path: Path, broken: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although other things could be written: what is put is refused."""
    do_chores, seen = Writer._do_chores, []

    def watched(writer: Writer) -> float:
        wait = do_chores(writer)
        seen.append(writer.failing)
        return wait

    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        broken(sqlite3.SQLITE_IOERR_WRITE)
        settled = asyncio.ensure_future(deliver(store, record))
        with pytest.raises(StoreFailed, match=r"^io$"):
            await put(store, numbered(2), "a")
        monkeypatch.setattr(Writer, "_do_chores", watched)
        assert store._writer is not None
        store._writer._next_chores = 0.0
        await chores_done(store)
        assert set(seen) == {"io"}
        broken(None)
        await asyncio.wait_for(settled, 60)
        await put(store, numbered(2), "a")
        assert store.trouble is None


async def test_that_nothing_is_taken_is_told_once_although_something_waits_to_be_written(
    tmp_path: Path, broken: Callable[[int | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        broken(sqlite3.SQLITE_IOERR_WRITE)
        settled = asyncio.ensure_future(deliver(store, record))
        with pytest.raises(StoreFailed, match=r"^io$"):
            await put(store, numbered(2), "a")
        assert store._writer is not None
        for _ in range(3):
            store._writer._next_chores = 0.0
            await chores_done(store)
        assert caplog.messages == [MEANING["io"]]
        broken(None)
        await asyncio.wait_for(settled, 60)
        store._writer._next_chores = 0.0
        await chores_done(store)
        assert caplog.messages[1:] == ["the file of the queues can be written again"]


async def test_a_disk_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run, answers = Transactions.run, threading.Event()

    def hang(self: Transactions, batch: Sequence[Operation]) -> None:
        answers.wait(60)
        run(self, batch)

    async with opened(tmp_path / "q") as store:
        watch = StorageWatch(store)
        watching = asyncio.create_task(watch.run())
        monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
        monkeypatch.setattr(Transactions, "run", hang)
        stored = asyncio.ensure_future(put(store, numbered(1), "a"))
        await until(lambda: caplog.messages)
        assert watch.trouble == "hangs"
        answers.set()
        await stored
        await until(lambda: len(caplog.messages) == 2)
        assert watch.trouble is None
        watching.cancel()
    assert caplog.messages == [
        "the disk of service.storage does not answer: who sends waits in vain",
        "the disk of service.storage answers again",
    ]


async def test_how_a_record_was_meanwhile_is_not_kept(
    tmp_path: Path, broken: Callable[[int | None], None]
) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        broken(sqlite3.SQLITE_FULL)
        one: Counts = {"event": 1}
        lines = [*booked("accepted", one, "a"), *booked("dropped", one, "a", reason="filtered")]
        first = asyncio.ensure_future(store.update(record, lines))
        for attempts in range(500):
            record.attempts = attempts
            last = asyncio.ensure_future(store.update(record))
        with pytest.raises(StoreFailed):
            await put(store, numbered(2), "a")
        assert store._writer is not None
        assert len(store._writer.kept) == 1
        assert not first.done()
        broken(None)
        await asyncio.wait_for(asyncio.gather(first, last), 60)
        (left,) = await store.waiting("a")
        assert left.attempts == 499
        assert (await store.books("a"))["dropped", "event", "filtered"] == 1
        await deliver(store, record)
        assert await balances(store, "a")


async def test_what_could_not_be_written_at_the_end_happens_again(
    tmp_path: Path, broken: Callable[[int | None], None]
) -> None:
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        broken(sqlite3.SQLITE_IOERR)
        settled = asyncio.ensure_future(deliver(store, record))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await settled
    broken(None)
    async with opened(tmp_path / "q") as store:
        (record,) = await store.waiting("a")
        assert number_of(await store.load(record)) == 1
        assert await balances(store, "a")


async def test_chores_and_calls_that_fail_of_anything_do_not_end_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_memory(*_: object) -> float:
        raise MemoryError("quotes a secret")

    async with opened(tmp_path / "q") as store:
        with monkeypatch.context() as patched:
            patched.setattr(chores.Chores, "__call__", no_memory)
            for each in (chores_done(store), store._call(no_memory)):
                store._writer._next_chores = 0.0  # type: ignore[union-attr]
                with contextlib.suppress(StoreFailed):
                    await asyncio.wait_for(each, 60)
        (record,) = await asyncio.wait_for(put(store, numbered(1), "a"), 60)
        await asyncio.wait_for(deliver(store, record), 60)
        assert await balances(store, "a")
    assert "the file of the queues: MemoryError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (
            sqlite3.SQLITE_IOERR,
            "the file of the queues cannot be written (io): nothing is taken (503) until it can be",
        ),
        # What comes in alone found no room: the reserve is there.
        (
            sqlite3.SQLITE_FULL,
            "the disk is full: nothing is taken (503) until there is room again",
        ),
    ],
    ids=["io", "full"],
)
async def test_a_disk_that_fails_all_night_is_told_once_and_so_is_its_end(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
    meaning: str,
) -> None:
    def failing(*_: object) -> float:
        error = sqlite3.OperationalError("quotes a secret")
        error.sqlite_errorcode = code
        raise error

    caplog.set_level("INFO")
    async with opened(tmp_path / "q") as store:
        writer = store._writer
        assert writer is not None
        with monkeypatch.context() as patched:
            patched.setattr(chores.Chores, "__call__", failing)
            for _ in range(5):
                writer._next_chores = 0.0
                await chores_done(store)
        for _ in range(2):
            writer._next_chores = 0.0
            await chores_done(store)
    told = [each.getMessage() for each in caplog.records if each.name == LOG.name]
    assert told == [meaning, "the file of the queues can be written again"]


async def test_the_file_becomes_smaller_after_a_backlog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "_WORTH_IT", 100)
    monkeypatch.setattr(chores, "_LATER", 0.05)
    path = tmp_path / "q" / "queue.db"
    async with opened(tmp_path / "q") as store:
        payloads = [numbered(n, secrets.token_hex(32 * 1024)) for n in range(60)]
        records = await asyncio.gather(*(put(store, each, "a", "b") for each in payloads))
        largest = await asyncio.to_thread(lambda: path.stat().st_size)
        assert largest > 50 * 32 * 1024
        await asyncio.gather(*(deliver(store, record) for record, _ in records))
        await asyncio.gather(*(deliver(store, record) for _, record in records[:-1]))
        await asyncio.sleep(0.2)
        await chores_done(store)
        (left,) = await store.waiting("b")
        assert number_of(await store.load(left)) == 59
    assert path.stat().st_size < largest / 4


async def test_what_no_disk_takes_is_refused_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unfit = numbered(9)
    unfit.project = "secret \ud800"  # not UTF-8, which SQLite wants
    async with opened(tmp_path / "q") as store:
        payloads = [numbered(1), numbered(2), unfit, numbered(3)]
        *taken, refused, last = await asyncio.gather(
            *(put(store, each, "a") for each in (*payloads[:2], unfit, payloads[3])),
            return_exceptions=True,
        )
        assert isinstance(refused, StoreFailed)
        assert refused.kind == "unfit"
        assert not any(isinstance(each, BaseException) for each in (*taken, last))
        assert await store.queued() == {("a", "event"): 3}
        assert await balances(store, "a")
        assert store.trouble is None
    assert "a payload cannot be stored: UnicodeEncodeError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_record_that_no_disk_takes_stops_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one: Counts = {"event": 1 << 63}  # more than a column holds
    async with opened(tmp_path / "q") as store:
        records = [(await put(store, numbered(n), "a"))[0] for n in range(4)]
        waited = [
            deliver(store, records[0]),
            store.settle(records[1], booked("dropped", one, "a", reason="expired")),
            deliver(store, records[2]),
        ]
        await asyncio.wait_for(asyncio.gather(*waited), 60)
        await asyncio.wait_for(put(store, numbered(5), "a"), 60)
        assert (await store.books("a"))["dropped", "event", "expired"] == 1 << 63
        assert [each.number for each in await store.waiting("a")] == [records[3].number, 5]
        assert (await store.purge("b")).complete  # it concerns no other destination
    assert f"record {records[1].number} cannot be written (OverflowError)" in caplog.text
    async with opened(tmp_path / "q") as store:  # it did not end there
        assert [each.number for each in await store.waiting("a")] == [2, 4, 5]
        assert await balances(store, "a")


async def test_a_record_that_no_disk_takes_the_end_of_is_destroyed_in_a_purge(
    tmp_path: Path,
) -> None:
    one: Counts = {"event": 1 << 63}
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        await store.settle(record, booked("dropped", one, "a", reason="purged"))
        assert (await store.purge("a")).complete
        with pytest.raises(StoreFailed, match="damaged"):
            await store.read(record.payload)
    async with opened(tmp_path / "q") as store:
        assert await store.waiting("a") == []
        assert await balances(store, "a")


async def test_what_no_disk_took_of_a_record_is_not_how_it_is_later(tmp_path: Path) -> None:
    one: Counts = {"event": 1 << 63}
    async with opened(tmp_path / "q") as store:
        (record,) = await put(store, numbered(1), "a")
        for record.attempts in (5, 6):
            await store.update(record, booked("dropped", one, "a", reason="expired"))
        (left,) = await store.waiting("a")
        assert left.attempts == 6
        record.attempts = 7
        await store.update(record)
        (left,) = await store.waiting("a")
        assert left.attempts == 7
        assert (await store.books("a"))["dropped", "event", "expired"] == 2 << 63


def test_a_rollback_that_fails_too_ends_no_later_transaction(tmp_path: Path) -> None:
    class Stumbling(sqlite3.Connection):
        failing = True

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "ROLLBACK" and self.failing:
                self.failing = False
                raise sqlite3.OperationalError
            return super().execute(sql, *values)

    path = tmp_path / "some.db"
    with contextlib.closing(sqlite3.connect(path, 5, 0, None, factory=Stumbling)) as connection:
        connection.execute("CREATE TABLE numbers (number)")
        with pytest.raises(sqlite3.OperationalError), transaction(connection):
            insert(connection, "numbers", [(1,)], verb="UNKNOWN")
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (2)")
        assert connection.execute("SELECT number FROM numbers").fetchall() == [(2,)]


async def test_of_a_batch_that_stops_half_way_nothing_is_booked_twice(
    tmp_path: Path, broken: Callable[[int | None], None]
) -> None:
    async with opened(tmp_path / "q") as store:
        records = [(await put(store, numbered(n), "a"))[0] for n in range(3)]
        broken(sqlite3.SQLITE_IOERR)
        lines = [
            [
                *booked("accepted", {"event": n}, "a"),
                *booked("dropped", {"event": n}, "a", reason="filtered"),
            ]
            for n in (1, 1 << 63, 2)
        ]
        updates = [
            asyncio.ensure_future(store.update(r, b)) for r, b in zip(records, lines, strict=True)
        ]
        with pytest.raises(StoreFailed, match="io"):
            await put(store, numbered(9), "a")
        broken(None)
        await asyncio.wait_for(asyncio.gather(*updates), 60)
        await put(store, numbered(9), "a")
    async with opened(tmp_path / "q") as store:
        assert (await store.books("a"))["dropped", "event", "filtered"] == 3
        assert await balances(store, "a")
