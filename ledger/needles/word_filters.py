"""Which words went out on which day, in Bloom filters: small, but sometimes wrong about a word.

(B. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13, 1970. A word's
needle is a hash already; each of its places is the top of its product with another odd number: M.
Dietzfelbinger and others, A reliable randomized algorithm for the closest-pair problem, 1997.)
A day of a destination begins with a small filter; when one has as many words as its rate of errors
allows, the next one is begun. New words wait as they are until many have come together.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .sealing import Seal

# With 24 bits for each word and 12 places, one in 73,000 words seems to be in a full filter.
_BITS_EACH = 24
_PLACES = 12
_SIZES = (2**14, 2**16, 2**18, 2**20, 2**22, 2**24)  # bits; further ones are as large as the last
_MANY = 8 * 2**20  # bytes of words that wait

# Odd, with bits that look random: of SHA-256 over `errlock place N`, as they will always be.
_FACTORS: NDArray[np.uint64] = np.array(
    [
        int.from_bytes(hashlib.sha256(b"errlock place %d" % place).digest()[:8], "big") | 1
        for place in range(_PLACES)
    ],
    np.uint64,
)

Words = NDArray[np.uint64]
Bits = NDArray[np.uint8]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fresh_words (
    day INTEGER NOT NULL, destination TEXT NOT NULL,  -- days since the epoch
    words BLOB NOT NULL                               -- needles, 8 bytes each
);
CREATE TABLE IF NOT EXISTS filters (
    day INTEGER NOT NULL, destination TEXT NOT NULL, part INTEGER NOT NULL,
    words INTEGER NOT NULL, bits BLOB NOT NULL,
    UNIQUE (day, destination, part)
);
"""


class FreshWords(NamedTuple):
    """Words that went to a destination on a day: needles, 8 bytes each."""

    day: int  # since the epoch
    destination: str
    words: bytes


class Seen(NamedTuple):
    """Which of some words seem to have gone out on a day."""

    day: int
    words: NDArray[np.bool_]
    by_chance: float  # how likely it is of a word that did not


class WordFilters:
    """In the file of the needles. Methods that write are for within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def create(self) -> None:
        """Make the tables, if there are none."""
        self._db.executescript(_SCHEMA)

    def add(self, fresh: Iterable[FreshWords], seal: Seal) -> None:
        """Let words wait."""
        rows = [tuple(each) for each in fresh]
        self._db.executemany("INSERT INTO fresh_words VALUES (?, ?, ?)", rows)
        seal.rows("fresh_words", added=rows)

    def are_many(self) -> bool:
        """Whether so many wait that they should be joined."""
        found = self._db.execute("SELECT coalesce(sum(length(words)), 0) FROM fresh_words")
        return int(found.fetchone()[0]) > _MANY

    def join(self, seal: Seal) -> None:
        """Put what waits into filters."""
        waiting = self._db.execute("SELECT DISTINCT day, destination FROM fresh_words").fetchall()
        for day, destination in waiting:
            words = self._fresh(day, destination)
            amount = size = part = 0
            for part, amount, bits in self._parts(day, destination):  # noqa: B007  the last one
                words = words[~contains(bits, words)]
                size = bits.size * 8
            known = part > 0
            if not (known or words.size):  # a day without words, but kept
                empty = (day, destination, 1, 0, bytes(_SIZES[0] // 8))
                self._db.execute("INSERT INTO filters VALUES (?, ?, ?, ?, ?)", empty)
                seal.rows("filters", added=[empty])
            while words.size:
                room = size // _BITS_EACH - amount
                if room <= 0:
                    part, known = part + 1, False
                    size, amount = _SIZES[min(part, len(_SIZES)) - 1], 0
                    bits = np.zeros(size // 8, np.uint8)
                    continue
                before = (day, destination, part, amount, bits.tobytes())
                bits = with_words(bits, words[:room])
                after = (day, destination, part, amount + len(words[:room]), bits.tobytes())
                self._db.execute("INSERT OR REPLACE INTO filters VALUES (?, ?, ?, ?, ?)", after)
                seal.rows("filters", added=[after], removed=[before] if known else [])
                amount, words = after[3], words[room:]
        gone = self._db.execute("DELETE FROM fresh_words RETURNING *")
        seal.rows("fresh_words", removed=gone)

    def forget(self, before: int, seal: Seal) -> None:
        """Delete the days before one."""
        gone = self._db.execute("DELETE FROM filters WHERE day < ? RETURNING *", (before,))
        seal.rows("filters", removed=gone)

    def destinations(self) -> list[str]:
        """To which words went."""
        found = self._db.execute(
            "SELECT destination FROM filters UNION SELECT destination FROM fresh_words"
        )
        return [str(row[0]) for row in found]

    def days(self) -> set[tuple[str, int]]:
        """To which destination words went on which days."""
        found = self._db.execute(
            "SELECT destination, day FROM filters UNION SELECT destination, day FROM fresh_words"
        )
        return {(str(to), int(day)) for to, day in found}

    def find(self, destination: str, words: Words, since: int, until: int) -> Iterator[Seen]:
        """On which days from one to before another words seem to have gone out."""
        days = self._db.execute(
            "SELECT day FROM filters WHERE destination = :to AND day >= :since AND day < :until"
            " UNION SELECT day FROM fresh_words"
            " WHERE destination = :to AND day >= :since AND day < :until ORDER BY day",
            {"to": destination, "since": since, "until": until},
        ).fetchall()
        for (day,) in days:
            seen = np.isin(words, self._fresh(day, destination))
            chance = 0.0
            for _, _, bits in self._parts(day, destination):
                seen |= contains(bits, words)
                chance += (int(np.bitwise_count(bits).sum()) / (bits.size * 8)) ** _PLACES
            yield Seen(day, seen, chance)

    def _fresh(self, day: int, destination: str) -> Words:
        found = self._db.execute(
            "SELECT words FROM fresh_words WHERE day = ? AND destination = ?", (day, destination)
        )
        return np.unique(np.frombuffer(b"".join(row[0] for row in found), np.uint64))

    def _parts(self, day: int, destination: str) -> Iterator[tuple[int, int, Bits]]:
        found = self._db.execute(
            "SELECT part, words, bits FROM filters WHERE day = ? AND destination = ? ORDER BY part",
            (day, destination),
        ).fetchall()
        for part, amount, bits in found:
            yield part, amount, np.frombuffer(bits, np.uint8)


def contains(bits: Bits, words: Words) -> NDArray[np.bool_]:
    """Which words seem to be in a filter. Those that are, always are."""
    left = np.arange(words.size)
    for place in range(_PLACES):
        at = _place(words[left], place, bits.size * 8)
        left = left[(bits[at >> 3] >> (at & 7).astype(np.uint8)) & 1 == 1]
    found = np.zeros(words.size, np.bool_)
    found[left] = True
    return found


def with_words(bits: Bits, words: Words) -> Bits:
    """A filter with more words in it."""
    flags = np.unpackbits(bits, bitorder="little")
    for place in range(_PLACES):
        flags[_place(words, place, bits.size * 8)] = 1
    return np.packbits(flags, bitorder="little")


def _place(words: Words, place: int, size: int) -> NDArray[np.int64]:
    shift = np.uint64(64 - (size.bit_length() - 1))
    mixed: Words = words * _FACTORS[place]
    return (mixed >> shift).astype(np.int64)
