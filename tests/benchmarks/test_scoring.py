"""The judge of leak and loss."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from benchmarks.corpus import Canary, Keep, Row, generated
from benchmarks.readable import MISSING, at, has_leaked, text_of
from benchmarks.scoring import score

SECRET = "kX93mQ7wZr41Bv"
ROW = Row(
    {"extra": {"note": f"batch77 has {SECRET}", "step": "review"}},
    [Canary(SECRET, "token", ("extra", "note"), "scenario")],
    [Keep("batch77", ("extra", "note"), neighbour=True), Keep("review", ("extra", "step"), False)],
)


def test_an_event_as_it_was_leaks_everything_and_keeps_everything() -> None:
    judged = score([ROW], [ROW.event])
    assert (judged.leaks.count, judged.leaks.total, judged.leaking_wholly) == (1, 1, 1)
    assert judged.neighbours.percent == judged.look_alikes.percent == 100


def test_what_took_the_secret_alone_loses_nothing() -> None:
    judged = score([ROW], [{"extra": {"note": "batch77 has [token]", "step": "review"}}])
    assert judged.leaks.count == 0
    assert judged.neighbours.percent == judged.clean_leaves.percent == 100


def test_what_took_the_whole_text_loses_the_neighbour() -> None:
    judged = score([ROW], [{"extra": {"note": "", "step": "review"}}])
    assert judged.leaks.count == 0
    assert judged.neighbours.percent == 0


def test_an_event_that_does_not_go_out_keeps_nothing() -> None:
    judged = score([ROW], [None])
    assert (judged.dropped, judged.leaks.count) == (1, 0)
    assert judged.neighbours.percent == judged.look_alikes.percent == 0


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET[:10],
        base64.b64encode(f"the secret is {SECRET}".encode()).decode(),
        "".join(f"%{ord(char):02x}" for char in SECRET),
        "".join(f"\\\\u{ord(char):04x}" for char in SECRET),
        "".join(f"&#{ord(char)};" for char in SECRET),
    ],
    ids=["plain", "most of it", "base64", "percent", "escapes twice", "entities"],
)
def test_a_secret_is_read_in_any_writing(written: str) -> None:
    assert has_leaked(SECRET, "token", text_of({"note": written}))


def test_less_than_most_of_it_is_no_leak() -> None:
    assert not has_leaked(SECRET, "token", text_of({"note": SECRET[:8]}))


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ({"a": {"values": ["x"]}}, "x"),
        ({"a": [["0", "x"]]}, ["0", "x"]),
        ({"a": ["x"]}, "x"),
        ({"b": 1}, MISSING),
    ],
)
def test_a_place_is_found_in_another_form(tree: Any, found: Any) -> None:
    assert at(tree, ("a", 0)) == found


def test_the_made_corpus_can_be_read_by_the_judge() -> None:
    rows = generated(3)
    judged = score(rows, [row.event for row in rows])
    assert judged.leaks.total > 20
    assert judged.leaks.percent == judged.neighbours.percent == 100
