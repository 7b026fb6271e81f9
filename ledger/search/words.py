"""Whether values went out in clear as words, that no detector claimed: asked of the filters."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..needles.keys import NeedleKey
from ..needles.store import NeedleStore
from ..needles.word_filters import Words
from ..needles.words import WordReader, words_of
from .variants import Spelling

DAY = 86400
_FAR = 2**31  # days


@dataclass(frozen=True, slots=True)
class WordSighting:
    """On which days all words of a value seem to have gone to a destination."""

    index: int  # of the value
    destination: str
    what: str  # which variant of the value it was; nothing: it
    days: tuple[int, ...]  # since the epoch
    by_chance: float  # how likely that is of a value that did not, looked for in as many variants


class WordSearch:
    """The words of values to look for."""

    def __init__(self, spelled: Iterable[Spelling]) -> None:
        self._words: dict[bytes, int] = {}
        self._spelled: list[Spelling] = []  # those with words
        # Which spelling has which word, and how many each has.
        has, word, amounts = array("q"), array("q"), array("q")
        seen: set[frozenset[int]] = set()
        for each in spelled:
            if not each.what:
                seen = set()  # the value itself comes before its variants
            words = words_of(each.text.encode("utf-8", "replace"))
            numbers = frozenset([self._words.setdefault(w, len(self._words)) for w in words])
            if numbers and numbers not in seen:
                seen.add(numbers)
                has.extend([len(self._spelled)] * len(numbers))
                word.extend(numbers)
                amounts.append(len(numbers))
                self._spelled.append(each)
        # Values of which some words were seen, if not all: what was cut off may have left.
        self.in_part: set[int] = set()
        self._has, self._word, self._amounts = map(np.asarray, (has, word, amounts))
        self._variants = Counter(each.index for each in self._spelled)

    @property
    def searchable(self) -> set[int]:
        """Values that have words at all."""
        return {each.index for each in self._spelled if not each.what}

    def find(
        self,
        store: NeedleStore,
        keys: Sequence[tuple[str, NeedleKey]],
        destinations: Collection[str] | None,
        since: float,
        until: float,
    ) -> Iterator[WordSighting]:
        """Where they seem to have gone. Raises sqlite3.Error."""
        if not self._words:
            return
        first = int(since) // DAY
        last = _FAR if until == float("inf") else int(until - 1) // DAY + 1
        kept = store.words.destinations()
        to_ask = [to for to in kept if destinations is None or to in destinations]
        for secret, key in keys:
            fingerprints = WordReader(secret).fingerprints(self._words)
            for to in to_ask:
                words = key.needles(to, fingerprints).view(np.uint64)
                yield from self._on_days(store, to, words, first, last)

    def _on_days(
        self, store: NeedleStore, destination: str, words: Words, first: int, last: int
    ) -> Iterator[WordSighting]:
        days: defaultdict[int, list[int]] = defaultdict(list)
        chance = 0.0
        for seen in store.words.find(destination, words, first, last):
            chance += seen.by_chance
            there = np.bincount(self._has[seen.words[self._word]], minlength=len(self._spelled))
            self.in_part.update(self._spelled[n].index for n in np.flatnonzero(there).tolist())
            for number in np.flatnonzero(there == self._amounts).tolist():
                days[number].append(seen.day)
        for number, found in days.items():
            each = self._spelled[number]
            likely = min(1.0, chance * self._variants[each.index])
            yield WordSighting(each.index, destination, each.what, tuple(found), likely)
