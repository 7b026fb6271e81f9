"""Whether values went out in clear as words, that no detector claimed: asked of the filters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..needles.keys import NeedleKey
from ..needles.store import NeedleStore
from ..needles.words import WordReader, words_of
from .inventory import Wanted
from .variants import variants

DAY = 86400
_FAR = 2**31  # days


@dataclass(frozen=True, slots=True)
class WordSighting:
    """On which days all words of a value seem to have gone to a destination."""

    index: int  # of the value
    destination: str
    what: str  # which variant of the value it was; nothing: it
    days: tuple[int, ...]  # since the epoch
    by_chance: float  # how likely that is of a value that did not


class WordSearch:
    """The words of values to look for."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._words: dict[bytes, int] = {}
        # By variant: whose it is, what it is of the value, and which words it has.
        self._variants: list[tuple[int, str, frozenset[int]]] = []
        for index, each in enumerate(wanted):
            seen = set()
            for text, what in variants(each.value):
                words = words_of(text.encode("utf-8", "replace"))
                numbers = frozenset(self._words.setdefault(w, len(self._words)) for w in words)
                if numbers and numbers not in seen:
                    seen.add(numbers)
                    self._variants.append((index, what, numbers))

    @property
    def searchable(self) -> set[int]:
        """Values that have words at all."""
        return {index for index, what, _ in self._variants if not what}

    def find(
        self,
        store: NeedleStore,
        keys: Sequence[tuple[str, NeedleKey]],
        destination: str | None,
        since: float,
        until: float,
    ) -> Iterator[WordSighting]:
        """Where they seem to have gone. Raises sqlite3.Error."""
        if not self._words:
            return
        first = int(since) // DAY
        last = _FAR if until == float("inf") else int(until - 1) // DAY + 1
        having = self._having()
        for to in store.words.destinations():
            if destination in (None, to):
                for secret, key in keys:
                    fingerprints = WordReader(secret).fingerprints(self._words)
                    words = key.needles(to, fingerprints).view(np.uint64)
                    yield from self._on_days(store, to, words, first, last, having)

    def _on_days(
        self,
        store: NeedleStore,
        destination: str,
        words: np.ndarray[tuple[int], np.dtype[np.uint64]],
        first: int,
        last: int,
        having: Mapping[int, list[int]],
    ) -> Iterator[WordSighting]:
        days: defaultdict[int, list[int]] = defaultdict(list)
        chance = 0.0
        for seen in store.words.find(destination, words, first, last):
            chance += seen.by_chance
            there = set(np.flatnonzero(seen.words).tolist())
            for number in {variant for word in there for variant in having[word]}:
                if self._variants[number][2] <= there:
                    days[number].append(seen.day)
        for number, found in days.items():
            index, what, _ = self._variants[number]
            yield WordSighting(index, destination, what, tuple(found), min(1.0, chance))

    def _having(self) -> Mapping[int, list[int]]:
        having: defaultdict[int, list[int]] = defaultdict(list)
        for number, (_, _, words) in enumerate(self._variants):
            for word in words:
                having[word].append(number)
        return having
