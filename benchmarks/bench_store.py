"""What does it cost to put payloads on a disk before they are acknowledged, and to settle them?

The same events of 30 KB go into the store in memory and into the one on disk, in turns, from so
many senders at once: each waits for its own acknowledgement before it sends the next. Once as they
are, and once judged by the default policy first, as a collector does. The disk syncs at every
commit: how many puts share one shows what group commit is worth.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.events import Events
from benchmarks.options import Options, parse, progress
from benchmarks.report import machine, show
from errlock.delivery.disk.store import DiskOptions, DiskStore
from errlock.delivery.disk.transactions import Transactions
from errlock.delivery.store import Booking, MemoryStore, Record, Shipment, Store
from errlock.pipeline import Pipeline
from errlock.pipeline.payloads.envelope import Envelope

_SIZE = 30_000
_SENDERS = (1, 8, 64)
_EVENTS = 256  # a round at most
_EACH = 32  # and for each sender
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Round:
    """What became of the events of a round."""

    puts: float  # a second
    settles: float
    cpu: float  # seconds of the process for one put, all threads together
    commits: int


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many operations each transaction had, while it lasts."""
    sizes: list[int] = []
    run = Transactions.run

    def counting(self: Transactions, batch: Sequence[object]) -> None:
        run(self, batch)  # type: ignore[arg-type]  # as it came
        sizes.append(len(batch))

    Transactions.run = counting  # type: ignore[method-assign]  # put back below
    try:
        yield sizes
    finally:
        Transactions.run = run  # type: ignore[method-assign]


async def round_of(
    store: Store, bodies: Sequence[bytes], senders: int, judge: Pipeline | None
) -> Round:
    """Put each of them, then settle what was put."""
    left = iter(bodies)
    records: list[Record] = []

    async def send() -> None:
        for body in left:
            judged = body if judge is None else judge.scrub(body, format="envelope")
            assert judged is not None
            payload = Envelope.decode(judged, "shop", 1.0)
            counts = payload.types
            bookings = [Booking("a", "accepted", kind, n) for kind, n in counts.items()]
            shipment = Shipment(payload, "p", {"a": counts}, judged)
            records.extend(await store.put([shipment], bookings, 1.0))

    async def settle(record: Record) -> None:
        bookings = [Booking("a", "delivered", kind, n) for kind, n in record.counts.items()]
        await store.settle(record, bookings)

    with counted() as commits:
        start, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(send() for _ in range(senders)))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert len(records) == len(bodies)
    start = time.perf_counter()
    for at in range(0, len(records), senders):
        await asyncio.gather(*(settle(record) for record in records[at : at + senders]))
    settling = time.perf_counter() - start
    each = len(bodies)
    return Round(each / seconds, each / settling, cpu / each, len(commits))


async def measure(options: Options, folder: Path) -> list[dict[str, object]]:
    """A row for each number of senders, without and with judging."""
    events = Events("store")
    stores: dict[str, Store] = {
        "memory": MemoryStore(),
        "disk": DiskStore(folder / "q", DiskOptions(), logging.getLogger("bench")),
    }
    for store in stores.values():
        await store.open()
    rows = []
    for judge in (None, Pipeline.default()):
        for senders in _SENDERS:
            progress(f"{senders} senders{', judged' if judge else ''}")
            amount = 24 if options.quick else min(_EVENTS, _EACH * senders)
            rounds = 1 if options.quick else _ROUNDS
            found: dict[str, list[Round]] = {name: [] for name in stores}
            for number in range(rounds + 1):
                bodies = [envelope(events) for _ in range(amount if number else 8)]
                for name, store in stores.items():
                    done = await round_of(store, bodies, senders, judge)
                    if number:  # the first one only warms up
                        found[name].append(done)
            rows.append(row(senders, judge is not None, amount, found))
    for store in stores.values():
        await store.close()
    return rows


def envelope(events: Events) -> bytes:
    """An envelope with an event like no other."""
    event = events.event(_SIZE)
    body = msgspec.json.encode(event)
    header = msgspec.json.encode({"event_id": event["event_id"]})
    return b"\n".join([header, b'{"type":"event","length":%d}' % len(body), body, b""])


def row(
    senders: int, judged: bool, amount: int, found: dict[str, list[Round]]
) -> dict[str, object]:
    """A line of the table: medians."""
    memory, disk = found["memory"], found["disk"]

    def median(rounds: list[Round], field: str) -> float:
        return float(statistics.median(getattr(each, field) for each in rounds))

    return {
        "senders": senders,
        "judged": "yes" if judged else "no",
        "n": amount * len(disk),
        "memory puts/s": median(memory, "puts"),
        "disk puts/s": median(disk, "puts"),
        "disk/memory": statistics.median(
            d.puts / m.puts for d, m in zip(disk, memory, strict=True)
        ),
        "puts a sync": amount / median(disk, "commits"),
        "memory CPU µs": median(memory, "cpu") * 1e6,
        "disk CPU µs": median(disk, "cpu") * 1e6,
        "settles/s": median(disk, "settles"),
    }


def main() -> None:
    """Measure and show."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(options, Path(folder)))
    notes = ["Medians of rounds in turns. CPU: of the whole process, for one put."]
    show("acknowledged on disk", rows, machine("zstandard", "msgspec"), notes)


if __name__ == "__main__":
    main()
