"""A store that cannot be opened: it says so, in words of its own, and holds on to nothing."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from shipping import LOG, NOW, balances, number_of, numbered, opened, put, small

from errlock.delivery.disk import queue_file
from errlock.delivery.disk import store as store_module
from errlock.delivery.disk.folder import StorageError
from errlock.delivery.disk.reader import Reader
from errlock.delivery.disk.sealing import Seals
from errlock.delivery.disk.store import DiskStore
from errlock.delivery.store import StoreFailed

KEY = secrets.token_bytes(32)


def changed(folder: Path, statement: str) -> None:
    """What stands in the file, as something else has left it."""
    with closing(sqlite3.connect(folder / "queue.db")) as connection, connection:
        connection.execute(statement)


async def test_a_file_that_only_the_reader_cannot_open_is_no_open_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "q") as store:
        await put(store, numbered(1), "a")
    before = threading.active_count()

    def without_the_file(path: Path, seals: Seals | None) -> Reader:
        path.rename(path.with_name("away"))
        try:
            return Reader(path, seals)
        finally:
            path.with_name("away").rename(path)

    with monkeypatch.context() as patched:
        patched.setattr(store_module, "Reader", without_the_file)
        with pytest.raises(StorageError, match=r"queue\.db: cannot be opened \(io\)$"):
            await DiskStore(tmp_path / "q", small(), LOG, lambda: NOW).open()
    assert threading.active_count() == before
    async with opened(tmp_path / "q") as store:
        (record,) = await store.waiting("a")
        assert number_of(await store.load(record)) == 1


async def test_whatever_keeps_it_from_being_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Exception] = [RuntimeError("quotes a secret"), MemoryError()]

    def fails(*_: Any) -> None:
        raise raised.pop(0)

    with monkeypatch.context() as patched:
        patched.setattr(queue_file, "Chores", fails)
        with pytest.raises(StorageError, match=r"queue\.db: cannot be opened \(RuntimeError\)$"):
            await asyncio.wait_for(DiskStore(tmp_path, small(), LOG, lambda: NOW).open(), 10)
        with pytest.raises(MemoryError):  # which says more than that
            await asyncio.wait_for(DiskStore(tmp_path, small(), LOG, lambda: NOW).open(), 10)
    async with opened(tmp_path) as store:
        await put(store, numbered(1), "a")


async def test_one_that_is_not_waited_for_is_closed(tmp_path: Path) -> None:
    opening = asyncio.ensure_future(DiskStore(tmp_path, small(), LOG, lambda: NOW).open())
    await asyncio.sleep(0)
    opening.cancel()
    _, pending = await asyncio.wait([opening], timeout=10)
    assert not pending
    async with opened(tmp_path) as store:
        await put(store, numbered(1), "a")


@pytest.mark.parametrize(
    "column",
    [
        "payloads.body", "payloads.checksum", "payloads.policy", "payloads.project",
        "deliveries.destination", "deliveries.counts", "deliveries.sent", "books.destination",
    ],
)  # fmt: skip
async def test_a_value_of_another_kind_loses_its_row_alone(tmp_path: Path, column: str) -> None:
    """One flipped bit makes bytes of a text, or the other way round."""
    async with opened(tmp_path) as store:
        for number in range(3):
            await put(store, numbered(number), "a")
    table, _, name = column.partition(".")
    key = {"payloads": "id = 2", "deliveries": "number = 2"}.get(table, "TRUE")
    other = f"hex({name})" if name in ("body", "checksum") else f"CAST({name} AS BLOB)"
    changed(tmp_path, f"UPDATE {table} SET {name} = {other} WHERE {key}")
    async with opened(tmp_path) as store:
        records = await store.waiting("a")
        left = [number_of(await store.load(record)) for record in records]
        assert left == [0, 1, 2] if table == "books" else left == [0, 2]
        assert await balances(store, "a")
        dropped = (await store.books("a"))["dropped", "event", "damaged"]
        assert dropped == (0 if table == "books" else 1)


async def test_a_payload_that_becomes_of_another_kind_later_is_damaged(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await put(store, numbered(1), "a")
    async with opened(tmp_path) as store:
        (record,) = await store.waiting("a")
        changed(tmp_path, "UPDATE payloads SET body = hex(body)")
        with pytest.raises(StoreFailed, match=r"^damaged$"):
            await store.load(record)


async def test_a_data_key_of_another_kind_opens_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, small(key=KEY)) as store:
        await put(store, numbered(1), "a")
    changed(tmp_path, "UPDATE keys SET wrapped = hex(wrapped)")
    with pytest.raises(StorageError, match="encrypted with another key"):
        await asyncio.wait_for(DiskStore(tmp_path, small(key=KEY), LOG, lambda: NOW).open(), 10)
