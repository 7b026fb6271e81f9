"""What of a value can still be read in a document, also after undoing encodings three deep.

Knows nothing of how errlock looks for things: it is the judge.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

_DEPTH = 3
_MOST_READINGS = 60  # of one string
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_SHORT = 8  # characters; less counts only as a whole
_SHARE = 0.6  # of a value: who reads so much of it in one piece has it
_LINE = 32  # characters of a line of a private key that give it away
_GAP = "\n\0\n"  # between texts that do not belong together

MISSING = object()


def readings(text: str) -> list[str]:
    """A text, and what it says once URL, JSON and HTML escapes and base64 are undone."""
    found: list[str] = []
    _read(text, _DEPTH, found)
    return found


def _read(text: str, depth: int, found: list[str]) -> None:
    if text in found or len(found) > _MOST_READINGS:
        return
    found.append(text)
    if depth:
        for other in _undone(text):
            if other != text:
                _read(other, depth - 1, found)


def _undone(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _ESCAPE.sub(_character, text)
    if "%" in text or "+" in text:
        yield unquote_plus(text)
    if "&" in text and ";" in text:
        yield html.unescape(text)
    for match in _TOKEN.finditer(text):
        decoded = _base64(match[0])
        if decoded is not None:
            yield decoded


def _character(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    return chr(int(digits, 16)) if digits else _CONTROLS.get(match[3], match[3])


def _base64(token: str) -> str | None:
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode()
    except ValueError:
        return None
    return text if text.isprintable() or "\n" in text else None


def text_of(tree: Any) -> str:
    """Everything that can be read in a tree: names, texts and numbers."""
    return _GAP.join(reading for each in _strings(tree) for reading in readings(each))


def _strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield str(key)
            yield from _strings(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _strings(value)
    elif isinstance(tree, str):
        yield tree
    elif tree is not None and not isinstance(tree, bool):
        yield repr(tree)


def leaves(
    tree: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value that is no container, with its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*path, index))
    else:
        yield path, tree


def at(tree: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path, or MISSING.

    A scrubber may have brought an event into its own form: objects as lists of pairs, lists as
    `{"values": …}`. These are seen through.
    """
    for step in path:
        tree = _step(tree, step)
        if tree is MISSING:
            break
    return tree


def _step(tree: Any, step: str | int) -> Any:
    if isinstance(tree, dict):
        if step in tree:
            return tree[step]
        return _step(tree.get("values"), step) if isinstance(step, int) else MISSING
    if not isinstance(tree, list):
        return MISSING
    if isinstance(step, int):
        return tree[step] if step < len(tree) else MISSING
    if step == "values":
        return tree
    pairs = [each for each in tree if isinstance(each, list) and len(each) == 2]
    return next((value for key, value in pairs if str(key).lower() == step.lower()), MISSING)


def has_leaked(value: str, kind: str, text: str) -> bool:
    """Whether a value can be read in a text, or so much of it that it makes no difference."""
    if value in text:
        return True
    if kind == "email":
        local = re.split("@|%40", value)[0]
        return len(local) >= 4 and local in text
    if kind == "private_key" and len(value) > 100:
        lines = re.split(r"\\n|\n", value)
        return any(len(line) >= _LINE and line in text for line in lines)
    if len(value) < _SHORT:
        return False
    length = max(6, math.ceil(_SHARE * len(value)))
    return any(value[i : i + length] in text for i in range(len(value) - length + 1))
