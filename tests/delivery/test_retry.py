"""Waits between attempts, against the numbers of the formula."""

import math

import pytest

from errlock.delivery.options import RetryOnFailure
from errlock.delivery.retry import LONGEST_HINT, Backoff
from errlock.pipeline.options import Duration


def waits(failures: int, *, draw: float = 0.5) -> list[float]:
    backoff = Backoff(RetryOnFailure(), lambda: draw)
    return [backoff.delay(number) for number in range(1, failures + 1)]


def test_the_wait_grows_from_the_initial_to_the_longest_interval() -> None:
    assert waits(7) == [5, 7.5, 11.25, 16.875, 25.3125, 30, 30]


@pytest.mark.parametrize(("draw", "wait"), [(0.0, 2.5), (0.5, 5.0), (1.0, 7.5)])
def test_the_wait_is_drawn_around_the_interval(draw: float, wait: float) -> None:
    assert waits(1, draw=draw) == [wait]


def test_ten_thousand_failures_do_not_overflow() -> None:
    assert Backoff(RetryOnFailure(multiplier=1000.0), lambda: 0.5).delay(10_000) == 30


def test_a_multiplier_of_one_keeps_the_interval() -> None:
    assert Backoff(RetryOnFailure(multiplier=1.0), lambda: 0.5).delay(9) == 5


@pytest.mark.parametrize(
    ("hint", "wait"), [(None, 5), (1.0, 5), (60.0, 60), (math.nan, 5), (math.inf, LONGEST_HINT)]
)
def test_a_destinations_wish_makes_the_wait_longer_never_shorter(
    hint: float | None, wait: float
) -> None:
    assert Backoff(RetryOnFailure(), lambda: 0.5).delay(1, hint) == wait


def test_two_destinations_do_not_wait_equally_long() -> None:
    backoff = Backoff(RetryOnFailure(initial_interval=Duration("10s")))
    drawn = {backoff.delay(1) for _ in range(100)}
    assert len(drawn) > 90
    assert min(drawn) >= 5
    assert max(drawn) <= 15
