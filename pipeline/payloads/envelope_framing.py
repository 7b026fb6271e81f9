"""Where an envelope's header, its items and a container item's elements begin and end.

Read leniently where SDKs differ (CRLF, no `length`, no final newline, blank lines between items),
refused otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ..errors import UNREADABLE, BrokenDocument, RefusedPayload
from . import json
from .document import Tree

MAX_ITEMS = 1000
MAX_ELEMENTS = 10_000  # of all containers together
# In a container, before it is read: millions of empty elements take hundreds of times their bytes.
MAX_COMMAS = 1_000_000

_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Frame:
    """An item as it stands in the envelope."""

    type: str
    headers: dict[str, Tree]  # the others, without `length`
    payload: bytes


@dataclass(frozen=True, slots=True)
class Frames:
    """A whole envelope as it stands."""

    headers: dict[str, Tree]
    items: list[Frame]
    repairs: int


def read(body: bytes, *, ours: bool = False) -> Frames:
    """Cut an envelope; one that is `ours` may have any number of items.

    Raises RefusedPayload (400, 413).
    """
    line, at = line_at(body, 0)
    headers, repairs = _object(line, "the envelope header")
    items: list[Frame] = []
    while (at := _skip_blank(body, at)) < len(body):
        if len(items) == MAX_ITEMS and not ours:
            raise RefusedPayload(413, "too_many", f"more than {MAX_ITEMS} items")
        line, at = line_at(body, at)
        item, mended = _object(line, "an item header")
        repairs += mended
        type_, length = item.pop("type", None), item.pop("length", None)
        if not isinstance(type_, str):
            raise RefusedPayload(400, "invalid_envelope", "an item has no type")
        end = _end(body, at, length)
        items.append(Frame(type_, item, body[at:end]))
        at = end
    return Frames(headers, items, repairs)


def elements(
    payload: bytes, *, ours: bool = False
) -> tuple[list[bytes], dict[str, Tree], int] | None:
    """The elements of a container, what it has beside them, repairs. None: it is no container.

    Raises RefusedPayload (413) for too many, unless they are `ours`.
    """
    if not ours and payload.count(b",") > MAX_COMMAS:
        raise too_many_elements()
    repairs = 0
    try:
        try:
            members = _members(payload)
        except UNREADABLE:
            tree, repairs = json.decode(payload)
            members = _members(json.encode(tree))
        found = [bytes(raw) for raw in _elements(members.pop("items"))]
        others = {key: json.decode(bytes(raw))[0] for key, raw in members.items()}
    except (KeyError, *UNREADABLE, BrokenDocument):
        return None
    return found, others, repairs


def too_many_elements() -> RefusedPayload:
    """What the sender of too many elements is told."""
    return RefusedPayload(413, "too_many", f"more than {MAX_ELEMENTS} elements in containers")


def container(parts: list[bytes], others: dict[str, Tree]) -> bytes:
    """The content of a container item."""
    rest = b"," + json.encode(others)[1:] if others else b"}"
    return b'{"items":[' + b",".join(parts) + b"]" + rest


def line_at(body: bytes, at: int) -> tuple[bytes, int]:
    """The line that begins at `at`, and where the next one does."""
    end = body.find(b"\n", at)
    return (body[at:], len(body)) if end < 0 else (body[at:end], end + 1)


def _skip_blank(body: bytes, at: int) -> int:
    while at < len(body) and body[at] in b"\r\n":
        at += 1
    return at


def _object(line: bytes, what: str) -> tuple[dict[str, Tree], int]:
    try:
        tree, repairs = json.decode(line)
    except BrokenDocument as broken:
        raise RefusedPayload(400, "invalid_envelope", f"{what} is {broken}") from None
    if not isinstance(tree, dict):
        raise RefusedPayload(400, "invalid_envelope", f"{what} is not an object")
    return tree, repairs


def _end(body: bytes, at: int, length: Tree) -> int:
    """Where the payload that begins at `at` ends: by its length, else at the end of the line."""
    if length is None:
        end = body.find(b"\n", at)
        return len(body) if end < 0 else end
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise RefusedPayload(400, "invalid_envelope", "an item's length is not a number of bytes")
    end = at + length
    if end > len(body):
        raise RefusedPayload(400, "invalid_envelope", "an item is longer than the envelope")
    if body[end : end + 2] not in (b"", b"\r", b"\r\n") and body[end : end + 1] != b"\n":
        raise RefusedPayload(400, "invalid_envelope", "an item's length is not that of its content")
    return end
