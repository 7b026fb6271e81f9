"""Encryption at rest, and what destroys."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from shipping import balances, booked, deliver, number_of, numbered, opened, put, small

from errlock.delivery.disk.folder import StorageError
from errlock.delivery.disk.store import DiskStore
from errlock.delivery.store import Record, StoreFailed
from errlock.policy.keyring.pseudonyms import key_bytes, new_key

KEY = secrets.token_bytes(32)
CANARY = "canary-of-the-purge"


def stored_bodies(folder: Path) -> list[bytes]:
    """What is stored, as it is, of payloads."""
    with closing(sqlite3.connect(folder / "queue.db")) as connection:
        return [body for (body,) in connection.execute("SELECT body FROM payloads")]


def contents(folder: Path) -> bytes:
    """Every byte of a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def end(store: DiskStore, record: Record) -> None:
    """Settle a record as who purges it does."""
    store.settle(record, booked("dropped", record.counts, record.destination, reason="purged"))


async def test_sealed_payloads_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        for number in range(3):
            await put(store, numbered(number), "a")
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        back = [number_of(await store.load(record)) for record in await store.waiting("a")]
        assert back == [0, 1, 2]


async def test_nothing_of_a_sealed_payload_can_be_read(tmp_path: Path) -> None:
    for name, key in {"open": None, "sealed": KEY}.items():
        async with opened(tmp_path / name, small(key=key)) as store:
            await put(store, numbered(1), "a")
    plain, sealed = (stored_bodies(tmp_path / name)[0] for name in ("open", "sealed"))
    assert plain.startswith(b"\x28\xb5\x2f\xfd")  # zstd
    assert len(sealed) == len(plain) + 12 + 16
    assert plain[:64] not in sealed


async def test_another_key_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        await put(store, numbered(1), "a")
    with pytest.raises(StorageError, match=r"queue\.db: is encrypted with another key"):
        async with opened(tmp_path / "q", small(key=secrets.token_bytes(32))):
            pass
    with pytest.raises(StorageError, match=r"queue\.db: is encrypted: .* needs its key"):
        async with opened(tmp_path / "q"):
            pass
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        (record,) = await store.waiting("a")
        assert number_of(await store.load(record)) == 1


async def test_what_was_stored_before_there_was_a_key_can_still_be_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "q") as store:
        await put(store, numbered(1), "a")
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        await put(store, numbered(2), "a")
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        back = [number_of(await store.load(record)) for record in await store.waiting("a")]
        assert back == [1, 2]


@pytest.mark.parametrize("form", ["text", "raw", "hex"])
async def test_a_key_that_lies_in_the_folder_is_refused(tmp_path: Path, form: str) -> None:
    text = new_key()
    key = key_bytes(text)
    folder = tmp_path / "q"
    async with opened(folder):
        pass
    data = {"text": f"ERRLOCK_KEY={text}\n".encode(), "raw": key, "hex": key.hex().encode()}[form]
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_bytes(data)
    with pytest.raises(StorageError, match=r"key: holds the key of this storage"):
        async with opened(folder, small(key=key)):
            pass


async def test_a_sealed_body_is_held_to_its_place(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        for number in range(2):
            await put(store, numbered(number), "a")
    with closing(sqlite3.connect(tmp_path / "q" / "queue.db")) as connection, connection:
        connection.execute(
            "UPDATE payloads SET (body, checksum) = "
            "(SELECT body, checksum FROM payloads WHERE id = 2) WHERE id = 1"
        )
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        with pytest.raises(StoreFailed, match="damaged"):
            await store.read(1)
        assert number_of(await store.read(2)) == 1


async def test_no_two_bodies_share_a_nonce(tmp_path: Path) -> None:
    async with opened(tmp_path / "q", small(key=KEY)) as store:
        for _ in range(50):
            await put(store, numbered(1), "a")
    assert len({body[:12] for body in stored_bodies(tmp_path / "q")}) == 50


@pytest_asyncio.fixture(params=[None, KEY], ids=["open", "sealed"])
async def filled(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[DiskStore, Path]]:
    """A store with the canary in payloads of `a`, of `b`, and of both; some were delivered."""
    folder = tmp_path / "q"
    async with opened(folder, small(retain=3600, key=request.param)) as store:
        for number in range(60):
            to = [["a"], ["b"], ["a", "b"]][number % 3]
            payload = numbered(number, secrets.token_hex(1500))
            payload.project = CANARY
            records = await put(store, payload, *to)
            if number % 4 == 0:
                await deliver(store, records[0])
        yield store, folder


async def test_a_purge_leaves_nothing_behind(filled: tuple[DiskStore, Path]) -> None:
    store, folder = filled
    traces = [CANARY.encode(), *(body[20:60] for body in stored_bodies(folder))]
    assert all(trace in contents(folder) for trace in traces)
    for destination in ("a", "b"):
        for record in await store.waiting(destination):
            end(store, record)
        assert (await store.purge(destination)).complete
    assert await store.queued() == {}
    assert await balances(store, "a", "b")
    assert not any(trace in contents(folder) for trace in traces)


async def test_a_purge_of_one_destination_leaves_the_others_theirs(
    filled: tuple[DiskStore, Path],
) -> None:
    store, _ = filled
    before = {record.number for record in await store.waiting("b")}
    gone = await store.waiting("a")
    for record in gone:
        end(store, record)
    assert (await store.purge("a")).kept
    assert await store.waiting("a") == []
    assert {record.number for record in await store.waiting("b")} == before
    for record in await store.waiting("b"):
        assert number_of(await store.load(record)) % 3
    books = await store.books("a")
    assert books["dropped", "event", "purged"] == len(gone)
    assert await balances(store, "a", "b")


async def test_what_has_not_ended_stays_and_what_ends_twice_counts_once(
    filled: tuple[DiskStore, Path],
) -> None:
    store, _ = filled
    spared, *others = await store.waiting("a")
    for record in others:
        end(store, record)
    await store.purge("a")
    assert [record.number for record in await store.waiting("a")] == [spared.number]
    await deliver(store, spared)
    await deliver(store, others[0])  # it was purged meanwhile: booked as that, and only once
    assert await balances(store, "a", "b")


async def test_data_keys_go_when_nothing_is_sealed_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    async with opened(folder, small(key=KEY)) as store:
        await put(store, numbered(1), "a")
        [record] = await store.waiting("a")
        assert (await store.purge("b")).data_keys == 0
        end(store, record)
        assert (await store.purge("a")).data_keys == 1
        await put(store, numbered(2), "a")
    with closing(sqlite3.connect(folder / "queue.db")) as connection:
        assert connection.execute("SELECT id FROM keys").fetchall() == [(2,)]
    async with opened(folder, small(key=KEY)) as store:
        (record,) = await store.waiting("a")
        assert number_of(await store.load(record)) == 2


async def test_a_purge_takes_what_was_set_aside_too(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    async with opened(folder) as store:
        await put(store, numbered(1), "a")
    with (folder / "queue.db").open("r+b") as file:
        file.write(b"\xa5" * 4096)
    async with opened(folder) as store:
        assert list(folder.glob("queue.db.damaged-*"))
        await store.purge("a")
        assert not list(folder.glob("queue.db.damaged-*"))


async def test_what_cannot_be_removed_fails_the_purge_and_nothing_else(tmp_path: Path) -> None:
    """It ended the writing thread: nothing was stored any more."""
    folder = tmp_path / "q"
    async with opened(folder) as store:
        (folder / "queue.db.damaged-1").mkdir()
        with pytest.raises(StoreFailed, match="io"):
            await asyncio.wait_for(store.purge("a"), 60)
        await asyncio.wait_for(put(store, numbered(1), "a"), 60)
