"""Rows as PostgreSQL quotes them: each on its own, in time that is in proportion to the text."""

from __future__ import annotations

import time

import pytest
from scrubbing import scrubbed_text

from errlock.policy.words.sql import find_in_sql


def test_each_row_of_a_line_is_looked_at() -> None:
    left = scrubbed_text(
        "Key (id)=(5) already exists; Key (password)=(Wint3rfell) already exists; "
        "Key (password)=(Hunter22x) already exists"
    )
    assert left.startswith("Key (id)=(5) already exists; Key (password)=([password]) already ")
    assert "Wint3rfell" not in left
    assert "Hunter22x" not in left


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
