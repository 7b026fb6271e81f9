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

# The tags of a key and a value, and of values that hold no other ones: all but arrays and maps.
_KEY, _VALUE = (number << 3 | LENGTH for number in (1, 2))
_PLAIN = frozenset({1 << 3 | LENGTH, 2 << 3, 3 << 3, 4 << 3 | 1, 7 << 3 | LENGTH})
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/?#\s]*")


def attributes(body: bytes, shape: Shape) -> Counter[tuple[str, str]]:
    """Keys with their texts, and how often they stand there; of exceptions only the keys.

    Of a URL it is what stands before the path.
    """
    found: Counter[tuple[str, str]] = Counter()
    _count(Counter(pairs(body, shape)), found)
    return found


def _count(among: Counter[bytes], found: Counter[tuple[str, str]]) -> None:
    """Count what is sought among different attributes."""
    for pair, count in among.items():
        if not _is_other(pair):
            _count_one(KeyValue.FromString(pair), pair, count, found)


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


def _count_one(
    attribute: KeyValue, pair: bytes, count: int, found: Counter[tuple[str, str]]
) -> None:
    key, text = attribute.key, attribute.value.string_value
    if key in RAISED:
        found[key, ""] += count
    elif key in _TEXTS and text:
        found[key, text] += count
    elif key in _URLS and (origin := _ORIGIN.match(text)) is not None:
        found[key, origin[0]] += count
    if attribute.value.WhichOneof("value") in ("array_value", "kvlist_value"):
        within = Counter(pairs_within(pair))
        _count(Counter({each: times * count for each, times in within.items()}), found)
