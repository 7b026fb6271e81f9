"""Where in many texts could anything be? What the gate said of a text is remembered.

The documents of one service repeat themselves: most of their texts were in others before.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, islice

from ..scan import without_surrogates
from .gate import Gate
from .names import EVERY_FINDER

_REMEMBERED = 32768  # texts: some megabytes
# Kept are hashes, not texts: 64 bits under a key that Python makes for each process (PEP 456).
# Where a user has fixed the key, texts could be made to have the hash of another one.
IS_KEYED = os.environ.get("PYTHONHASHSEED", "random") in ("", "random")


class Texts:
    """Looks at texts through one gate. Thread-safe."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._bits: dict[int, int] = {}  # by hash

    def wanted(self, texts: Sequence[str]) -> list[int]:
        """What has to be run on each: finders and rules, as bits. 0: nothing."""
        if not IS_KEYED:
            return self._looked_at(texts)
        known = self._bits
        if len(known) >= _REMEMBERED:
            known = self._bits = {}
        hashes = list(map(hash, texts))
        new = {each: text for each, text in zip(hashes, texts, strict=True) if each not in known}
        if len(new) > _REMEMBERED:
            known = known.copy()  # for these only
        if new:
            known.update(zip(new, self._looked_at(list(new.values())), strict=True))
        return [known[each] for each in hashes]

    def of(self, text: str) -> int:
        """The same for one."""
        return self.wanted((text,))[0]

    def of_each(self, lists: Sequence[Sequence[str]]) -> list[list[int]]:
        """The same for several lists at once: each scan takes some microseconds by itself."""
        found = iter(self.wanted(list(chain.from_iterable(lists))))
        return [list(islice(found, len(each))) for each in lists]

    def _looked_at(self, texts: Sequence[str]) -> list[int]:
        gate = self._gate
        bits = [gate.always] * len(texts)
        whole = joined(texts)
        if whole.count("\0") != len(texts):
            for number, text in enumerate(texts):
                if "\0" in text:
                    bits[number] = gate.everything
        try:
            data = whole.encode()
        except UnicodeEncodeError:
            texts = [without_surrogates(text) for text in texts]
            whole = joined(texts)
            data = whole.encode()
        plain = len(data) == len(whole)
        starts = starts_of(map(len, texts if plain else map(str.encode, texts)))
        bits_of, bits_by_id = gate.bits_of, gate.bits_by_id
        for end, id_ in gate.text_hits(data):
            bits[bisect_right(starts, end - 1) - 1] |= bits_by_id[id_] or bits_of(data, end, id_)
        for number, found in enumerate(bits):
            if found and not found & EVERY_FINDER:  # else it is read anyway
                bits[number] = gate.matching(texts[number].encode(), found)
        return bits


def joined(texts: Iterable[str]) -> str:
    """All in one: two signs are between them that no pattern goes over."""
    return "\0\n".join(texts) + "\0\n"


def starts_of(lengths: Iterable[int]) -> list[int]:
    """Where each of the joined texts begins, and where the last one ends."""
    return list(accumulate(map((2).__add__, lengths), initial=0))
