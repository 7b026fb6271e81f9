"""What documents disclose, in sections: what stands together there and is often the same.

A section is kept as the bytes in which it lies in a manifest. Two documents with the same modules
or the same stack trace have the same section, so it is made once and booked as one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import msgspec

from .names import OTHER, Kind

# Numbers of lines: what stands behind is counted as this one.
LAST_LINE = 65_535
_MOST_RANGES = 1000  # of lines of a file
_MOST_NAMES = 2000  # of a section; more count as `other`
_MOST_BYTES = 16 << 20  # of sections that are remembered
_MOST_SECTIONS = 4096

Key = TypeVar("Key", bound=Hashable)


class Mention(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A name that stands in a document."""

    kind: Kind
    name: str
    detail: str = ""
    lines: tuple[int, ...] = ()  # of a file: from, up to and without, from, …


class Section(msgspec.Struct, array_like=True):
    """What documents of one type disclose; of each document at most once."""

    type: str
    documents: int
    mentions: msgspec.Raw  # a list of Mention, as msgpack


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Mention]).decode


def pack(mentions: Iterable[Mention]) -> bytes:
    """A section, each name once. Empty: nothing is disclosed."""
    found: dict[tuple[Kind, str, str], int] = {}
    for each in mentions:
        key = (each.kind, each.name, each.detail)
        if len(found) >= _MOST_NAMES and key not in found:
            key = (each.kind, OTHER, "")
        found[key] = found.get(key, 0) | mask(each.lines)
    if not found:
        return b""
    listed = [Mention(*key, lines=ranges(bits)) for key, bits in sorted(found.items())]
    return _encode(listed)


def unpack(mentions: bytes) -> list[Mention]:
    """The reverse. Raises msgspec.MsgspecError."""
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
    """Sections by what they were made of. Safe from every thread, as dicts are."""

    def __init__(self) -> None:
        self._known: dict[Hashable, bytes] = {}
        self._size = 0

    def section(self, key: Key, weight: int, make: Callable[[], Iterable[Mention]]) -> bytes:
        """The section of that key, made at most once while it is remembered.

        `weight` is about how many bytes the key takes.
        """
        found = self._known.get(key)
        if found is None:
            found = pack(make())
            if self._size > _MOST_BYTES or len(self._known) >= _MOST_SECTIONS:
                self._known.clear()
                self._size = 0
            self._known[key] = found
            self._size += weight + len(found)
        return found
