"""The slope by which time over size is judged, and the inputs that it is judged on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.adversarial import Attack, attacks
from benchmarks.bench_linear import STEEPEST, Curve

SIZES = tuple(1000 << i for i in range(6))
ATTACK = Attack("words", "none", lambda size: b"")


def curve(time: Callable[[int], float]) -> Curve:
    return Curve(ATTACK, SIZES, tuple(time(size) for size in SIZES), None)


def test_time_in_proportion_has_slope_one() -> None:
    assert curve(lambda size: size * 1e-6).slope == pytest.approx(1.0)


def test_quadratic_time_is_too_steep_behind_a_cost_that_every_document_has() -> None:
    assert curve(lambda size: 2e-3 + size * size * 6e-11).slope > STEEPEST


def test_n_log_n_is_not_too_steep() -> None:
    assert curve(lambda size: size * size.bit_length() * 1e-6).slope < STEEPEST


def test_attacks_have_names_of_their_own() -> None:
    names = [(attack.group, attack.name) for attack in attacks()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("group", ["view", "words", "copies", "shape"])
def test_attacks_grow_with_what_is_asked_for(group: str) -> None:
    for attack in attacks():
        if attack.group == group:
            small, large = len(attack.make(10_000)), len(attack.make(40_000))
            assert 2.5 < large / small < 5, attack.name
