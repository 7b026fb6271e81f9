"""Words that were delivered and are not written yet."""

from __future__ import annotations

import threading
from array import array

from .keys import NeedleKey
from .word_filters import FreshWords

_DAY = 86400
_MOST = 2_000_000  # while they cannot be written


class WaitingWords:
    """Collects them by destination and day. Safe from every thread."""

    def __init__(self, key: NeedleKey) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._words: dict[tuple[int, str], set[int]] = {}
        self._last: dict[str, int] = {}  # by destination, the day that was noted last
        self._amount = 0
        self._left_out = 0

    def note(self, destination: str, words: bytes, left_out: int, now: float) -> None:
        """Add the fingerprints of words that a destination got, 8 bytes each.

        That it got nothing with a word is noted as well, once a day: else words seem to be missing.
        """
        found, day = array("q", words), int(now) // _DAY
        with self._lock:
            if not found and self._last.get(destination) == day:
                return
            self._last[destination] = day
            self._left_out += left_out
            if self._amount >= _MOST:
                self._left_out += len(found)
                return
            waiting = self._words.setdefault((day, destination), set())
            before = len(waiting)
            waiting.update(found)
            self._amount += len(waiting) - before

    def take(self) -> dict[tuple[int, str], set[int]]:
        """All of them; they wait no more."""
        with self._lock:
            taken, self._words, self._amount = self._words, {}, 0
        return taken

    def keep(self, taken: dict[tuple[int, str], set[int]]) -> None:
        """Let them wait again."""
        with self._lock:
            for place, words in taken.items():
                self._words.setdefault(place, set()).update(words)
            self._amount = sum(map(len, self._words.values()))

    def take_left_out(self) -> int:
        """How many words were too many since this was asked."""
        with self._lock:
            left_out, self._left_out = self._left_out, 0
        return left_out

    def give_back_left_out(self, left_out: int) -> None:
        """They could not be told."""
        with self._lock:
            self._left_out += left_out

    def needles(self, taken: dict[tuple[int, str], set[int]]) -> list[FreshWords]:
        """As they are kept."""
        return [
            FreshWords(day, destination, self._key.needles(destination, words).tobytes())
            for (day, destination), words in taken.items()
        ]
