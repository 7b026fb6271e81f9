"""What waits in memory takes as much as is counted, whoever has looked at it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from sanitised_payloads import envelope, event, logs
from shipping import opened

from errlock.delivery.resting import AtRest
from errlock.delivery.store import MemoryStore, Shipment, Store
from errlock.pipeline.payloads.document import Payload

EXTRA = {str(number): [number] for number in range(1000)}
AMOUNT = 20


def large_envelope() -> Payload:
    return envelope(event(extra=EXTRA))


def large_logs() -> Payload:
    return logs(*(f"a line of text {number}" for number in range(1000)))


def large_one() -> Payload:
    return logs(*(f"a line of text {number}" for number in range(10_000)))


@pytest.mark.parametrize("made", [envelope, large_envelope, large_logs, large_one])
async def test_each_gets_one_of_its_own(made: Callable[[], Payload]) -> None:
    payload = made()
    payload.manifest = b"what it holds"
    resting = AtRest.of(payload)
    one, other = await resting.read(), await resting.read()
    one.documents[0].dropped = "invalid"
    assert other.types == payload.types
    assert other.encode() == payload.encode()
    assert (other.manifest, other.project, other.received) == (
        payload.manifest, payload.project, payload.received,
    )  # fmt: skip


async def keep(store: Store, made: Callable[[], Payload]) -> int:
    """Have payloads wait for `b` that `a` had and has read. Returns bytes that they count for."""
    counted = 0
    for _ in range(AMOUNT):
        payload = made()
        shipment = Shipment(payload, "p", dict.fromkeys("ab", payload.types))
        for record in await store.put([shipment], [], 0.0):
            if record.destination == "a":
                loaded = await store.load(record)
                assert all(each.tree for each in [*loaded.documents, *loaded.contexts])
                await store.settle(record, [])
        counted += len(payload.encode())
    return counted


@pytest.mark.parametrize("made", [large_envelope, large_logs])
@pytest.mark.parametrize("kind", ["disk", "memory"])
async def test_what_one_destination_read_takes_no_more_memory_while_another_is_down(
    tmp_path: Path, kind: str, made: Callable[[], Payload]
) -> None:
    async with opened(tmp_path / "q") as disk:
        store = disk if kind == "disk" else MemoryStore()
        await keep(store, made)  # what is loaded and remembered only once
        tracemalloc.start()
        try:
            counted = await keep(store, made)
            gc.collect()
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert taken < 1.5 * counted
