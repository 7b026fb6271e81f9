"""Words that could be tokens, of what goes out: what no detector claimed can be looked for by them.

A word is a longest run of ASCII letters, digits, `_` and `-`, without these two at its ends; what
escapes stand for (`%2F`, `\\n`, `\\u002f`) separates words. It could be a token if it has 8
characters or more, a digit and a letter, or 16 letters or more that are not all small. Ids that
Sentry gives events and spans, times, and addresses in memory are left out.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence

from ..fingerprints import WORDS, Fingerprints

MOST_WORDS = 4096  # of one request
_LONGEST = 64  # of a longer word the beginning counts

_WORD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_TO_SPACES = bytes(byte if byte in _WORD_BYTES else 32 for byte in range(256))
# Two patterns that begin with a byte each are looked for many times faster than one of both. None
# of them can make or take away what the other one finds.
_BACKSLASHES = re.compile(rb'\\\\*+(?:u[0-9a-fA-F]{4}|[bfnrt"/])?')
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_NO_TOKEN = re.compile(rb"0x[0-9a-f]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}|[0-9_-]+")
_NO_DIGIT = re.compile(rb"[A-Za-z_-]+")
_IDS = re.compile(
    rb'"(?:event_id|trace_id|span_id|parent_span_id|profile_id|replay_id)": ?"([0-9a-f-]{16,36})"'
)
# In protobuf the length of a text stands before it, and the tag of what follows behind it: both
# may be bytes of a word.
_TAGS = b"2JRZbjz8EY09APpBT"


class WordReader:
    """Fingerprints words at once: none of them is kept. Safe from every thread."""

    def __init__(self, key: str) -> None:
        """`key` is `ledger.key`."""
        self._made = Fingerprints(key, WORDS)

    def read(self, body: bytes, *, binary: bool) -> tuple[bytes, int]:
        """The fingerprints of words, 8 bytes each, and how many words are too many.

        `binary`: the body is protobuf.
        """
        words = words_of(body)
        if not binary:
            words -= set(_IDS.findall(body))
        left_out = max(0, len(words) - MOST_WORDS)
        if left_out:
            words = set(sorted(words)[:MOST_WORDS])
        if binary:
            words |= {each for word in words for each in _without_neighbours(word)}
        return array("q", self.fingerprints(words)).tobytes(), left_out

    def fingerprints(self, words: Iterable[bytes]) -> Sequence[int]:
        """Of words, in order."""
        return self._made.of(word[:_LONGEST] for word in words)


def words_of(text: bytes) -> set[bytes]:
    """The words of a text that could be tokens."""
    text = _PERCENT.sub(b" ", _BACKSLASHES.sub(b" ", text))
    runs = {run for run in text.translate(_TO_SPACES).split() if len(run) > 7}
    words = {run.strip(b"-_") for run in runs}
    return {word for word in words if len(word) > 7 and could_be_token(word)}


def could_be_token(word: bytes) -> bool:
    """Whether a word that is long enough could be one."""
    if word.isdigit():
        return False  # as most are
    if _NO_DIGIT.fullmatch(word):
        return len(word) > 15 and not word.islower()
    return not _NO_TOKEN.fullmatch(word)


def _without_neighbours(word: bytes) -> Iterable[bytes]:
    heads = [word]
    if word[0] >= len(word) - 3:
        heads.append(word[1:])
    for head in heads:
        yield head
        if head[-1] in _TAGS:
            yield head[:-1]
        if len(head) > 9 and head[-2] in _TAGS:
            yield head[:-2]
