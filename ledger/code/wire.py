"""Finds attributes in the bytes of an OTLP request, without reading its messages.

An attribute is its key and its value, each behind a tag and its length (`KeyValue` and `AnyValue`
of opentelemetry-proto; https://protobuf.dev/programming-guides/encoding/). Thousands of records say
the same: what was found often before is counted and cut out first, which takes a fraction of
the time, and only then it is looked for more.
"""

from __future__ import annotations

import re
from collections import Counter

from ...pipeline.payloads.otlp_wire import varint
from ...policy.values import compile_bytes

_TEXTS = (
    "http.route", "server.address", "net.peer.name", "code.file.path", "code.filepath",
    "db.query.text", "db.statement",
)  # fmt: skip
_URLS = ("url.full", "http.url")  # of these the beginning is enough
RAISED = ("exception.type", "exception.stacktrace")  # of these it is enough that they are there

_VARINT = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
# A text with a bit of what follows it; what control characters are in is no name.
_TEXT = rb"[^\x00-\x08\x0b\x0c\x0e-\x1f]*"
_URL = rb"[a-z]{2,12}://[^/?#\x00-\x20]*"
_SMALL = 4096  # bytes of a request that is not worth cutting
_OFTEN = 8  # times in one request
_MOST_USUAL, _MOST_SENDERS = 12, 256


def _any(keys: tuple[str, ...]) -> bytes:
    each = [bytes([len(key)]) + re.escape(key.encode()) for key in keys]
    return b"(?:" + b"|".join(each) + rb")\x12"


_VALUE = _VARINT + b"\n" + _VARINT
_SOUGHT = re.compile(
    b"\n(?=("
    + b"|".join([_any(_TEXTS) + _VALUE + _TEXT, _any(_URLS) + _VALUE + _URL, _any(RAISED)])
    + b"))"
)
_IS_THERE = compile_bytes(b"\n" + _any((*_TEXTS, *_URLS, *RAISED)))


class Wire:
    """Remembers what senders usually send. Safe from every thread: it only ever saves time."""

    def __init__(self) -> None:
        self._usual: dict[str, tuple[bytes, ...]] = {}

    def attributes(self, body: bytes, sender: str) -> Counter[tuple[str, str]]:
        """Keys with their values, and how often they stand there; of exceptions only the keys."""
        found: Counter[bytes] = Counter()
        usual = self._usual.get(sender, ()) if len(body) > _SMALL else ()
        for each in usual:
            rest = body.replace(each, b"\0")
            if count := (len(body) - len(rest)) // (len(each) - 1):
                found[each[1:]] += count
                body = rest
        if _IS_THERE.search(body) is not None:
            more = Counter(_SOUGHT.findall(body))
            self._remember(sender, usual, found, more)
            found.update(more)
        total: Counter[tuple[str, str]] = Counter()
        for piece, count in found.items():
            total[_read(piece)] += count
        return total

    def _remember(
        self, sender: str, usual: tuple[bytes, ...], found: Counter[bytes], more: Counter[bytes]
    ) -> None:
        often = [_whole(each) for each, count in more.items() if count >= _OFTEN]
        new = tuple(whole for whole in often if whole)
        if new:
            if len(self._usual) >= _MOST_SENDERS:
                self._usual.clear()
            still = tuple(each for each in usual if each[1:] in found)
            self._usual[sender] = (*new, *still)[:_MOST_USUAL]


def _ends(piece: bytes) -> tuple[int, int, int]:
    """Where the key ends, where the value begins and where it should end."""
    key_end = 1 + piece[0]
    _, at = varint(piece, key_end + 1)
    length, at = varint(piece, at + 1)
    return key_end, at, at + length


def _whole(piece: bytes) -> bytes:
    """The bytes of an attribute from the tag of its key on, if all of it is there; else empty."""
    key_end = 1 + piece[0]
    if len(piece) == key_end + 1:  # an exception
        return b""
    _, _, end = _ends(piece)
    return b"\n" + piece[:end] if end <= len(piece) else b""


def _read(piece: bytes) -> tuple[str, str]:
    key = piece[1 : 1 + piece[0]].decode()
    if len(piece) <= len(key) + 2:
        return key, ""
    _, begin, end = _ends(piece)
    return key, piece[begin:end].decode("utf-8", "replace")
