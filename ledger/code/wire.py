"""Which attributes stand in a request, without reading its messages one by one.

Protobuf reads a request as one record that has the attributes of all (`pairs`). Mostly the same few
attributes stand in all records, so that little is left to be looked at.
"""

from __future__ import annotations

import re
from collections import Counter

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from ...pipeline.payloads.otlp_schema import pairs, pairs_within
from ...pipeline.payloads.otlp_signals import Shape
from ...pipeline.payloads.otlp_wire import LENGTH
from ...policy.words.values import compile_bytes

_TEXTS = frozenset(
    {
        "http.route", "server.address", "net.peer.name", "code.file.path", "code.filepath",
        "db.query.text", "db.statement",
    }
)  # fmt: skip
_URLS = frozenset({"url.full", "http.url"})  # of these the beginning is enough
# Of these it is enough that they are there.
RAISED = frozenset({"exception.type", "exception.stacktrace"})
_SOUGHT = frozenset(key.encode() for key in _TEXTS | _URLS | RAISED)
_IS_THERE = compile_bytes(b"|".join(map(re.escape, sorted(_SOUGHT))))

_REMEMBERED, _LONGEST = 4096, 1000  # attributes, and bytes of one

# The tags of a key and a value, and of values that hold no other ones: all but arrays and maps.
_KEY, _VALUE = (number << 3 | LENGTH for number in (1, 2))
_PLAIN = frozenset({1 << 3 | LENGTH, 2 << 3, 3 << 3, 4 << 3 | 1, 7 << 3 | LENGTH})
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/?#\s]*")


class AttributeReader:
    """Reads requests. Safe from every thread."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, str]] = {}

    def attributes(self, body: bytes, shape: Shape) -> Counter[tuple[str, str]]:
        """Keys with their texts, and how often they stand there; of exceptions only the keys.

        Of a URL it is what stands before the path.
        """
        found: Counter[tuple[str, str]] = Counter()
        if _IS_THERE.search(body) is not None:
            self._count(Counter(pairs(body, shape)), found)
        return found

    def _count(self, among: Counter[bytes], found: Counter[tuple[str, str]]) -> None:
        """Count what is sought among different attributes. Most are known, or nobody seeks them."""
        others: list[bytes] = []
        for pair, count in among.items():
            known = self._known.get(pair)
            if known is None:
                others.append(pair)
            else:
                found[known] += count
        if _IS_THERE.search(b"".join(others)) is not None:
            for pair in others:
                if not _is_other(pair):
                    self._count_one(pair, among[pair], found)

    def _count_one(self, pair: bytes, count: int, found: Counter[tuple[str, str]]) -> None:
        attribute = KeyValue.FromString(pair)
        key, text = attribute.key, attribute.value.string_value
        if key in RAISED:
            found[key, ""] += count
        elif key in _TEXTS and text:
            found[key, text] += count
            self._remember(pair, key, text)
        elif key in _URLS and (origin := _ORIGIN.match(text)) is not None:
            found[key, origin[0]] += count
        if attribute.value.WhichOneof("value") in ("array_value", "kvlist_value"):
            within = Counter(pairs_within(pair))
            self._count(Counter({each: times * count for each, times in within.items()}), found)

    def _remember(self, pair: bytes, key: str, text: str) -> None:
        if len(pair) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[pair] = key, text


def _is_other(pair: bytes) -> bool:
    """Whether an attribute is one that nobody seeks, with a short value that has no other in it.

    Most of the different ones are.
    """
    try:
        behind = pair[1] + 2  # the key
        return (
            pair[2:behind] not in _SOUGHT
            and pair[0] == _KEY
            and pair[behind] == _VALUE
            and pair[1] < 128 > pair[behind + 1]
            and pair[behind + 2] in _PLAIN
        )
    except IndexError:
        return False
