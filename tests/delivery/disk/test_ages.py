"""What waits grows old while a collector runs, whatever the clock says when the next one starts."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hand_clock import HandClock, all_act
from sanitised_payloads import envelope, event
from scripted_exporter import ScriptedExporter, unreachable
from shipping import numbered, small
from waiting import until

from errlock.delivery.destination import Destination
from errlock.delivery.disk.store import DiskStore
from errlock.delivery.offering import Offer, offer
from errlock.delivery.options import DeliveryOptions, RetryOnFailure, SendingQueue
from errlock.delivery.retry import Backoff
from errlock.delivery.store import Shipment
from errlock.pipeline.counters import Counters
from errlock.pipeline.options import Duration

LOG = logging.getLogger("errlock.test")
HOUR, DAY = 3600.0, 86400.0


@asynccontextmanager
async def stored(folder: Path, clock: HandClock) -> AsyncIterator[DiskStore]:
    store = DiskStore(folder, small(), LOG, clock.now)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def process(
    folder: Path, clock: HandClock, exporter: ScriptedExporter, tried: str = "0"
) -> AsyncIterator[tuple[DiskStore, Destination]]:
    """One that delivers, until it is killed: nothing of its end is written."""
    options = DeliveryOptions(
        sending_queue=SendingQueue(max_age=Duration("24h")),
        retry_on_failure=RetryOnFailure(
            max_interval=Duration("5m"), max_elapsed_time=Duration(tried)
        ),
    )
    async with stored(folder, clock) as store:
        backoff = Backoff(options.retry_on_failure, lambda: 0.5)
        destination = Destination(
            "one", exporter, options, Counters(), LOG, store, clock=clock, backoff=backoff
        )
        await destination.start()
        yield store, destination
        await all_act()
        for task in destination._sending._consumers:
            task.cancel()


async def run(store: DiskStore, clock: HandClock, hours: float) -> None:
    """Let time pass, and somebody else's payload be written at the end of it."""
    for _ in range(round(hours * 6)):
        await clock.advance(600)
    await store_now(store, clock)


async def store_now(store: DiskStore, clock: HandClock) -> float:
    payload = numbered(1)
    shipment = Shipment(payload, "p:1", {"another": payload.types})
    (record,) = await store.put([shipment], [], clock.now())
    return record.enqueued


@pytest.mark.parametrize("away", [0.0, 3 * DAY, 365 * DAY, -2 * DAY, -365 * DAY])
async def test_what_waits_goes_on_to_grow_old_where_it_was(tmp_path: Path, away: float) -> None:
    clock = HandClock()
    clock.set(1000 * DAY)
    async with process(tmp_path / "q", clock, ScriptedExporter(rest=unreachable())) as (store, one):
        await offer(store, [Offer(envelope(event()), "p:1", (one,))], clock)
        await run(store, clock, 20)
    clock.set(clock.now() + away)
    async with process(tmp_path / "q", clock, ScriptedExporter(rest=unreachable())) as (store, one):
        assert 19 * HOUR < one.status().oldest_age <= 20 * HOUR
        await run(store, clock, 3)
        assert one.balance().dropped == {}
    clock.set(clock.now() - away)  # it is put right, or the next time without a collector
    async with process(tmp_path / "q", clock, ScriptedExporter(rest=unreachable())) as (store, one):
        assert 22 * HOUR < one.status().oldest_age <= 23 * HOUR
        await run(store, clock, 2)
        await until(lambda: one.balance().dropped == {("event", "expired"): 1})


async def test_so_does_the_time_for_which_it_is_tried(tmp_path: Path) -> None:
    clock = HandClock()
    clock.set(1000 * DAY)
    failing = ScriptedExporter(rest=unreachable())
    async with process(tmp_path / "q", clock, failing, "12h") as (store, one):
        await offer(store, [Offer(envelope(event()), "p:1", (one,))], clock)
        await run(store, clock, 10)
    clock.set(clock.now() + 3 * DAY)
    async with process(tmp_path / "q", clock, failing, "12h") as (store, one):
        await run(store, clock, 1)
        assert one.balance().dropped == {}
        await run(store, clock, 2)
        await until(lambda: one.balance().dropped == {("event", "retries_exhausted"): 1})
