"""JSON as real senders write it: sloppy places are mended and counted, everything else is refused.

Mended: a byte order mark, `NaN` and `Infinity` (become null), lone surrogates in escapes (become
U+FFFD: everyday JavaScript, which cuts strings between the halves of an emoji), raw control
characters in strings, and object keys that occur twice (the last one is kept). Refused: what is
not UTF-8 or not JSON (RFC 8259) otherwise, trailing data, nesting above MAX_DEPTH.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from ..errors import BrokenDocument
from .document import Tree

MAX_DEPTH = 128
REPLACEMENT = b"\\ufffd"
_BOM = b"\xef\xbb\xbf"

_decode = msgspec.json.Decoder().decode
# A string (its end may be missing: then it reaches to the end, so that this is linear), or a word
# that Python and JavaScript write for a number that JSON has not.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|-?\b(?:NaN|Infinity)\b', re.DOTALL)
# In a string: a pair of surrogates, a lone one, any other escape, or a raw control character.
_PIECE = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|(?P<escape>\\.)"
    rb"|(?P<control>[\x00-\x1f])",
    re.DOTALL,
)
_ESCAPED_COLON = re.compile(rb"\\u003a", re.IGNORECASE)


def decode(data: bytes) -> tuple[Tree, int]:
    """The tree, and how many places had to be mended. Raises BrokenDocument."""
    repairs = 0
    try:
        tree: Tree = _read(data)
    except msgspec.MsgspecError:
        data, repairs = _mend(data)
        if not repairs:
            raise BrokenDocument("not JSON") from None
        try:
            tree = _read(data)
        except msgspec.MsgspecError:
            raise BrokenDocument("not JSON") from None
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and too_deep(tree):
        raise BrokenDocument(f"nested more than {MAX_DEPTH} deep")
    return tree, repairs + _twice(data, tree)


def encode(tree: object) -> bytes:
    """The tree as compact JSON.

    Strings may hold lone surrogates, which become U+FFFD. What JSON has no word for becomes a
    string, as a Sentry SDK would write it. Raises BrokenDocument when even that is impossible.
    """
    try:
        return msgspec.json.encode(tree, enc_hook=repr)
    except UnicodeEncodeError:
        pass
    except Exception:  # noqa: BLE001  repr() and the encoder may raise anything, with values in it
        raise BrokenDocument("not representable as JSON") from None
    try:
        text = json.dumps(tree, default=repr).encode()
        return msgspec.json.encode(decode(text)[0])
    except (TypeError, ValueError, RecursionError):
        raise BrokenDocument("not representable as JSON") from None


def too_deep(tree: Tree, limit: int = MAX_DEPTH) -> bool:
    """Whether containers are nested more than `limit` deep."""
    level: list[Any] = [tree]
    for _ in range(limit):
        level = [
            value
            for container in level
            if isinstance(container, (dict, list))
            for value in (container.values() if isinstance(container, dict) else container)
            if isinstance(value, (dict, list))
        ]
        if not level:
            return False
    return True


def _read(data: bytes) -> Tree:
    """Decode strict JSON. Raises MsgspecError where mending may help, else BrokenDocument."""
    try:
        tree: Tree = _decode(data)
    except UnicodeDecodeError:
        raise BrokenDocument("not UTF-8") from None
    except RecursionError:
        raise BrokenDocument(f"nested more than {MAX_DEPTH} deep") from None
    return tree


def _mend(data: bytes) -> tuple[bytes, int]:
    """The text with its sloppy places mended, and their number."""
    repairs = 0

    def piece(found: re.Match[bytes]) -> bytes:
        nonlocal repairs
        if found["lone"] is not None:
            repairs += 1
            return REPLACEMENT
        if found["control"] is not None:
            repairs += 1
            return b"\\u%04x" % found["control"][0]
        return found[0]

    def token(found: re.Match[bytes]) -> bytes:
        nonlocal repairs
        if found[0].startswith(b'"'):
            return _PIECE.sub(piece, found[0])
        repairs += 1
        return b"null"

    if data.startswith(_BOM):
        data = data[len(_BOM) :]
        repairs += 1
    return _TOKEN.sub(token, data), repairs


def _twice(data: bytes, tree: Tree) -> int:
    """1 when a key occurs twice in one object, else 0.

    Every member has a colon, and so have strings: what was dropped by decoding is missing when
    the tree is written again. Only an escaped colon could hide that.
    """
    if not _ESCAPED_COLON.search(data):
        return int(data.count(b":") != msgspec.json.encode(tree).count(b":"))
    twice = False

    def members(pairs: list[tuple[str, object]]) -> None:
        nonlocal twice
        twice = twice or len({key for key, _ in pairs}) != len(pairs)

    json.loads(data, object_pairs_hook=members)
    return int(twice)
