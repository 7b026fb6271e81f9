"""The store that lives as long as the process."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from sanitised_payloads import envelope, logs, spans

from errlock.delivery.options import SendingQueue
from errlock.delivery.queue import Queue
from errlock.delivery.store import MemoryStore, Shipment
from errlock.pipeline.payloads.document import Payload


@pytest.mark.parametrize("small", [envelope, logs, spans])
async def test_a_queue_of_small_payloads_takes_about_the_memory_that_it_may(
    small: Callable[[], Payload],
) -> None:
    store, queue = MemoryStore(), Queue(SendingQueue(), 1 << 20)
    tracemalloc.start()
    try:
        full = False
        while not full:
            payload = small()
            (record,) = await store.put([Shipment(payload, "p", {"a": payload.types})], [], 0.0)
            full = bool(queue.put(record))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 << 20
