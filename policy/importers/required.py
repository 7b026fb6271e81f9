"""Whether every match of a pattern (RE2's syntax) holds one of some words.

A detector whose words are in no text need not be run on it; the words of other tools' rules are
hints, so they are believed only when the pattern says so itself. In doubt the answer is no.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .patterns import captures, tokens

_MOST = 64  # strings that a part may stand for before they are not enumerated any more
_MARK = "\x01"  # stands in no pattern
_EMPTY = frozenset({"\\b", "\\B", "\\A", "\\z", "^", "$"})
_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]+)(,[0-9]*)?\})\??")
_GROUP_END = frozenset({"|", ")"})


@dataclass(frozen=True, slots=True)
class _Part:
    """`strings`: all texts that a part matches, folded; None: too many. `holds`: the words."""

    strings: frozenset[str] | None
    holds: bool


_ANYTHING = _Part(None, holds=False)
_NOTHING = _Part(frozenset({""}), holds=False)


def requires(pattern: str, words: Sequence[str]) -> bool:
    """Whether one of the words, in lower case, stands in every match, whatever its case."""
    reader = _Reader(pattern, words)
    part = reader.alternatives()
    return reader.at_end() and reader.has(part)


def always_captures(pattern: str) -> bool:
    """Whether a group takes part in every match: none of the ways to match goes past them all."""
    out: list[str] = []
    opened: list[bool] = []
    for piece, inside in tokens(pattern):
        if not inside and piece.startswith("("):
            opened.append(captures(piece))
            out.append(f"(?:{_MARK}(" if opened[-1] else piece)
        elif not inside and piece == ")":
            out.append("))" if opened and opened.pop() else ")")
        else:
            out.append(piece)
    return requires("".join(out), [_MARK])


class _Reader:
    def __init__(self, pattern: str, words: Sequence[str]) -> None:
        self._tokens = list(tokens(pattern))
        self._words = words
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def has(self, part: _Part) -> bool:
        return part.holds or (part.strings is not None and self._in_all(part.strings))

    def _in_all(self, strings: frozenset[str]) -> bool:
        return all(any(word in text for word in self._words) for text in strings)

    def alternatives(self) -> _Part:
        parts = [self._sequence()]
        while not self.at_end() and self._tokens[self._at] == ("|", False):
            self._at += 1
            parts.append(self._sequence())
        strings: frozenset[str] | None = frozenset()
        for part in parts:
            known = strings is not None and part.strings is not None
            strings = (strings | part.strings) if known else None  # type: ignore[operator]  # known
        if strings is not None and len(strings) > _MOST:
            strings = None
        return _Part(strings, all(self.has(part) for part in parts))

    def _sequence(self) -> _Part:
        """Texts that stand next to each other are joined, so that a word may span them."""
        run, holds, exact = frozenset({""}), False, True
        while not self.at_end() and self._tokens[self._at][0] not in _GROUP_END:
            part = self._atom()
            least, most = self._quantifier()
            once = least == most == 1 and part.strings is not None
            if once and len(run) * len(part.strings or ()) <= _MOST:
                run = frozenset(a + b for a in run for b in part.strings or ())
                holds = holds or part.holds
                continue
            holds = holds or self._in_all(run) or (least > 0 and self.has(part))
            run, exact = frozenset({""}), False
        return _Part(run if exact else None, holds or self._in_all(run))

    def _atom(self) -> _Part:
        text, _ = self._tokens[self._at]
        self._at += 1
        if text.startswith("("):
            return self._group(text)
        if text.startswith("["):
            return self._class(text)
        if text in _EMPTY:
            return _NOTHING
        if text.startswith("\\"):
            plain = len(text) == 2 and not text[1].isalnum()
            return _Part(frozenset({text[1]}), holds=False) if plain else _ANYTHING
        return _ANYTHING if text == "." else _Part(frozenset({text.casefold()}), holds=False)

    def _group(self, opening: str) -> _Part:
        if opening == "(?":  # flags, or a group without a number
            while not self.at_end() and self._tokens[self._at][0] not in (":", ")"):
                self._at += 1
            if not self.at_end() and self._tokens[self._at][0] == ")":
                self._at += 1
                return _NOTHING
            self._at += 1
        part = self.alternatives()
        self._at += 1
        return part

    def _class(self, opening: str) -> _Part:
        members = [opening[2:] if opening.startswith("[^") else opening[1:]]
        while not self.at_end() and self._tokens[self._at][1]:
            members.append(self._tokens[self._at][0])
            self._at += 1
        listed = members[:-1] if members[-1] == "]" else members
        plain = all(len(each) <= 1 and each.isalnum() for each in listed if each)
        if opening != "[" or not plain or len(listed) > 9:
            return _ANYTHING
        return _Part(frozenset(each.casefold() for each in listed if each), holds=False)

    def _quantifier(self) -> tuple[int, int | None]:
        """How often at least, and at most, the atom before stands."""
        rest = "".join(text for text, _ in self._tokens[self._at : self._at + 12])
        found = _QUANTIFIER.match(rest)
        if found is None:
            return 1, 1
        read = 0
        while read < found.end():
            read += len(self._tokens[self._at][0])
            self._at += 1
        if found[1] is None:
            return (1, None) if found[0].startswith("+") else (0, None)
        return int(found[1]), (int(found[1]) if found[2] is None else None)
