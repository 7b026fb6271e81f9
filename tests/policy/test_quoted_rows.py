"""Rows as PostgreSQL quotes them: each on its own, in time that is in proportion to the text."""

from __future__ import annotations

import time

import pytest

from errlock.policy.sql import find_in_sql


@pytest.mark.parametrize(
    "text",
    [
        b"Key (" + b"a" * 40_000 + b"!)=(x",
        b"Key (password)=(x " * 3_000,
        b"Key (password)=(" + b"x)" * 20_000,
    ],
    ids=["a long name", "many rows", "many ends"],
)
def test_hostile_rows_are_read_in_proportion_to_their_size(text: bytes) -> None:
    # A bound that quadratic work on these sizes would miss by far, and linear work by far keeps.
    began = time.process_time()
    list(find_in_sql(text))
    assert time.process_time() - began < 10
