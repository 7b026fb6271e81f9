"""Where everything stands in the bytes of a request, and how parts of them are replaced.

Bytes are https://protobuf.dev/programming-guides/encoding/. Only for what is known to be valid
(otlp_schema.py): nothing is checked again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message

from .otlp_schema import Holder

# Wire types.
VARINT, LENGTH = 0, 2
FIXED = {1: 8, 5: 4}  # bytes
# Tag and length of what is below 4 GiB. A match may end that far into what follows its value.
_HEADER = 6


def varint(body: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends.

    Raises IndexError or ValueError where there is none.
    """
    byte = body[at]
    if byte < 128:
        return byte, at + 1
    number = byte & 127
    for shift in range(7, 70, 7):
        at += 1
        byte = body[at]
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at + 1
    raise ValueError


def to_varint(number: int) -> bytes:
    """The other way round."""
    if number < 128:
        return bytes((number,))
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


@dataclass(slots=True)
class Container:
    """A message around records. Numbers are indexes in a layout's lists."""

    holder: Holder
    parent: int  # -1: the request itself
    start: int  # of its tag
    begin: int  # of its content
    end: int
    children: int = 0  # records or containers in it: at least one
    own: list[int] = field(default_factory=list)  # the regions that are its other fields


class Layout:
    """The regions of a request: bytes that follow each other without gaps, and whose they are.

    A region is a record with its tag and length, the tag and length of a container, or a field of
    a container that holds no records.
    """

    __slots__ = ("body", "containers", "owners", "starts")

    def __init__(self, body: bytes, root: Holder) -> None:
        self.body = body
        self.containers: list[Container] = []  # each before those in it
        self.starts: list[int] = []  # of the regions, and the end of the last
        # The container that a region belongs to; for a record `~container`.
        self.owners: list[int] = []
        self._walk(Container(root, -1, 0, 0, len(body)), -1)
        self.starts.append(len(body))

    def _walk(self, within: Container, number: int) -> None:
        """Find the regions of a container's content."""
        body, starts, owners = self.body, self.starts, self.owners
        at, holder = within.begin, within.holder
        while at < within.end:
            start = at
            tag, at = varint(body, at)
            length = FIXED.get(tag & 7, 0)
            if tag & 7 == VARINT:
                _, at = varint(body, at)
            elif tag & 7 == LENGTH:
                length, at = varint(body, at)
            starts.append(start)
            if tag >> 3 in holder.records:
                at = self._run(at + length, within.end, body[start])
                found = len(starts) - len(owners)
                owners += [~number] * found
                within.children += found
                continue
            inner = holder.holders.get(tag >> 3)
            if inner is None:
                within.own.append(len(owners))
                owners.append(number)
            else:
                self._enter(Container(inner, number, start, at, at + length))
                within.children += 1
            at += length

    def _enter(self, container: Container) -> None:
        number = len(self.containers)
        self.containers.append(container)
        self.owners.append(number)
        self._walk(container, number)

    def _run(self, at: int, end: int, tag: int) -> int:
        """Find the records that follow one. Returns where they end: the hot part of a walk."""
        body, append = self.body, self.starts.append
        while at < end and body[at] == tag < 128:
            length = body[at + 1]
            if length < 128:
                append(at)
                at += length + 2
                continue
            more = body[at + 2]
            if more > 127:
                break  # 16 KiB or longer
            append(at)
            at += length + (more << 7) - 125
        return at

    def regions(self, offsets: Sequence[int]) -> Iterator[int]:
        """The regions that ascending offsets stand in, in order.

        An offset may be that of a byte or the end of a match, and a match may take in some bytes
        of what follows the value: near the start of a region the one before it is meant as well.
        """
        starts, last = self.starts, -1
        bound = -1  # offsets below it tell nothing new
        for offset in offsets:
            if offset < bound:
                continue
            region = min(bisect_right(starts, offset), len(self.owners)) - 1
            if region < 0:
                continue
            first = region
            if offset - starts[region] <= _HEADER:
                first = max(bisect_right(starts, offset - _HEADER - 1) - 1, 0)
            yield from range(max(first, last + 1), region + 1)
            last, bound = region, starts[region + 1]

    def record(self, region: int) -> tuple[type[Message], bytes]:
        """What kind of record a region is, and its content."""
        body, starts = self.body, self.starts
        tag, at = varint(body, starts[region])
        _, at = varint(body, at)
        records = self.containers[~self.owners[region]].holder.records
        return records[tag >> 3], body[at : starts[region + 1]]

    def kind(self, region: int) -> type[Message]:
        """What kind of record a region is."""
        tag, _ = varint(self.body, self.starts[region])
        return self.containers[~self.owners[region]].holder.records[tag >> 3]

    def own(self, number: int) -> bytes:
        """The fields of a container that hold no records."""
        body, starts = self.body, self.starts
        own = self.containers[number].own
        return b"".join([body[starts[each] : starts[each + 1]] for each in own])


class Splice:
    """Replaces records and contexts in a request, and what tells their lengths."""

    __slots__ = ("_edits", "_gone", "_growth", "_layout", "_lost")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._edits: list[tuple[int, int, bytes]] = []  # from, to, what stands there instead
        self._growth: Counter[int] = Counter()  # in bytes, of the contents of containers
        self._lost: Counter[int] = Counter()  # children of containers
        self._gone: set[int] = set()  # containers

    def record(self, region: int, content: bytes | None) -> None:
        """Replace a record. None: it does not go out."""
        starts = self._layout.starts
        owner = ~self._layout.owners[region]
        start, end = starts[region], starts[region + 1]
        if content is None:
            self._lost[owner] += 1
            self._replace(owner, start, end, b"")
        else:
            self._replace(owner, start, end, self._tag(start) + to_varint(len(content)) + content)

    def context(self, number: int, own: bytes | None) -> None:
        """Replace a container's own fields. None: it does not go out, nor what it holds."""
        layout = self._layout
        if own is None:
            self._gone.add(number)
            return
        begin = layout.containers[number].begin
        self._replace(number, begin, begin, own)
        for region in layout.containers[number].own:
            self._replace(number, layout.starts[region], layout.starts[region + 1], b"")

    def _replace(self, owner: int, start: int, end: int, new: bytes) -> None:
        self._edits.append((start, end, new))
        self._growth[owner] += len(new) - (end - start)

    def _tag(self, start: int) -> bytes:
        body = self._layout.body
        return body[start : varint(body, start)[1]]

    def bytes(self) -> bytes:
        """The request. What holds no records any more does not go out."""
        self._close()
        body, done = self._layout.body, 0
        parts: list[bytes] = []
        for start, end, new in sorted(self._edits):
            if start >= done:  # else it is within what does not go out
                parts += (body[done:start], new)
                done = end
        parts.append(body[done:])
        return b"".join(parts)

    def _close(self) -> None:
        """Remove or measure again what the edits stand in, from the inside to the outside."""
        containers = self._layout.containers
        touched = set()
        for number in (*self._gone, *self._growth):
            while number >= 0 and number not in touched:
                touched.add(number)
                number = containers[number].parent
        for number in sorted(touched, reverse=True):
            each = containers[number]
            if number in self._gone or self._lost[number] == each.children:
                self._lost[each.parent] += 1
                self._replace(each.parent, each.start, each.end, b"")
                continue
            length = each.end - each.begin + self._growth[number]
            header = self._tag(each.start) + to_varint(length)
            self._growth[each.parent] += self._growth[number]
            self._replace(each.parent, each.start, each.begin, header)
