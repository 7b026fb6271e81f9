"""Where in a text do values stand, however many they are? In time linear in both."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

# The fewest characters of a value, by which it is looked up.
HEAD = 6
_FEW = 64

Counts: TypeAlias = Callable[[str, int, str], bool]


class Occurrences:
    """Values of at least six characters that texts are searched for.

    They may overlap: of `Bearer ey` and `eyJhbGci` in `Bearer eyJhbGci` both must be seen.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._ordered = sorted(values)
        self._shorter = _lengths_of_beginnings(self._ordered)
        self._heads = {value[:HEAD] for value in self._ordered}
        self._longest = max(map(len, self._ordered), default=0)

    def places(self, text: str, counts: Counts) -> Iterator[tuple[int, str]]:
        """Where a value begins, and which, from left to right: what covers all of them.

        At each place it is the longest, if it reaches further than those before and
        `counts(text, start, value)`.
        """
        reached = 0
        for start, value in self.all_in(text):
            if start + len(value) > reached and counts(text, start, value):
                yield start, value
                reached = start + len(value)

    def all_in(self, text: str) -> Iterator[tuple[int, str]]:
        """Where any begins, and the longest there, from left to right."""
        few = len(self._ordered) <= min(_FEW, len(text))
        return self._by_search(text) if few else self._by_heads(text)

    def _by_search(self, text: str) -> Iterator[tuple[int, str]]:
        """Few are looked for one by one, but for what overlaps one that was found."""
        ahead = {value: at for value in self._ordered if (at := text.find(value)) >= 0}
        while ahead:
            start = min(ahead.values())
            behind = start + 1
            while start < behind:
                begun = self._candidates(text, start, behind)
                start = behind
                for at in begun:
                    value = self._longest_at(text, at)
                    if value:
                        yield at, value
                        behind = max(behind, at + len(value))
            for each in [each for each, at in ahead.items() if at < start]:
                at = text.find(each, start)
                if at >= 0:
                    ahead[each] = at
                else:
                    del ahead[each]

    def _by_heads(self, text: str) -> Iterator[tuple[int, str]]:
        for start in self._candidates(text, 0, len(text) - HEAD + 1):
            value = self._longest_at(text, start)
            if value:
                yield start, value

    def _candidates(self, text: str, start: int, end: int) -> list[int]:
        """Where a value may begin."""
        heads = self._heads
        return [at for at in range(start, end) if text[at : at + HEAD] in heads]

    def _longest_at(self, text: str, start: int) -> str:
        """The longest value that begins there; empty: none.

        All that begin there stand before the text itself in order, and so does the last one of
        these, which begins with them if it is none of them.
        """
        ahead = text[start : start + self._longest]
        number = bisect_right(self._ordered, ahead) - 1
        if number < 0:
            return ""
        value, shorter = self._ordered[number], self._shorter[number]
        if ahead.startswith(value):
            return value
        if not shorter:
            return ""
        fitting = shorter & ((2 << _length_shared(value, ahead)) - 1)
        return value[: max(0, fitting.bit_length() - 1)]


def _lengths_of_beginnings(ordered: list[str]) -> list[int]:
    """For each value the lengths of the others that it begins with, as bits."""
    found: list[int] = []
    open_: list[tuple[str, int]] = []  # values that begin with one another, and what is theirs
    for value in ordered:
        while open_ and not value.startswith(open_[-1][0]):
            open_.pop()
        shorter = open_[-1][1] | 1 << len(open_[-1][0]) if open_ else 0
        open_.append((value, shorter))
        found.append(shorter)
    return found


def _length_shared(one: str, two: str) -> int:
    """How many characters two texts begin with alike."""
    alike, different = 0, min(len(one), len(two)) + 1
    while different - alike > 1:
        middle = (alike + different) // 2
        if two.startswith(one[:middle]):
            alike = middle
        else:
            different = middle
    return alike
