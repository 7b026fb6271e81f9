"""The parts of records at given places of a request, looked at one by one.

A field of a record, with its tag, is a record of its own that has this field only (protobuf.dev,
"Encoding"). Most of what looks suspicious in a request is nothing, and the same few attributes
stand in thousands of records.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence, Set

from .document import DocumentType, Tree
from .otlp_tree import TreeReader
from .otlp_wire import FIXED, LENGTH, VARINT, Layout, varint

# Whether a part is harmless: the kind of its record, its bytes, and what reads these.
IsClean = Callable[[DocumentType, bytes, Callable[[], Tree]], bool]

# Whatever has more than this is made a document of.
_MOST_PARTS, _LONGEST = 16, 2048
# Fields of bytes by the kind of record: ids, as long as they must be.
_IDS: dict[DocumentType, dict[int, int]] = {
    "otlp_span": {1: 16, 2: 8, 4: 8},
    "log_record": {9: 16, 10: 8},
}


class Sieve:
    """Goes once through a request, from place to place."""

    def __init__(self, layout: Layout, type_: DocumentType, is_clean: IsClean) -> None:
        self._layout = layout
        self._type: DocumentType = type_
        self._ids = _IDS.get(type_, {})
        self._is_clean = is_clean
        self._region = -1
        self._parts = 0  # of this record were looked at
        self._at = self._end = 0  # in it: where its next field begins, and where it ends
        self._lost = False  # it is suspicious, whatever else stands in it

    def places(self, ends: Sequence[int], numbers: Set[int] = frozenset()) -> list[int]:
        """Where something is, of the places (ascending) where matches end.

        A match may take in one byte behind the value. See `Payload.sift` for `numbers`.
        """
        starts, found = self._layout.starts, []
        done = quiet = 0  # what is before is known, and before the latter that numbers tell nothing
        for end in ends:
            is_number = end in numbers
            for place in (end - 2,) if is_number else (end - 2, end - 1):
                if place < done or (is_number and place < quiet):
                    continue
                region = min(bisect_right(starts, place), len(starts) - 1) - 1
                if region != self._region:
                    self._enter(region)
                if not self._lost:
                    part = self._part_at(place)
                    if part is not None and is_number and not self._has_quote(*part):
                        quiet = part[1]
                        continue  # other matches may be in it
                    self._at = done = self._at if part is None else part[1]
                    self._lost = part is not None and not self._is_harmless(*part)
                if self._lost:
                    found.append(place)
                    done = starts[region + 1]
        return found

    def _enter(self, region: int) -> None:
        layout = self._layout
        self._region, self._parts = region, 0
        self._end = layout.starts[region + 1]
        self._lost = layout.owners[region] >= 0  # not a record
        if not self._lost:
            _, at = varint(layout.body, layout.starts[region])
            _, self._at = varint(layout.body, at)

    def _part_at(self, place: int) -> tuple[int, int] | None:
        """Where the field around a place begins and ends, if there is one that could hold texts.

        It is the next to go on from, or what follows where there is none.
        """
        body, at = self._layout.body, self._at
        while at <= place:
            start, tag, length = at, body[at], body[at + 1]
            if tag < 128 and tag & 7 == LENGTH and length < 128:
                at += length + 2  # as most fields are
            else:
                tag, length, at = _field(body, at)
            if at > place and tag & 7 == LENGTH and self._ids.get(tag >> 3) != length:
                self._at = start
                return start, at
        self._at = at
        return None

    def _has_quote(self, start: int, end: int) -> bool:
        find = self._layout.body.find
        return find(b"'", start, end) >= 0 or find(b'"', start, end) >= 0

    def _is_harmless(self, start: int, end: int) -> bool:
        self._parts += 1
        if self._parts > _MOST_PARTS or end - start > _LONGEST:
            return False
        layout = self._layout
        part = layout.body[start:end]

        def load() -> Tree:
            return TreeReader().message(layout.kind(self._region).FromString(part))

        return self._is_clean(self._type, part, load)


def _field(body: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the field that begins at a place, how long what it holds is, and where it ends."""
    tag, at = varint(body, at)
    kind = tag & 7
    if kind == VARINT:
        _, end = varint(body, at)
        return tag, end - at, end
    length = FIXED.get(kind, 0)
    if kind == LENGTH:
        length, at = varint(body, at)
    return tag, length, at + length
