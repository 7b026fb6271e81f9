"""Whether values were ever sent: asked of the needles, with how far back these can answer."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from ..inventory.placeholders import is_placeholder
from ..inventory.wanted import Wanted
from ..needles.keys import SHORT_BITS, NeedleKey
from ..needles.needles import FILE
from ..needles.store import HOUR, Needle, NeedleStore
from ..sqlite_file import why
from .coverage import Coverage, Window, coverage
from .looking_up import look_up
from .sightings import WORD, Sighting, together
from .variants import Spelling, spellings
from .words import DAY, WordSearch, WordSighting

# The worst that is known of a value, the worst first:
# sent        it left in clear
# maybe       it may have: an attempt ended unclear, others share its needle, or it was sent before
#             and after the window
# disguised   something that stands for it left: a pseudonym, a mask, a coarser value
# removed     it was taken out before anything left
# absent      no detector claimed it in what was sent, nor was any of its words among those sent
# not_found   no detector claimed it in what was sent; what none claims has no needle
# not_kept    no needles are kept of such values, or none under the keys that were given
# no_value    in its place there is a reference, a mask or ciphertext
Verdict = Literal[
    "sent", "maybe", "disguised", "removed", "absent", "not_found", "not_kept", "no_value"
]

_ADDRESS = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:]+:[0-9A-Fa-f]*\]?"
)
_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is known of one value, which it does not hold."""

    name: str
    verdict: Verdict
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """Answers in the order of the questions, and how far they can be trusted."""

    answers: list[Answer]
    coverage: list[Coverage]  # of each storage folder

    def count(self, *verdicts: Verdict) -> int:
        """How many values came out so."""
        return sum(answer.verdict in verdicts for answer in self.answers)


@dataclass(slots=True)
class _Found:
    """Sightings that differ in nothing but service and time."""

    services: set[str] = field(default_factory=set)
    first: int = 2**62
    last: int = 0
    requests: int = 0

    def add(self, needle: Needle) -> None:
        self.services.add(needle.series.service)
        self.first = min(self.first, needle.first)
        self.last = max(self.last, needle.last)
        self.requests += needle.times


def search(
    folders: Sequence[Path],
    keys: Sequence[str],
    wanted: Sequence[Wanted],
    window: Window | None = None,
    doubts: Mapping[Path, Sequence[str]] | None = None,
) -> Searched:
    """Look for values in the needles of storage folders, which collectors may be using.

    Of several folders it is one answer: what any of them saw was seen, and what was not seen was
    looked for in all. `keys` are those of their ledgers, now and before; `doubts` is what speaks
    against the record in a folder: then nothing is `absent` there. Raises OSError where there
    are no needles or they cannot be read, of several folders also for want of a key: what the
    others took out, that one may have sent. Nothing that is raised holds a value.
    """
    asked = _Asked.of(keys, spellings([each.value for each in wanted]), window or Window())
    looked = [_look(folder, asked, (doubts or {}).get(folder, ())) for folder in folders]
    coverage = [each.coverage for each in looked]
    for folder, covered in zip(folders, coverage, strict=True):
        if covered.since is None and len(folders) > 1:
            raise OSError(0, "has no needles under the keys that were given", folder)
    in_words = set.intersection(*(each.in_words for each in looked))
    in_words -= asked.words().in_part if in_words else set()
    numbers = all(covered.guessable for covered in coverage)
    none = all(covered.since is None for covered in coverage)  # under these keys
    found: defaultdict[int, list[Sighting]] = defaultdict(list)
    for each in looked:
        for index, seen in each.found.items():
            found[index] += seen
    sightings = {index: together(seen) for index, seen in found.items()}
    answers = [
        Answer(each.name, "not_kept")
        if none
        else _answer(each, sightings.get(index, ()), in_words=index in in_words, numbers=numbers)
        for index, each in enumerate(wanted)
    ]
    return Searched(answers, coverage)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The same for every folder."""

    keys: Sequence[tuple[str, NeedleKey]]
    spelled: Sequence[Spelling]
    words: Callable[[], WordSearch]
    window: Window

    @classmethod
    def of(cls, keys: Sequence[str], spelled: Sequence[Spelling], window: Window) -> _Asked:
        # Under a key that is given twice everything would count twice.
        once = [(key, NeedleKey(key)) for key in dict.fromkeys(keys)]
        return cls(once, spelled, cache(lambda: WordSearch(spelled)), window)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one folder says."""

    found: Mapping[int, Sequence[Sighting]]  # by value
    coverage: Coverage
    in_words: set[int]  # values that would have been seen as words, had they been sent


def _look(folder: Path, asked: _Asked, doubts: Sequence[str]) -> _Looked:
    path = folder / FILE
    path.stat()
    window, keys = asked.window, [key for _, key in asked.keys]
    try:
        store = NeedleStore.to_read(path)
        try:
            with store.snapshot():
                covered = coverage(folder, store, {key.id for key in keys}, window, doubts)
                found = _sightings(store, keys, asked.spelled, window)
                if covered.words_since is not None:
                    where = (window.destinations, window.since, window.until)
                    for seen in asked.words().find(store, asked.keys, *where):
                        found[seen.index].append(_as_word(seen))
        finally:
            store.close()
    except sqlite3.Error as error:
        raise OSError(0, f"cannot be read as needles: {why(error)}", path) from None
    in_words = asked.words().searchable if _words_cover(covered, window) else set()
    return _Looked(found, covered, in_words)


def _sightings(
    store: NeedleStore, keys: Sequence[NeedleKey], spelled: Sequence[Spelling], window: Window
) -> defaultdict[int, list[Sighting]]:
    """By value, of those that were seen."""
    found: defaultdict[tuple[int, str, str, str, bool, str], _Found] = defaultdict(_Found)
    for spelling, needle in look_up(store, keys, spelled, window.destinations):
        destination, class_, form, _, certain = needle.series
        found[spelling.index, destination, class_, form, certain, spelling.what].add(needle)
    short_ones = store.short_ones()
    sightings: defaultdict[int, list[Sighting]] = defaultdict(list)
    for (index, destination, class_, form, certain, what), each in found.items():
        within = _within(each, window)
        if within is not None:
            chance = short_ones.get((destination, class_), 0) / 2**SHORT_BITS
            certain = certain and within and not chance
            sightings[index].append(
                Sighting(
                    destination, class_, form, tuple(sorted(each.services)), each.first * HOUR,
                    each.last * HOUR, each.requests, certain, what, chance,
                )
            )  # fmt: skip
    return sightings


def _as_word(seen: WordSighting) -> Sighting:
    days = seen.days
    return Sighting(
        seen.destination, WORD, "clear", (), days[0] * DAY, days[-1] * DAY, 0, False,
        seen.what, seen.by_chance, days,
    )  # fmt: skip


def _words_cover(covered: Coverage, window: Window) -> bool:
    """Whether words were kept all the time that is asked about, as far back as anything was.

    A gap in which nothing can have left is none.
    """
    asked_since = max(window.since, covered.since or 0.0)
    return (
        covered.words_since is not None
        and covered.words_since <= asked_since
        and all(gap.documents == 0 for gap in covered.gaps)
    )


def _within(found: _Found, window: Window) -> bool | None:
    """Whether it was certainly sent within a window; None: certainly not."""
    first, last = found.first * HOUR, found.last * HOUR
    if first >= window.until or last + HOUR <= window.since:
        return None
    return window.since <= first < window.until or window.since <= last < window.until


def _answer(
    wanted: Wanted, sightings: Sequence[Sighting], *, in_words: bool, numbers: bool
) -> Answer:
    """`in_words` says that it would have been seen as words too, `numbers` that these are kept."""
    verdict = _verdict(sightings) if sightings else _unseen(wanted.value.strip(), numbers)
    if in_words and verdict == "not_found":
        verdict = "absent"
    return Answer(wanted.name, verdict, tuple(sightings))


def _verdict(sightings: Sequence[Sighting]) -> Verdict:
    clear = [each for each in sightings if each.form == "clear"]
    if any(each.certain for each in clear):
        return "sent"
    if clear:
        return "maybe"
    return "disguised" if any(each.form != "removed" for each in sightings) else "removed"


def _unseen(value: str, numbers: bool) -> Verdict:
    if is_placeholder(value):
        return "no_value"
    if _ADDRESS.fullmatch(value):
        return "not_kept"
    if not numbers and _NUMBER.fullmatch(value):
        return "not_kept"
    return "not_found"
