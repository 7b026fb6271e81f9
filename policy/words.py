"""Words before a value in free text: `password=…`, `token is …`, `--api-key …`, `Bearer …`."""

from __future__ import annotations

import re2

from .findings import Span
from .keys import classify_key, is_innocent

# Bytes from 0x80 up are letters here: a class of all Unicode letters makes RE2's program too large.
_PAIR = re2.compile(
    rb"([A-Za-z_\x{80}-\x{10FFFF}][A-Za-z0-9_.\-\x{80}-\x{10FFFF}]{0,60})"
    rb"""\\*["']?\]?[ \t]*(?:=>|:=|=|:)[ \t]*"""
    rb"""("[^"]*"|'[^']*'|\[[^\]]*\]|[^\s,;&)}\]<]+)"""
)


def find_words(data: bytes) -> list[Span]:
    """Find values that the words before them give away. Offsets in bytes."""
    spans: list[Span] = []
    for match in _PAIR.finditer(data):
        class_ = classify_key(match.group(1).decode("utf-8", "replace"))
        if class_ is None:
            continue
        start, end = match.span(2)
        if data[start : start + 1] in (b'"', b"'", b"["):
            start, end = start + 1, end - 1
        if start < end and not is_innocent(data[start:end].decode("utf-8", "replace"), class_):
            spans.append(Span(start, end, class_, "words.pair"))
    return spans
