"""How many different values there were, in little space and without the values.

A sketch of few has 32 bits of each one's fingerprint, and counts them. From 1,024 on it is a
HyperLogLog: of each of 4,096 parts of the fingerprints, the longest row of zeros. Those of several
minutes, services or classes can be joined, in any order, and the error does not grow.

Sources: Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (AofA 2007); for the estimate, which
needs no correction for any number, Ertl, "New cardinality estimation algorithms for HyperLogLog
sketches" (https://arxiv.org/abs/1702.01284), algorithm 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_PARTS = 12  # bits of a hash that say to which of 2^12 parts it belongs
_REST = 32 - _PARTS  # the others: a row of zeros is 0 to 20 long, a rank 1 to 21
_SIZE, _MOST_RANK = 1 << _PARTS, _REST + 1
_FEW = _SIZE // 4 - 1  # hashes: with more, ranks take less room
# The standard error of an estimate is 1.04 / 2^6, 1.6 %: two of them hold in 95 %.
_TWO_ERRORS = 2 * 1.04 / math.sqrt(_SIZE)

_HASHES, _RANKS = b"h", b"r"  # how a sketch begins
_HASH = np.dtype("<u4")


class BrokenSketch(Exception):  # noqa: N818  a fact about a file
    """What lies in the store as a sketch is none: it is damaged."""


class Estimate(NamedTuple):
    """How many, and bounds that hold in 95 %."""

    middle: float
    low: float
    high: float


class Sketch:
    """Of everything that was added to it. False while that is nothing."""

    __slots__ = ("_hashes", "_ranks")

    def __init__(self, *kept: bytes) -> None:
        """Of what these have counted. Raises BrokenSketch."""
        self._hashes: set[int] = set()
        self._ranks: NDArray[np.uint8] | None = None  # once there are many
        for each in kept:
            self.join(each)

    def __bool__(self) -> bool:
        return self._ranks is not None or bool(self._hashes)

    def add(self, fingerprints: Iterable[int]) -> None:
        """Count values by their fingerprints: 64 bits, of which each is as likely as not."""
        self._add({fingerprint & 0xFFFFFFFF for fingerprint in fingerprints})

    def join(self, data: bytes) -> None:
        """Count what another sketch has counted. Raises BrokenSketch."""
        kind, content = data[:1], data[1:]
        if kind == _HASHES and len(content) % _HASH.itemsize == 0:
            self._add(np.frombuffer(content, _HASH).tolist())
        elif kind == _RANKS and len(content) == _SIZE:
            ranks = np.frombuffer(content, np.uint8)
            if ranks.max() > _MOST_RANK:
                raise BrokenSketch
            np.maximum(self._many(), ranks, out=self._ranks)
        else:
            raise BrokenSketch

    def __bytes__(self) -> bytes:
        """As it is kept: the same for the same values."""
        if self._ranks is not None:
            return _RANKS + self._many().tobytes()
        return _HASHES + np.array(sorted(self._hashes), _HASH).tobytes()

    def estimate(self) -> Estimate:
        """How many different values there were."""
        if self._ranks is None:
            return Estimate(*[float(len(self._hashes))] * 3)
        found = _estimated(np.bincount(self._many(), minlength=_MOST_RANK + 1).tolist())
        return Estimate(found, found / (1 + _TWO_ERRORS), found / (1 - _TWO_ERRORS))

    def _add(self, hashes: Iterable[int]) -> None:
        self._hashes.update(hashes)
        if len(self._hashes) > _FEW:
            self._many()

    def _many(self) -> NDArray[np.uint8]:
        """From now on it has ranks; those of the hashes that were kept are among them."""
        if self._ranks is None:
            self._ranks = np.zeros(_SIZE, np.uint8)
        if self._hashes:
            hashes = np.fromiter(self._hashes, np.uint32, len(self._hashes))
            length = np.frexp((hashes & ((1 << _REST) - 1)).astype(np.float64))[1]  # in bits
            np.maximum.at(self._ranks, hashes >> _REST, (_MOST_RANK - length).astype(np.uint8))
            self._hashes = set()
        return self._ranks


def union(sketches: Iterable[bytes | None]) -> bytes | None:
    """One sketch of everything in several; None of none. Raises BrokenSketch."""
    some = [sketch for sketch in sketches if sketch is not None]
    if len(some) < 2:
        return some[0] if some else None
    return bytes(Sketch(*some))


def _estimated(counts: list[int]) -> float:
    """Of how many parts have each rank: Ertl's algorithm 6."""
    z = _SIZE * _tau(1 - counts[_MOST_RANK] / _SIZE)
    for count in counts[_REST:0:-1]:
        z = (z + count) / 2
    z += _SIZE * _sigma(counts[0] / _SIZE)
    return _SIZE * _SIZE / (2 * math.log(2) * z)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z, last = 1.0, x, -1.0
    while z != last:
        x *= x
        last, z, y = z, z + x * y, 2 * y
    return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z, last = 1.0, 1 - x, -1.0
    while z != last:
        x, y = math.sqrt(x), y / 2
        last, z = z, z - (1 - x) ** 2 * y
    return z / 3
