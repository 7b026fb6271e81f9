"""Filters of words: none that went out is missed, and few others are found, as the rate says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.sealing import Seal, adds_up
from errlock.ledger.needles.store import NeedleStore
from errlock.ledger.needles.word_filters import FreshWords, WordFilters, Words


def words(name: str, amount: int) -> Words:
    return np.frombuffer(random.Random(name).randbytes(8 * amount), np.uint64)


@pytest.fixture
def filters(tmp_path: Path) -> Iterator[WordFilters]:
    with closing(NeedleStore.to_write(tmp_path / "needles.db")) as store:
        yield store.words


@pytest.fixture
def seal(filters: WordFilters) -> Seal:
    return Seal(filters._db, NeedleKey("k").seal, ())


def test_no_word_is_missed_and_others_are_found_as_rarely_as_said(
    filters: WordFilters, seal: Seal
) -> None:
    there = words("there", 250_000)
    for start in range(0, there.size, 7000):  # through filters of every size
        filters.add([FreshWords(5, "sentry", there[start : start + 7000].tobytes())], seal)
        filters.join(seal)
    (seen,) = filters.find("sentry", there, 0, 10)
    assert seen.day == 5
    assert seen.words.all()
    others = words("others", 2_000_000)
    (seen,) = filters.find("sentry", others, 0, 10)
    assert seen.by_chance < 6 / 73_000
    assert seen.words.sum() <= others.size * seen.by_chance * 2 + 10


def test_what_waits_is_found_as_well(filters: WordFilters, seal: Seal) -> None:
    one, other = words("one", 10), words("other", 10)
    filters.add(
        [FreshWords(5, "sentry", one.tobytes()), FreshWords(6, "sentry", other.tobytes())], seal
    )
    found = {seen.day: list(seen.words) for seen in filters.find("sentry", one, 0, 10)}
    assert found == {5: [True] * 10, 6: [False] * 10}
    assert list(filters.find("otlp", one, 0, 10)) == []
    assert [seen.day for seen in filters.find("sentry", one, 6, 10)] == [6]


def test_words_that_come_again_take_no_room(filters: WordFilters, seal: Seal) -> None:
    again = words("again", 600)
    for _ in range(50):
        filters.add([FreshWords(5, "sentry", again.tobytes())], seal)
        filters.join(seal)
    assert filters._db.execute("SELECT part, words FROM filters").fetchall() == [(1, 600)]


def test_old_days_are_forgotten(filters: WordFilters, seal: Seal) -> None:
    for day in (5, 6):
        filters.add([FreshWords(day, "sentry", words("x", 3).tobytes())], seal)
    filters.join(seal)
    filters.forget(6, seal)
    assert [seen.day for seen in filters.find("sentry", words("x", 3), 0, 10)] == [6]
    assert filters.destinations() == ["sentry"]


def test_a_day_on_which_no_word_left_was_kept_all_the_same(
    filters: WordFilters, seal: Seal
) -> None:
    for _ in range(2):
        filters.add([FreshWords(5, "sentry", b"")], seal)
        assert filters.days() == {("sentry", 5)}
        filters.join(seal)
        assert filters.days() == {("sentry", 5)}
    filters.add([FreshWords(5, "sentry", words("x", 700).tobytes())], seal)
    filters.join(seal)
    assert filters._db.execute("SELECT part, words FROM filters").fetchall() == [(1, 682), (2, 18)]
    (seen,) = filters.find("sentry", words("x", 700), 0, 10)
    assert seen.words.all()
    seal.write()
    assert adds_up(filters._db, [NeedleKey("k").seal])
