"""What was just stored is at hand, within a bound."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from sanitised_payloads import envelope, logs, spans

from errlock.delivery.disk.cache import PayloadCache
from errlock.delivery.resting import AtRest
from errlock.pipeline.payloads.document import Payload


def of(text: str) -> AtRest:
    return AtRest.of(logs(text))


SIZE = of("a").memory


def test_the_oldest_goes_for_the_newest() -> None:
    cache = PayloadCache(3 * SIZE)
    for number in range(5):
        cache.add(number, of("a"), 1)
    assert [number for number in range(5) if cache.get(number)] == [2, 3, 4]


def test_a_payload_goes_with_its_last_delivery() -> None:
    cache = PayloadCache(3 * SIZE)
    cache.add(1, of("a"), 2)
    cache.done(1)
    assert cache.get(1) is not None
    cache.done(1)
    assert cache.get(1) is None
    for number in range(2, 5):  # its room is free again
        cache.add(number, of("a"), 1)
    assert all(cache.get(number) for number in range(2, 5))


def test_what_is_larger_than_the_bound_sends_nothing_away() -> None:
    cache = PayloadCache(3 * SIZE)
    cache.add(1, of("a"), 1)
    cache.add(2, of("a" * 4 * SIZE), 1)
    assert cache.get(1) is not None
    assert cache.get(2) is None


@pytest.mark.parametrize("small", [envelope, logs, spans])
def test_small_payloads_take_about_the_memory_that_the_bound_says(
    small: Callable[[], Payload],
) -> None:
    cache = PayloadCache(1 << 20)
    tracemalloc.start()
    try:
        for number in range(5000):
            cache.add(number, AtRest.of(small()), 1)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 << 20
