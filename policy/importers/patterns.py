"""Patterns of other engines as RE2's: which group is the span, and what Rust's classes mean.

Go's syntax is RE2's. Rust's (docs.rs/regex) is nearly so, but `\\d`, `\\w` and `\\s` are Unicode's
there, and classes nest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"\\Q(?s:.*?)(?:\\E|$)|\\[pPx]\{[^}]*\}|\\x[0-9A-Fa-f]{2}|\\[0-7]{1,3}|\\(?s:.)|\[\^?\]?|\[|\(\?P?<(?![=!])[^>]+>|\(\?|\(|(?s:.)"
)
_UNICODE = {"\\d": r"\p{Nd}", "\\w": r"\p{L}\p{M}\p{N}_", "\\s": r"\s\x{0B}\x{85}\p{Z}"}
_OUTSIDE = {
    "\\d": r"\p{Nd}", "\\D": r"\P{Nd}", "\\w": r"[\p{L}\p{M}\p{N}_]", "\\W": r"[^\p{L}\p{M}\p{N}_]",
    "\\s": r"[\s\x{0B}\x{85}\p{Z}]", "\\S": r"[^\s\x{0B}\x{85}\p{Z}]",
}  # fmt: skip
_QUANTIFIERS = frozenset("*+?{")
_SIGNS = frozenset("*+?{.^$|()[]")


class PatternError(ValueError):
    """A pattern says something that RE2 has no way to say."""


def groups(pattern: str) -> int:
    """How many capturing groups a pattern has."""
    return sum(captures(piece) for piece, inside in tokens(pattern) if not inside)


def with_span(pattern: str, group: int) -> str:
    """The pattern with its group number `group` named `v`, which is the span; 0: all of it.

    Other groups lose their names. Raises ValueError when there is no such group.
    """
    out: list[str] = []
    number = 0
    for piece, inside in tokens(pattern):
        if inside or not captures(piece):
            out.append(piece)
            continue
        number += 1
        out.append("(?P<v>" if number == group else "(")
    if group > number:
        raise ValueError(f"the pattern has no group {group}")
    return "".join(out)


def behind_first_group(pattern: str, replacement: str) -> str | None:
    """The pattern with a span that begins where what a replacement keeps ends.

    That is its first group, if both begin with it (`(token=)[^&]*` and `$1***`), and the characters
    behind it that both have. None where a replacement keeps nothing in that way.
    """
    kept = re.match(r"\$(?:1(?![0-9A-Za-z_])|\{1\})", replacement)
    flags = re.match(r"(?:\(\?[imsU]+\))?", pattern)
    assert flags is not None  # it may be empty
    pieces = list(tokens(pattern[flags.end() :]))
    end = _end_of_group(pieces)
    if kept is None or end is None or ("|", 0) in _depths(pieces):
        return None
    same = replacement[kept.end() :]
    while _is_literal(pieces, end) and same.startswith(pieces[end][0]):
        same, end = same[1:], end + 1
    plain = ["(" if not inside and captures(piece) else piece for piece, inside in pieces]
    before, behind = "".join(plain[:end]), "".join(plain[end:])
    return f"{flags[0]}{before}(?P<v>{behind})" if behind else None


def _end_of_group(pieces: list[tuple[str, bool]]) -> int | None:
    """Behind the group that a pattern begins with; None where it has none, or one that repeats."""
    depths = _depths(pieces)
    if not pieces or not captures(pieces[0][0]) or (")", 0) not in depths:
        return None
    end = depths.index((")", 0)) + 1
    return None if end < len(pieces) and pieces[end][0] in _QUANTIFIERS else end


def _depths(pieces: list[tuple[str, bool]]) -> list[tuple[str, int]]:
    """How many groups each piece stands in; members of classes count as in one more."""
    found, depth = [], 0
    for piece, inside in pieces:
        depth -= not inside and piece == ")"
        found.append((piece, depth + inside))
        depth += not inside and piece.startswith("(")
    return found


def _is_literal(pieces: list[tuple[str, bool]], at: int) -> bool:
    """Whether a piece is a character that stands there once."""
    here, behind = (pieces[i][0] if i < len(pieces) else "" for i in (at, at + 1))
    return len(here) == 1 and here not in _SIGNS and behind not in _QUANTIFIERS


def from_rust(pattern: str) -> str:
    """The same pattern in RE2's syntax. Raises PatternError."""
    out: list[str] = []
    before = ""
    for piece, inside in tokens(pattern):
        if inside and (piece == "[" or (piece in "&-~" and piece == before)):
            raise PatternError("RE2 has no classes within classes")
        out.append((_UNICODE if inside else _OUTSIDE).get(piece, piece))
        before = piece if inside else ""
    return "".join(out)


def captures(piece: str) -> bool:
    """Whether a token opens a group with a number."""
    return piece == "(" or piece.startswith(("(?P<", "(?<"))


def tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """Each piece and whether it stands inside a class."""
    inside = False
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        assert found is not None  # the last alternative takes any character
        piece = found[0]
        if inside and piece[0] in "([" and piece != "[":
            piece = pattern[at]
        if inside and pattern.startswith("[:", at) and ":]" in pattern[at:]:
            piece = pattern[at : pattern.index(":]", at) + 2]
            yield piece, True
        elif not inside and piece[0] == "[":
            yield piece, False
            inside = True
        else:
            yield piece, inside
            inside = inside and piece != "]"
        at += len(piece)
