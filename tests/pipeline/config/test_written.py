"""Configuration structs back to what a user writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_components import ByValue

from errlock.pipeline.config.written import as_written
from errlock.pipeline.options import Duration, Secret, Size


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("90s", "90s"), ("60s", "1m"), ("1h30m", "90m"), ("24h", "1d"), ("1.5s", "1500ms"),
        ("250us", "250us"), ("3ns", "3ns"), ("0", "0"), ("0s", "0"),
    ],
)  # fmt: skip
def test_a_duration_is_written_in_one_unit(written: str, text: str) -> None:
    assert as_written(Duration(written)) == text


@given(st.integers(0, 10**15))
def test_a_duration_that_is_written_is_the_same(nanoseconds: int) -> None:
    duration = Duration(f"{nanoseconds}ns")
    assert Duration(as_written(duration)) == pytest.approx(duration, abs=1e-9, rel=1e-12)


@given(st.integers(0, 2**60))
def test_a_size_that_is_written_is_the_same(size: int) -> None:
    assert Size(as_written(Size(size))) == size


def test_a_secret_is_never_written() -> None:
    assert as_written({"a": [Secret("hunter22")]}) == {"a": ["[REDACTED]"]}


def test_a_tagged_struct_keeps_its_tag() -> None:
    assert as_written((ByValue(above=1),)) == [{"type": "value", "above": 1}]
