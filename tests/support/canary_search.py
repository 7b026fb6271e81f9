"""Looks for thousands of values in any bytes, in every form that one can have there, all at once.

A form is a value written in one of the ways below and that written in another one, as in JSON
within percent signs; and all of that in JSON once more, as in a document. Each has an index entry
by its first bytes, so a look takes one pass over the data however many forms there are.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import quote, quote_plus

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

# What is shorter may stand anywhere by chance. Times and counts have digits, so it takes more.
_LEAST, _LEAST_DIGITS = 8, 9
_PREFIX = 6  # bytes; of a number in protobuf, with its length, there may be no more
_BLOCK = 1 << 20  # positions that are looked at together
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # spreads prefixes over the table by their upper bits
_TABLE_BITS = 24

_Places: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"


class Search:
    """Values and all their forms."""

    def __init__(self, values: Iterable[str]) -> None:
        """Those that are too short to be told from chance are left out: see `values`."""
        self.values = sorted({value for value in values if is_distinctive(value)})
        self._of: dict[bytes, list[str]] = {}
        self._lengths: dict[bytes, set[int]] = {}
        for value in self.values:
            for form in forms(value):
                self._of.setdefault(form, []).append(value)
                self._lengths.setdefault(form[:_PREFIX], set()).add(len(form))
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[_places(b"".join(self._lengths))[::_PREFIX]] = True

    @property
    def forms(self) -> int:
        """How many there are to look for."""
        return len(self._of)

    def found(self, views: Mapping[str, bytes]) -> list[tuple[str, str]]:
        """Where which of the values are."""
        return sorted(
            (place, value) for place, data in views.items() for value in self.values_in(data)
        )

    def values_in(self, data: bytes) -> set[str]:
        """Which of them these bytes have."""
        return {
            value
            for at in self._candidates(data)
            for length in self._lengths.get(data[at : at + _PREFIX], ())
            for value in self._of.get(data[at : at + length], ())
        }

    def _candidates(self, data: bytes) -> Iterator[int]:
        """Positions at which a form may begin: all of them, and few others."""
        for start in range(0, len(data), _BLOCK):
            places = _places(data[start : start + _BLOCK + _PREFIX - 1])
            for at in np.flatnonzero(self._table[places]):
                yield start + int(at)


def _places(data: bytes) -> _Places:
    """Where in the table the prefix stands that begins at each position."""
    padded = np.frombuffer(data + bytes(8 - _PREFIX), np.uint8)
    if len(padded) < 8:
        return np.empty(0, np.uint64)
    words = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, 8)).view("<u8")
    prefixes = words.ravel() << np.uint64(64 - 8 * _PREFIX)
    return prefixes * _SPREAD >> np.uint64(64 - _TABLE_BITS)


def is_distinctive(value: str) -> bool:
    """Whether a value is long enough that it does not stand anywhere by chance."""
    plain = value.replace(" ", "")
    return len(plain) >= (_LEAST_DIGITS if plain.isdigit() else _LEAST)


def forms(value: str) -> set[bytes]:
    """A value in every encoding of leaktest, in hex and as a number, alone and within another."""
    twice = _written(_written({value, value.replace(" ", "")}))
    texts = {form.encode() for text in twice for form in (text, _in_json(text))}
    return {form for form in texts if len(form) >= _LEAST} | set(_as_numbers(value))


def _written(texts: Iterable[str]) -> set[str]:
    return {form for text in texts for form in _ways(text)}


def _ways(text: str) -> Iterator[str]:
    yield text
    yield _in_json(text)
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield text.replace("\\", "\\\\").replace("'", "\\'")  # of a longer text with other quotes
    yield repr(text.encode())[2:-1]
    yield text.replace("'", "''")
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    yield "".join(f"\\u{ord(char):04x}" for char in text)
    yield "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text)
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield text.encode().hex()
    yield from _in_base64(text.encode())


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_base64(raw: bytes) -> Iterator[str]:
    """What is always the same of it, wherever in a longer text it stands."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            encoded = encode(b" " * shift + raw + b" " * 3).rstrip(b"=").decode()
            yield encoded[(0, 2, 3)[shift] : -5]


def _as_numbers(value: str) -> Iterator[bytes]:
    """As OTLP has it when somebody made a number of it, and as eight bytes."""
    if not (value.isascii() and value.isdigit()) or int(value) >= 1 << 63:
        return
    number = AnyValue(int_value=int(value)).SerializeToString()
    if len(number) >= _PREFIX - 1:
        yield bytes([len(number)]) + number  # wherever a value stands, its length is before it
        yield int(value).to_bytes(8, "big")
        yield int(value).to_bytes(8, "little")
