"""`filling.py SCENARIO FOLDER`: a store on a small disk of its own that becomes full.

Exits 0 when everything was as it should be.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import sys
from pathlib import Path

import pytest
from shipping import LOG, balances, chores_done, deliver, number_of, numbered, opened, put

from errlock.delivery.disk.reader import Selection
from errlock.delivery.disk.store import DiskOptions, DiskStore
from errlock.delivery.store import Record, StoreFailed
from errlock.pipeline.payloads.document import Payload

MIB = 1024 * 1024
NOISE = random.Random("noise")


def large(number: int) -> Payload:
    """A payload that takes about 32 KiB of the disk."""
    return numbered(number, NOISE.randbytes(32 * 1024).hex())


async def put_until_full(store: DiskStore, first: int = 0) -> list[Record]:
    """Put until it is refused for want of room; what was put."""
    records: list[Record] = []
    while True:
        try:
            records += await put(store, large(first + len(records)), "a")
        except StoreFailed as failed:
            if failed.kind != "full":
                raise
            return records


def fill(folder: Path) -> Path:
    """Somebody else takes all room that is left."""
    filler = folder.with_name("filler")
    with filler.open("ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    found = os.statvfs(folder)
    assert found.f_bavail == 0
    return filler


async def delivered_on_a_full_disk(
    store: DiskStore, folder: Path
) -> tuple[Path, list[asyncio.Future[None]]]:
    """What takes the room, and deliveries that are to be booked all at once."""
    filler = folder.with_name("filler")
    filler.write_bytes(bytes(4 * MIB))
    records = await put_until_full(store)
    fill(folder)
    return filler, [asyncio.ensure_future(deliver(store, record)) for record in records]


async def putting(folder: Path) -> None:
    """What does not fit is refused and leaves no trace; the rest is delivered all the same."""
    async with opened(folder, DiskOptions(reserve=2 * MIB)) as store:
        records = await put_until_full(store)
        assert len(records) > 100
        for _ in range(10):  # it may find a little room once more
            records += await put_until_full(store, len(records))
        assert not await put_until_full(store)
        assert store.trouble == "full"
        assert await store.queued() == {("a", "event"): len(records)}
        assert await balances(store, "a")
        filler = fill(folder)
        for number, record in enumerate(records):
            assert number_of(await store.load(record)) == number
            await asyncio.wait_for(deliver(store, record), 5)
        assert await store.queued() == {}
        assert await balances(store, "a")
        filler.unlink()
        for _ in range(100):  # chores find the room
            if len(records := await put_until_full(store)) > 100:
                break
            await asyncio.sleep(0.1)
        assert len(records) > 100
        assert await balances(store, "a")


async def settling(folder: Path) -> None:
    """Without a reserve what was delivered cannot be booked: it is as soon as there is room."""
    async with opened(folder, DiskOptions(reserve=0)) as store:
        filler, settled = await delivered_on_a_full_disk(store, folder)
        await asyncio.wait(settled, timeout=2)
        assert not all(each.done() for each in settled)
        assert not await put_until_full(store)
        filler.unlink()
        await asyncio.wait_for(asyncio.gather(*settled), 60)
        assert await store.queued() == {}
        assert await balances(store, "a")


async def purging(folder: Path) -> None:
    """What ended and cannot be written fails each purge: it is on the disk."""
    async with opened(folder, DiskOptions(reserve=0)) as store:
        filler, settled = await delivered_on_a_full_disk(store, folder)
        for _ in range(3):
            with pytest.raises(StoreFailed, match="full"):
                await store.purge("a")
        left = (await store.queued())["a", "event"]
        assert left
        # A destination that begins anew by now knows of it, too.
        assert not await store.waiting("a")
        books = await store.books("a")
        assert books["accepted", "event", None] == books["delivered", "event", None] >= left
        filler.unlink()
        await asyncio.wait_for(asyncio.gather(*settled), 60)
        assert (await store.purge("a")).complete
        assert await store.queued() == {}


class Told(logging.Handler):
    """Keeps what the log says of the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words += re.findall("full|room on the disk", record.getMessage())


async def telling(folder: Path) -> None:
    """What ends meanwhile makes room for a moment: that is not told as if others could come in."""
    told = Told()
    LOG.addHandler(told)
    LOG.setLevel(logging.INFO)
    async with opened(folder, DiskOptions(reserve=2 * MIB)) as store:
        records = await put_until_full(store)
        filler = fill(folder)
        for record in records[:10]:
            await deliver(store, record)
            await put_until_full(store)
            await chores_done(store)
        assert store.trouble == "full"
        assert set(told.words) == {"full"}
        filler.unlink()
        for _ in range(600):  # chores find the room, and then that it is still there
            if told.words[-1] != "full":
                break
            await asyncio.sleep(0.1)
        assert store.trouble is None
        assert told.words[-1] == "room on the disk"
        assert told.words.count("room on the disk") == 1


async def removing(folder: Path) -> None:
    """Somebody makes room by removing the reserve; then there is enough, and things go on."""
    async with opened(folder, DiskOptions(reserve=2 * MIB)) as store:
        filler, settled = await delivered_on_a_full_disk(store, folder)
        (folder / "reserve").unlink()
        fill(folder)
        await asyncio.wait(settled, timeout=1)
        filler.unlink()
        await asyncio.wait_for(asyncio.gather(*settled), 10)
        for _ in range(100):  # chores find the room
            if store.trouble is None:
                break
            await asyncio.sleep(0.1)
        assert await put_until_full(store)
        assert (folder / "reserve").stat().st_size


async def keeping(folder: Path) -> None:
    """What was kept after its delivery gives way when there is no room: the oldest first."""
    async with opened(folder, DiskOptions(reserve=2 * MIB, retain_delivered=60)) as store:
        for record in (records := await put_until_full(store)):
            await deliver(store, record)
        assert len(records) > 100
        fill(folder)
        for _ in range(600):  # chores make room
            if more := await put_until_full(store, len(records)):
                break
            await asyncio.sleep(0.1)
        assert more
        assert await balances(store, "a")
        assert store.copies.lost
        kept = [each.payload async for each in store.select("delivered", Selection("a"))]
        assert kept == [record.payload for record in records[-len(kept) :]] if kept else True


async def mending(folder: Path) -> None:
    """A damaged file that there is no room to mend leaves others the room that there is."""
    async with opened(folder, DiskOptions(reserve=MIB)) as store:
        for number in range(100):
            await put(store, large(number), "a")
    with (folder / "queue.db").open("r+b") as file:
        file.seek(30 * 4096)
        file.write(NOISE.randbytes(4096))
    (folder / "reserve").unlink()
    left = 2 * MIB
    filler = folder.with_name("filler")
    filler.write_bytes(bytes(free(folder) - left))
    with pytest.raises(OSError, match="full"):
        async with opened(folder, DiskOptions(reserve=0)):
            pass
    assert free(folder) > left - 64 * 1024
    filler.write_bytes(bytes(MIB))
    async with opened(folder, DiskOptions(reserve=0)) as store:
        assert 90 < len(await store.waiting("a")) < 100
        assert await balances(store, "a")


def free(folder: Path) -> int:
    """Bytes that are left on its disk."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


async def crashing(folder: Path) -> None:
    """After a crash with no byte left it starts again, with everything that was acknowledged."""
    if not os.fork():
        asyncio.run(crash(folder))
    _, status = await asyncio.to_thread(os.wait)
    assert os.waitstatus_to_exitcode(status) == 7
    async with opened(folder, DiskOptions(reserve=2 * MIB)) as store:
        records = await store.waiting("a")
        assert [number_of(await store.load(record)) for record in records] == list(
            range(len(records))
        )
        assert len(records) > 100
        for record in records:
            await asyncio.wait_for(deliver(store, record), 5)
        assert await balances(store, "a")


async def crash(folder: Path) -> None:
    """Fill the disk and end without closing anything."""
    async with opened(folder, DiskOptions(reserve=2 * MIB)) as store:
        await put_until_full(store)
        fill(folder)
        os._exit(7)


if __name__ == "__main__":
    every = (putting, settling, purging, crashing, telling, removing, keeping, mending)
    scenarios = {each.__name__: each for each in every}
    with asyncio.Runner() as runner:
        runner.run(scenarios[sys.argv[1]](Path(sys.argv[2]) / "q"))
