"""Where values stand is found however many they are, and however they overlap."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from random import Random

import pytest

from errlock.policy import occurrences
from errlock.policy.occurrences import HEAD, Occurrences


def _expected(values: Iterable[str], text: str) -> list[tuple[int, str]]:
    standing = [
        (start, max(those, key=len))
        for start in range(len(text))
        if (those := [value for value in values if text.startswith(value, start)])
    ]
    found, reached = [], 0
    for start, value in standing:
        if start + len(value) > reached and _counts(text, start, value):
            found.append((start, value))
            reached = start + len(value)
    return found


def _counts(text: str, start: int, value: str) -> bool:
    return not value.isdigit() or not text[start - 1 : start].isalpha()


def _values(random: Random, letters: Sequence[str], text: str) -> set[str]:
    made = {"".join(random.choices(letters, k=random.randrange(HEAD, 14))) for _ in range(6)}
    for _ in range(random.randrange(20)):
        start = random.randrange(len(text))
        made.add(text[start : start + random.choice((HEAD, 7, 8, 12, 30, 60))])
    return {value for value in made if len(value) >= HEAD}


@pytest.mark.parametrize("few", [0, 64])
@pytest.mark.parametrize("letters", ["ab", "aab", "1 ", "01.x", "aé\U0001f600"])
def test_places_cover_all_that_any_value_stands_in(
    letters: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occurrences, "_FEW", few)
    random = Random(letters)
    found = 0
    for _ in range(150):
        text = "".join(random.choices(letters, k=random.randrange(1, 120)))
        values = _values(random, letters, text)
        places = list(Occurrences(values).places(text, _counts))
        assert places == _expected(values, text)
        found += len(places)
    assert found > 200


def _nested(size: int) -> set[str]:
    return {"a" * length for length in range(HEAD, int((2 * size) ** 0.5))}


def _almost(size: int) -> set[str]:
    return {value + "b" for value in _nested(size)}


@pytest.mark.parametrize("few", [0, 1 << 20])
@pytest.mark.parametrize("make", [_nested, _almost])
def test_values_that_begin_alike_take_no_longer(
    make: Callable[[int], set[str]], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight times the bytes, of text and of values: some eight times as long, and not 23 or 64."""
    monkeypatch.setattr(occurrences, "_FEW", few)

    def seconds(size: int) -> float:
        text, values = "a" * size, list(make(size))[:64] if few else make(size)
        start = time.thread_time()
        for _ in Occurrences(values).places(text, lambda *_: True):
            pass
        return time.thread_time() - start

    small = min(seconds(1 << 12) for _ in range(5))
    assert min(seconds(1 << 15) for _ in range(3)) < 16 * small
