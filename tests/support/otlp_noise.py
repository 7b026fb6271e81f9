"""Requests as no encoder that we know writes them, though any reader takes them."""

from __future__ import annotations

from itertools import chain, groupby
from typing import Any

from hypothesis import strategies as st

_UNKNOWN = [
    b"\x9a\x7f\x07hunter2",  # field 2035, with a length
    b"\x98\x7f\x05",  # the same, a number
    b"\x99\x7f12345678",
    b"\x9d\x7f1234",
    b"\x9b\x7f\x9a\x7f\x01x\x9c\x7f",  # a group with something in it
]

# Made once: each field of a message draws from them.
_SIXTH, _SIXTEENTH, _TWENTIETH = st.integers(0, 5), st.integers(0, 15), st.integers(0, 20)


@st.composite
def noisy(draw: st.DrawFn, body: bytes, type_: Any) -> bytes:
    """The same message in another order, with longer numbers and fields that nobody knows.

    `type_` is its descriptor.
    """
    groups = [list(group) for _, group in groupby(_fields(body), key=lambda each: each[0])]
    if groups and draw(_SIXTH) == 0:
        groups = draw(st.permutations(groups))
    out = []
    for number, wire, content in chain.from_iterable(groups):
        inner = type_.fields_by_number[number].message_type
        if wire == 2 and inner is not None:
            content = draw(noisy(content, inner))
        out.append(_field(number, wire, content, long=draw(_TWENTIETH) == 0))
    if draw(_SIXTEENTH) == 0:
        out.insert(draw(st.integers(0, len(out))), draw(st.sampled_from(_UNKNOWN)))
    return b"".join(out)


def _fields(body: bytes) -> list[tuple[int, int, bytes]]:
    found, at = [], 0
    while at < len(body):
        tag, at = _number(body, at)
        start = at
        if tag & 7 == 2:
            length, start = _number(body, at)
            at = start + length
        elif tag & 7 == 0:
            at = _number(body, at)[1]
        else:
            at += {1: 8, 5: 4}[tag & 7]
        found.append((tag >> 3, tag & 7, body[start:at]))
    return found


def _field(number: int, wire: int, content: bytes, *, long: bool) -> bytes:
    head = as_varint(number << 3 | wire, long=long)
    return head + (as_varint(len(content), long=long) if wire == 2 else b"") + content


def _number(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (body[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if body[at - 1] < 128:
            return number, at


def as_varint(number: int, *, long: bool = False) -> bytes:
    """A number as protobuf writes it, or with a byte more than needed."""
    found: list[int] = []
    while number > 127 or (long and not found):
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])
