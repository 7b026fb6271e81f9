"""What errlock is compared with on OTLP: the limit, and what one would write without thinking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.otlp_requests import REQUESTS, Signal, all_records
from errlock.policy.detectors import load_catalogue
from errlock.policy.text import TextScanner


def bare(signal: Signal) -> Callable[[bytes], bytes]:
    """The limit: parse and serialise with upb, with nothing in between."""
    request = REQUESTS[signal]

    def through(body: bytes) -> bytes:
        return bytes(request.FromString(body).SerializeToString())

    return through


def walk(signal: Signal) -> Callable[[bytes], bytes]:
    """A walk over every string with errlock's catalogue; it knows neither keys nor encodings."""
    request = REQUESTS[signal]
    scanner = TextScanner(load_catalogue())

    def through(body: bytes) -> bytes:
        message = request.FromString(body)
        for record in all_records(message):
            if signal == "logs":
                _scrub_value(scanner, record.body, "body")
            for attribute in record.attributes:
                _scrub_value(scanner, attribute.value, attribute.key)
        return bytes(message.SerializeToString())

    return through


def _scrub_value(scanner: TextScanner, value: Any, key: str) -> None:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        text = value.string_value
        spans = sorted(scanner.scan(text, key), key=lambda span: (span.start, -span.end))
        if spans:
            value.string_value = _without(text, [(span.start, span.end) for span in spans])
    elif kind == "array_value":
        for each in value.array_value.values:
            _scrub_value(scanner, each, key)
    elif kind == "kvlist_value":
        for pair in value.kvlist_value.values:
            _scrub_value(scanner, pair.value, pair.key)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with spans, in order of their beginnings, replaced."""
    pieces, done = [], 0
    for start, end in spans:
        if start >= done:
            pieces += [text[done:start], "[redacted]"]
        done = max(done, end)
    return "".join([*pieces, text[done:]])
