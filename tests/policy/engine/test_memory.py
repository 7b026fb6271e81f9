"""What is remembered of documents is bounded in bytes, whatever is sent."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from errlock.pipeline import Pipeline


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def _event(number: int, keys: int, length: int) -> bytes:
    """Different from all others, down to its keys."""
    extra = {f"k{number}n{key}" + "x" * length: f"value {number} {key}" for key in range(keys)}
    return json.dumps({"message": f"password=hunter22x{number}", "extra": extra}).encode()


def _kept(pipeline: Pipeline, events: Iterable[bytes]) -> int:
    """The bytes that stay in memory once these went through."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for event in events:
        assert pipeline.scrub(event) is not None
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return after - before


@pytest.mark.usefixtures("traced")
def test_long_keys_are_not_kept() -> None:
    pipeline = Pipeline.default()
    pipeline.scrub(_event(-1, 1, 10))
    assert _kept(pipeline, (_event(number, 50, 10_000) for number in range(20))) < 2_000_000


@pytest.mark.usefixtures("traced")
def test_however_many_keys_are_sent_only_so_many_are_kept() -> None:
    pipeline = Pipeline.default()
    for number in range(12):  # all that is ever kept
        pipeline.scrub(_event(number, 1000, 10))
    assert _kept(pipeline, (_event(number, 1000, 10) for number in range(12, 24))) < 3_000_000
