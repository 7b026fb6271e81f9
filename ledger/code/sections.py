"""What documents disclose, in pieces: what stands together there and is often the same.

A piece is packed into bytes. Two documents with the same modules or the same call have the same
piece, so it is made once, and booked without being read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import msgspec

from .names import OTHER, Kind

# Numbers of lines: what stands behind is counted as this one.
LAST_LINE = 65_535
_MOST_RANGES = 1000  # of lines of a file
_MOST_NAMES = 2000  # of a piece; more count as `other`
_MOST_BYTES = 16 << 20  # of pieces that are remembered, with their keys
_MOST_KEYS = 50_000


class Mention(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A name that stands in a document."""

    kind: Kind
    name: str
    detail: str = ""
    lines: tuple[int, ...] = ()  # of a file: from, up to and without, from, …


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Mention]).decode


def pack(mentions: Iterable[Mention]) -> tuple[bytes, ...]:
    """A piece, each name in it once. None: nothing is disclosed."""
    mentions = list(mentions)
    if len(mentions) == 1 and _is_plain(mentions[0].lines):
        return (_encode(mentions),)
    found: dict[tuple[Kind, str, str], int] = {}
    for each in mentions:
        key = (each.kind, each.name, each.detail)
        if len(found) >= _MOST_NAMES and key not in found:
            key = (each.kind, OTHER, "")
        found[key] = found.get(key, 0) | mask(each.lines)
    if not found:
        return ()
    listed = [Mention(*key, lines=ranges(bits)) for key, bits in sorted(found.items())]
    return (_encode(listed),)


def _is_plain(lines: tuple[int, ...]) -> bool:
    return not lines or (len(lines) == 2 and 0 <= lines[0] < lines[1] <= LAST_LINE)


def unpack(mentions: bytes) -> list[Mention]:
    """The reverse."""
    return _decode(mentions)


def mask(lines: Iterable[int]) -> int:
    """Numbers of lines as bits."""
    bits = 0
    borders = iter(lines)
    for start, stop in zip(borders, borders, strict=False):
        start, stop = min(max(start, 0), LAST_LINE), min(stop, LAST_LINE + 1)
        if stop > start:
            bits |= ((1 << (stop - start)) - 1) << start
    return bits


def ranges(bits: int) -> tuple[int, ...]:
    """The reverse. Of very many ranges it is one: all between the first line and the last."""
    found: list[int] = []
    at, first, end = 0, (bits & -bits).bit_length() - 1, bits.bit_length()
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & -~bits).bit_length() - 1
        bits >>= ones
        found += (at + zeros, at + zeros + ones)
        at += zeros + ones
        if len(found) > 2 * _MOST_RANGES:
            return first, end
    return tuple(found)


class Remembered:
    """Pieces by what they were made of. Safe from every thread, as dicts are."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[bytes, ...]] = {}
        self._size = 0
        self.get = self._known.get

    def keep(self, key: Hashable, weight: int, pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Remember them. `weight` is about how many bytes the key takes. Returns them."""
        if self._size > _MOST_BYTES or len(self._known) >= _MOST_KEYS:
            self._known.clear()
            self._size = 0
        self._known[key] = pieces
        self._size += weight + sum(map(len, pieces))
        return pieces
