"""What a reader can get out of a tree by undoing encodings: independent of how errlock does it."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


def strings(tree: Any) -> Iterator[str]:
    """Every key and every value of a tree as text."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from strings(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from strings(value)
    elif isinstance(tree, bytes):
        yield tree.decode("latin-1")
    elif tree is not None and not isinstance(tree, bool):
        yield str(tree)


def readings(text: str, depth: int = 3) -> set[str]:
    """A text and what it says under each encoding, three deep."""
    found = {text}
    if depth == 0:
        return found
    decoded = {
        _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], text),
        unquote_plus(text),
        html.unescape(text),
    }
    for match in _TOKEN.finditer(text):
        token = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            decoded.add(base64.b64decode(token + "=" * (-len(token) % 4)).decode())
        except ValueError:
            continue
    for other in decoded - {text}:
        found |= readings(other, depth - 1)
    return found


def is_readable(value: str, tree: Any) -> bool:
    """Whether a value can be read anywhere in a tree."""
    return any(value in reading for text in strings(tree) for reading in readings(text))
