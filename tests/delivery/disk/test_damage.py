"""A damaged file: the store opens, what can be read is there, and what is lost is counted."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from shipping import balances, booked, deliver, number_of, numbered, opened, put, small

from errlock.delivery.disk.chores import checkpoint
from errlock.delivery.disk.folder import StorageError, StorageFolder
from errlock.delivery.disk.opening import open_queues
from errlock.delivery.disk.reserve import Reserve
from errlock.delivery.disk.store import DiskOptions, DiskStore
from errlock.delivery.store import StoreFailed

PAYLOADS = 40
PAGE = 4096
TABLES = 16  # pages, in which all of them begin


async def fill(folder: Path, options: DiskOptions | None = None) -> None:
    """Payloads of several pages each for `a` and `b`; every third one was delivered to `a`."""
    noise = random.Random("noise")
    async with opened(folder, options) as store:
        texts = [noise.randbytes(6000).hex() for _ in range(PAYLOADS)]
        payloads = [numbered(number, text) for number, text in enumerate(texts)]
        records = await asyncio.gather(*(put(store, payload, "a", "b") for payload in payloads))
        await asyncio.gather(*(deliver(store, one) for one, _ in records[::3]))


async def there(store: DiskStore, destination: str) -> list[int]:
    """The numbers that can be loaded; what cannot be is dropped, as a destination does."""
    numbers = []
    for record in await store.waiting(destination):
        try:
            numbers.append(number_of(await store.load(record)))
        except StoreFailed:
            await store.settle(
                record, booked("dropped", record.counts, destination, reason="damaged")
            )
    return numbers


def set_aside(folder: Path) -> list[Path]:
    """The files that were damaged, without what belongs to each."""
    return sorted(folder.glob("queue.db.damaged-*Z"))


async def test_one_damaged_payload_is_lost_alone(tmp_path: Path) -> None:
    await fill(tmp_path / "q")
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as connection, connection:
        connection.execute("UPDATE payloads SET body = zeroblob(length(body)) WHERE id = 8")
    async with opened(tmp_path / "q") as store:
        assert await there(store, "b") == [n for n in range(PAYLOADS) if n != 7]
        assert (await store.books("b"))["dropped", "event", "damaged"] == 1
        assert await balances(store, "a", "b")
    assert set_aside(tmp_path / "q") == []


@pytest.mark.parametrize("column", ["project", "received", "policy", "protocol", "signal"])
async def test_what_is_kept_beside_the_bytes_is_held_to_them(tmp_path: Path, column: str) -> None:
    await fill(tmp_path / "q")
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as connection, connection:
        connection.execute(f"UPDATE payloads SET {column} = '7' WHERE id = 1")
    async with opened(tmp_path / "q") as store:
        with pytest.raises(StoreFailed, match="damaged"):
            await store.read(1)


async def test_a_destroyed_header_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path / "q")
    with (tmp_path / "q" / "queue.db").open("r+b") as file:
        file.write(b"\xa5" * PAGE)
    async with opened(tmp_path / "q") as store:
        assert await there(store, "b") == list(range(PAYLOADS))
        assert await there(store, "a") == [n for n in range(PAYLOADS) if n % 3]
        assert await balances(store, "a", "b")
    assert len(set_aside(tmp_path / "q")) == 1
    assert "was damaged: what could be read was taken over" in caplog.text


@pytest.mark.parametrize("seed", range(8))
async def test_damaged_pages_lose_what_is_on_them_and_are_counted(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path / "q")
    path = tmp_path / "q" / "queue.db"
    draw = random.Random(seed)
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in draw.sample(range(1, pages), 3):
            file.seek(page * PAGE)
            file.write(draw.randbytes(PAGE))
    async with opened(tmp_path / "q") as store:
        found = {destination: await there(store, destination) for destination in "ab"}
        assert await balances(store, "a", "b")
        for destination, numbers in found.items():
            assert set(numbers) <= set(range(PAYLOADS))
            books = await store.books(destination)
            lost = books.get(("dropped", "event", "damaged"), 0)
            delivered = books.get(("delivered", "event", None), 0)
            assert books["accepted", "event", None] == len(numbers) + lost + delivered
        (record,) = await put(store, numbered(1000), "a")
        assert number_of(await store.load(record)) == 1000


async def test_flipped_bits_anywhere_lose_little_and_are_counted(tmp_path: Path) -> None:
    await fill(tmp_path / "whole")
    for seed in range(20):
        folder = tmp_path / f"{seed}"
        await asyncio.to_thread(shutil.copytree, tmp_path / "whole", folder)
        flip(folder / "queue.db", random.Random(seed))
        async with opened(folder) as store:
            assert len(await there(store, "b")) >= PAYLOADS // 2
            assert await balances(store, "a", "b")


def flip(path: Path, draw: random.Random) -> None:
    """Change single bits; half of them where the tables begin."""
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 3, 20])):
        at = draw.randrange(len(data) if draw.random() < 0.5 else 24 * PAGE)
        data[at] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


async def test_a_changed_table_is_damage(tmp_path: Path) -> None:
    await fill(tmp_path / "q")
    path = tmp_path / "q" / "queue.db"
    data = path.read_bytes()
    assert data.count(b"first_attempt REAL") == 1
    path.write_bytes(data.replace(b"first_attempt REAL", b"first_bttempt REAL"))
    async with opened(tmp_path / "q") as store:
        assert await there(store, "b") == list(range(PAYLOADS))
        assert await balances(store, "a", "b")
    assert len(set_aside(tmp_path / "q")) == 1


async def test_a_file_that_is_nothing_but_noise_is_replaced(tmp_path: Path) -> None:
    await fill(tmp_path / "q")
    path = tmp_path / "q" / "queue.db"
    noise = random.Random("all").randbytes(path.stat().st_size)
    path.write_bytes(noise)
    async with opened(tmp_path / "q") as store:
        assert await there(store, "b") == []
        await put(store, numbered(1), "b")
        assert await balances(store, "a", "b")
    (aside,) = set_aside(tmp_path / "q")
    assert aside.read_bytes() == noise


async def crashed(folder: Path, copy: Path) -> int:
    """A copy of a store's files while it runs, as after a crash. Returns the bytes of its WAL."""
    longer_wal = DiskOptions(reserve=8 * 1024 * 1024)  # than what is written here
    async with opened(folder, longer_wal) as store:
        for number in range(PAYLOADS):
            await put(store, numbered(number), "a")
        await asyncio.to_thread(shutil.copytree, folder, copy)
    return (copy / "queue.db-wal").stat().st_size


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
async def test_a_truncated_wal_loses_its_end(tmp_path: Path, share: float) -> None:
    size = await crashed(tmp_path / "q", tmp_path / "copy")
    with (tmp_path / "copy" / "queue.db-wal").open("r+b") as file:
        file.truncate(int(size * share))
    async with opened(tmp_path / "copy") as store:
        found = await there(store, "a")
        assert found == list(range(len(found)))
        assert (len(found) == PAYLOADS) is (share == 1.0)
        assert await balances(store, "a")


async def test_a_damaged_wal_loses_its_end(tmp_path: Path) -> None:
    size = await crashed(tmp_path / "q", tmp_path / "copy")
    with (tmp_path / "copy" / "queue.db-wal").open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\x55" * 64)
    async with opened(tmp_path / "copy") as store:
        found = await there(store, "a")
        assert found == list(range(len(found)))
        assert 0 < len(found) < PAYLOADS
        assert await balances(store, "a")


@pytest.mark.parametrize("moves", range(3))
async def test_a_crash_while_a_file_is_replaced_loses_nothing(
    tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(tmp_path / "q")
    with (tmp_path / "q" / "queue.db").open("r+b") as file:
        file.write(b"\xa5" * PAGE)

    class Crash(BaseException):
        pass

    rename = Path.rename
    left = moves

    def renamed(self: Path, target: Path) -> Path:
        nonlocal left
        if not left:
            raise Crash
        left -= 1
        return rename(self, target)

    storage = StorageFolder(tmp_path / "q")
    storage.open()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", renamed)
        with pytest.raises(Crash):
            open_queues(storage, Reserve(storage.file("reserve"), 1), None, logging.getLogger())
    storage.close()
    async with opened(tmp_path / "q") as again:
        assert await there(again, "b") == list(range(PAYLOADS))
        assert await balances(again, "a", "b")
    assert len(set_aside(tmp_path / "q")) == 1


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    await fill(tmp_path / "q")
    path = tmp_path / "q" / "queue.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"was written by a newer errlock \(version 99\)"):
        async with opened(tmp_path / "q"):
            pass
    assert path.read_bytes() == before


async def put_many(store: DiskStore) -> None:
    for number in range(200):
        await put(store, numbered(number), "a", "b")


async def damage(store: DiskStore, path: Path) -> None:
    """Of a file that is open, all but where its tables begin."""
    await store._call(checkpoint)
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(TABLES * PAGE)
        file.write(random.Random("damage").randbytes(size - TABLES * PAGE))
    await store._call(lambda connection: connection.execute("PRAGMA shrink_memory"))


@pytest.mark.parametrize("key", [None, bytes(range(32))], ids=["plain", "sealed"])
async def test_a_file_that_is_damaged_while_it_is_used_is_mended_at_once(
    tmp_path: Path, key: bytes | None
) -> None:
    await fill(tmp_path / "q", small(key=key))
    async with opened(tmp_path / "q", small(key=key)) as store:
        before = {each.number for each in await store.waiting("b")}
        await damage(store, tmp_path / "q" / "queue.db")
        with pytest.raises(StoreFailed, match=r"^damaged$"):
            await put_many(store)
        (last,) = await put(store, numbered(77), "a")
        assert last.number not in before
        assert number_of(await store.load(last)) == 77
        assert len(set_aside(tmp_path / "q")) == 1
        assert (await store.books("b"))["dropped", "event", "damaged"]
        assert await balances(store, "a", "b")
    async with opened(tmp_path / "q", small(key=key)) as store:
        assert 77 in await there(store, "a")
        assert await balances(store, "a", "b")


async def test_while_a_damaged_file_cannot_be_mended_what_must_be_written_waits(
    tmp_path: Path,
) -> None:
    await fill(tmp_path / "q")
    async with opened(tmp_path / "q") as store:
        in_the_way = tmp_path / "q" / "queue.db.making"
        in_the_way.mkdir()
        record, *_ = await store.waiting("b")
        await damage(store, tmp_path / "q" / "queue.db")
        with pytest.raises(StoreFailed, match=r"^damaged$"):
            await put_many(store)
        settled = asyncio.ensure_future(deliver(store, record))
        with pytest.raises(StoreFailed, match=r"^(io|damaged)$"):  # it may be taken later
            await put(store, numbered(1), "a")
        assert not settled.done()
        in_the_way.rmdir()
        assert store._writer is not None
        store._writer._next_mending = 0.0
        await asyncio.wait_for(settled, 60)
        await put(store, numbered(77), "a")
        assert record.number not in {each.number for each in await store.waiting("b")}
        assert await balances(store, "a", "b")
