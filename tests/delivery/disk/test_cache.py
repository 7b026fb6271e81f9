"""What was just stored is at hand, within a bound."""

from __future__ import annotations

from sanitised_payloads import logs

from errlock.delivery.disk.cache import PayloadCache

SIZE = logs("a").size


def test_the_oldest_goes_for_the_newest() -> None:
    cache = PayloadCache(3 * SIZE)
    for number in range(5):
        cache.add(number, logs("a"), 1)
    assert [number for number in range(5) if cache.get(number)] == [2, 3, 4]


def test_a_payload_goes_with_its_last_delivery() -> None:
    cache = PayloadCache(3 * SIZE)
    cache.add(1, logs("a"), 2)
    cache.done(1)
    assert cache.get(1) is not None
    cache.done(1)
    assert cache.get(1) is None
    for number in range(2, 5):  # its room is free again
        cache.add(number, logs("a"), 1)
    assert all(cache.get(number) for number in range(2, 5))


def test_what_is_larger_than_the_bound_sends_nothing_away() -> None:
    cache = PayloadCache(3 * SIZE)
    cache.add(1, logs("a"), 1)
    cache.add(2, logs("a" * 4 * SIZE), 1)
    assert cache.get(1) is not None
    assert cache.get(2) is None


def test_each_gets_one_of_its_own() -> None:
    cache = PayloadCache(3 * SIZE)
    cache.add(1, logs("a"), 2)
    one, other = cache.get(1), cache.get(1)
    assert one is not None
    assert other is not None
    one.documents[0].dropped = "invalid"
    assert other.alive
