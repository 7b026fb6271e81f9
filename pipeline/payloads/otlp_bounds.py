"""How many messages an OTLP request holds, before it is read.

Two bytes of protobuf, or three of JSON, are a message that takes more than a hundred bytes in
memory: a request within the limit on bytes could need gigabytes. So messages are counted on the
wire first, where a request is long enough to have too many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.protobuf.message import Message

from ..errors import RefusedPayload
from .otlp_wire import FIXED, LENGTH, VARINT, varint

# An attribute is two messages. Batches of SDKs and collectors have some ten thousand records.
MAX_MESSAGES = 2_000_000
MAX_COMMAS = 1_000_000
_SHORTEST = 2  # bytes of a message
# No message begins with one of these: the lowest bits of a tag's first byte are the wire type.
_NO_MESSAGE = bytes(byte for byte in range(256) if byte & 7 != LENGTH)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The fields of a kind of message: their numbers, and the kinds of those that are messages."""

    known: set[int] = field(default_factory=set)
    inner: dict[int, _Kind] = field(default_factory=dict)


def check_protobuf(body: bytes, type_: type[Message], *, known: bool = False) -> None:
    """Raises RefusedPayload (413 `too_many`). What is no protobuf is left to who reads it.

    `known` says that there are no unknown fields, which spares most long requests the count.
    """
    if len(body) < MAX_MESSAGES * _SHORTEST:
        return
    if known and len(body.translate(None, _NO_MESSAGE)) <= MAX_MESSAGES:
        return
    if _count(body, _kind(type_.DESCRIPTOR)) > MAX_MESSAGES:
        raise too_many()


def check_json(body: bytes) -> None:
    """The same for JSON, where commas stand between messages and between their fields."""
    if body.count(b",") > MAX_COMMAS:
        raise too_many()


def too_many() -> RefusedPayload:
    """What the sender is told."""
    return RefusedPayload(413, "too_many", "too many values for one request")


@cache
def _kind(type_: Any) -> _Kind:
    return _described(type_, {})


def _described(type_: Any, seen: dict[str, _Kind]) -> _Kind:
    found = seen.get(type_.full_name)
    if found is None:
        found = seen[type_.full_name] = _Kind()  # first: an AnyValue can hold itself
        for each in type_.fields:
            found.known.add(each.number)
            if each.message_type is not None:
                found.inner[each.number] = _described(each.message_type, seen)
    return found


def _count(body: bytes, kind: _Kind) -> int:
    """Messages and unknown fields, until they are too many or what follows is no protobuf."""
    count = 0
    waiting = [(0, len(body), kind)]
    try:
        while waiting:
            at, end, kind = waiting.pop()
            while at < end and count <= MAX_MESSAGES:
                tag, at = varint(body, at)
                number, wire = tag >> 3, tag & 7
                length = FIXED.get(wire, 0)
                if wire == VARINT:
                    _, at = varint(body, at)
                elif wire == LENGTH:
                    length, at = varint(body, at)
                    if length and number in kind.inner:
                        waiting.append((at, min(at + length, end), kind.inner[number]))
                if number in kind.inner or number not in kind.known:
                    count += 1
                at += length
    except (IndexError, ValueError):  # it ends within a number, or has one too long
        pass
    return count
