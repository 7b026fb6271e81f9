"""What people are told of how a destination does."""

from __future__ import annotations

from errlock.delivery.health import DOWN_AFTER, Health


def test_one_that_fails_now_and_then_is_told_once_a_minute() -> None:
    health, told = Health(), []
    for second in range(120):
        if health.failed("timeout", second):
            told.append((second, health.state))
        if health.succeeded():
            told.append((second, health.state))
    assert told == [(0, "failing"), (0, "up"), (60, "failing"), (60, "up")]


def test_that_it_is_down_is_told_however_lately_it_failed() -> None:
    health = Health()
    assert health.failed("timeout", 0)
    assert health.succeeded()
    assert [health.failed("timeout", 1) for _ in range(DOWN_AFTER)].index(True) == DOWN_AFTER - 1
    assert health.state == "down"
    assert health.succeeded()
