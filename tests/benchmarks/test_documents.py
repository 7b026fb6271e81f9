"""What is measured with: documents differ from each other and stay of their kind."""

from __future__ import annotations

import json
from random import Random

from benchmarks.events import Events
from benchmarks.growing import length, sized
from benchmarks.varying import growing_lists, reworded, variant

EVENT = Events("test").event(3000)


def test_variants_differ_in_every_frame() -> None:
    first, second = variant(EVENT, Random(1)), variant(EVENT, Random(2))
    for one, other in zip(growing_lists(first), growing_lists(second), strict=True):
        assert all(a != b for a, b in zip(one, other, strict=True))
    assert first["event_id"] != second["event_id"]


def test_a_variant_leaves_the_event_as_it_was() -> None:
    before = json.dumps(EVENT)
    variant(EVENT, Random(1))
    assert json.dumps(EVENT) == before


def test_words_that_tell_stay() -> None:
    text = reworded("login with password hunter2Zx failed again", Random(1))
    assert "password hunter2Zx" in text
    assert text != "login with password hunter2Zx failed again"


def test_an_event_grows_to_a_size_by_different_frames() -> None:
    grown = sized(EVENT, 60_000, Random(1))
    assert grown is not None
    assert 50_000 < length(grown) < 72_000
    for items in growing_lists(grown):
        assert len({json.dumps(item) for item in items}) == len(items)


def test_an_event_that_is_too_large_is_not_cut_unasked() -> None:
    assert sized(EVENT, 1000, Random(1)) is None
