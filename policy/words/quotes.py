"""Quotation marks as they are printed: `« x1 »`, `“x1”`, `„x1“`, `「x1」`. Offsets in bytes."""

from __future__ import annotations

import re

_CLOSING = {
    opening.encode(): tuple(sign.encode() for sign in closing)
    for opening, closing in {
        "“": "”“", "„": "“”", "«": "»", "»": "«", "‘": "’", "‚": "‘’", "‹": "›", "「": "」",
    }.items()
}  # fmt: skip
_OPENING = re.compile(b"|".join(_CLOSING))
# French has spaces within its quotes.
_SPACES = (b" ", "\u00a0".encode(), "\u202f".encode())


def in_printed_quotes(data: bytes, at: int, longest: int) -> tuple[int, int] | None:
    """Where what stands between such marks at `at` begins and ends, on one line."""
    opening = _OPENING.match(data, at)
    if opening is None:
        return None
    start = opening.end()
    line_end = data.find(b"\n", start, start + longest)
    limit = line_end if line_end >= 0 else start + longest
    ends = [data.find(sign, start, limit) for sign in _CLOSING[opening.group()]]
    end = min((each for each in ends if each >= 0), default=-1)
    if end < 0:
        return None
    for space in _SPACES:
        if data.startswith(space, start, end):
            start += len(space)
        if data[start:end].endswith(space):
            end -= len(space)
    return start, end
