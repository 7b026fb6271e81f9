"""Patterns of other engines as RE2's: which group is the span, and what Rust's classes mean.

Go's syntax is RE2's. Rust's (docs.rs/regex) is nearly so, but `\\d`, `\\w` and `\\s` are Unicode's
there, and classes nest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"\\Q(?s:.*?)(?:\\E|$)|\\[pPx]\{[^}]*\}|\\(?s:.)|\[\^?\]?|\[|\(\?P?<(?![=!])[^>]+>|\(\?|\(|(?s:.)"
)
_UNICODE = {"\\d": r"\p{Nd}", "\\w": r"\p{L}\p{M}\p{N}_", "\\s": r"\s\x{0B}\x{85}\p{Z}"}
_OUTSIDE = {
    "\\d": r"\p{Nd}", "\\D": r"\P{Nd}", "\\w": r"[\p{L}\p{M}\p{N}_]", "\\W": r"[^\p{L}\p{M}\p{N}_]",
    "\\s": r"[\s\x{0B}\x{85}\p{Z}]", "\\S": r"[^\s\x{0B}\x{85}\p{Z}]",
}  # fmt: skip


class Untranslatable(ValueError):
    """A pattern says something that RE2 has no way to say."""


def groups(pattern: str) -> int:
    """How many capturing groups a pattern has."""
    return sum(_captures(token) for token, inside in _tokens(pattern) if not inside)


def with_span(pattern: str, group: int) -> str:
    """The pattern with its group number `group` named `v`, which is the span; 0: all of it.

    Other groups lose their names. Raises ValueError when there is no such group.
    """
    out: list[str] = []
    number = 0
    for token, inside in _tokens(pattern):
        if inside or not _captures(token):
            out.append(token)
            continue
        number += 1
        out.append("(?P<v>" if number == group else "(")
    if group > number:
        raise ValueError(f"the pattern has no group {group}")
    return "".join(out)


def from_rust(pattern: str) -> str:
    """The same pattern in RE2's syntax. Raises Untranslatable."""
    out: list[str] = []
    for token, inside in _tokens(pattern):
        if inside and token.startswith("[") and token != "[":
            raise Untranslatable("RE2 has no classes within classes")
        out.append((_UNICODE if inside else _OUTSIDE).get(token, token))
    text = "".join(out)
    if re.search(r"\[[^\]]*(?:\[(?!:)|&&|--|~~)", _without_escapes(text)):
        raise Untranslatable("RE2 has no classes within classes")
    return text


def _without_escapes(pattern: str) -> str:
    return re.sub(r"\\[pPx]\{[^}]*\}|\\(?s:.)", "", pattern)


def _captures(token: str) -> bool:
    return token == "(" or token.startswith(("(?P<", "(?<"))


def _tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """Each token and whether it stands inside a class."""
    inside = False
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        assert found is not None  # the last alternative takes any character
        token = found[0]
        if inside and token[0] in "([" and token != "[":
            token = pattern[at]
        if inside and pattern.startswith("[:", at) and ":]" in pattern[at:]:
            token = pattern[at : pattern.index(":]", at) + 2]
            yield token, True
        elif not inside and token[0] == "[":
            yield token, False
            inside = True
        else:
            yield token, inside
            inside = inside and token != "]"
        at += len(token)
