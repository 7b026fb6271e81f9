"""How many different values a sketch says there were."""

from __future__ import annotations

import math
import random

import pytest

from errlock.ledger.account.sketches import BrokenSketch, Sketch, union

FEW = 1023


def sketch(fingerprints: list[int]) -> bytes:
    """A sketch of these."""
    made = Sketch()
    made.add(fingerprints)
    return bytes(made)


def fingerprints(count: int, seed: object = 0) -> list[int]:
    """So many, signed, as `Fingerprints` makes them."""
    chosen = random.Random(str(seed))
    return [chosen.getrandbits(64) - (1 << 63) for _ in range(count)]


def test_nothing_is_nothing() -> None:
    assert not Sketch()
    assert Sketch().estimate() == (0, 0, 0)
    assert union([None, None]) is None


@pytest.mark.parametrize("count", [1, 2, 500, FEW])
def test_few_are_counted(count: int) -> None:
    values = fingerprints(count)
    made = sketch(values + values)
    assert Sketch(made).estimate() == (count, count, count)
    assert len(made) == 1 + 4 * count


@pytest.mark.parametrize("count", [FEW + 1, 3_000, 20_000, 200_000])
def test_many_are_estimated_within_the_stated_error(count: int) -> None:
    runs = 60 if count <= 20_000 else 6
    found = [Sketch(sketch(fingerprints(count, run))).estimate() for run in range(runs)]
    errors = [each.middle / count - 1 for each in found]
    assert math.sqrt(sum(error**2 for error in errors) / runs) < 1.5 * 1.04 / 64
    assert abs(sum(errors) / runs) < 3 * 1.04 / 64 / math.sqrt(runs)  # it leans to no side
    missed = sum(not each.low <= count <= each.high for each in found)
    assert missed <= runs // 8


@pytest.mark.parametrize("count", [10, FEW, 5_000])
def test_sketches_joined_in_any_order_are_the_sketch_of_all(count: int) -> None:
    values = fingerprints(count)
    parts = [sketch(values[start : start + count // 2]) for start in range(0, count, count // 3)]
    one = union(parts)
    assert one == union(reversed(parts))
    assert one == union([None, *parts, parts[0]])
    assert one == sketch(values)


def test_what_comes_after_many_counts_too() -> None:
    values = fingerprints(5_010)
    made = Sketch(sketch(values[:5_000]))
    made.add(values[5_000:])
    assert made.estimate() == Sketch(sketch(values)).estimate()
    assert bytes(made) == sketch(values)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"h123",
        b"r" + bytes(4095),
        b"r" + bytes(4095) + bytes([22]),  # no fingerprint has so many zeros
        b"\x02\x01\x07\x0c\x00\x08\x00\x00",
    ],
    ids=["nothing", "kind", "hash", "short", "rank", "another library's"],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenSketch):
        Sketch(data)
