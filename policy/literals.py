"""Data written inside a text, read leniently: JSON, Python and JavaScript literals, Ruby hashes.

One reader for all of them, because logs mix and truncate them: it never fails, it takes what is
there up to the end of the text, and it keeps the place of every part. Time is linear.

    {"password": "x"}   {'password': b'x'}   User(id=4, email='x')   {:a => "x"}   [["a", "x"],
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .views import View, unescaped

MAX_NESTING = 128

_OPENERS, _CLOSERS = frozenset("{[("), frozenset("}])")

_OPENING = re.compile(r"[{\[(]")
# Cannot backtrack: the alternatives begin with different characters or end where others begin.
_TOKEN = re.compile(
    r"""[ \t\r\n]+ | [{}\[\]()] | => | [:,=;] | [bBuUrR]{0,2}["'] | [^\s{}\[\]():,=;"'>]+ | .""",
    re.VERBOSE | re.DOTALL,
)
_STRING_END = {
    quote: re.compile(rf"[^{quote}\\]*(?:\\.[^{quote}\\]*)*({quote}|\\?\Z)", re.DOTALL)
    for quote in "\"'"
}
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


@dataclass(slots=True)
class Leaf:
    """A string, a number or a bare word, and its place."""

    view: View
    kind: str  # string, number, word


@dataclass(slots=True)
class Branch:
    """Something in brackets: values by position, keys where it has them.

    `items` are `(key, position, value)`; text between two commas has one position.
    """

    items: list[tuple[Leaf | None, int, Node]] = field(default_factory=list)


Node = Leaf | Branch


def literals(view: View) -> Iterator[tuple[Branch, int, int]]:
    """The literals in a text, outermost only, each with its place."""
    text = view.text
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        branch, end = _Reader(view, opening.start()).read()
        yield branch, opening.start(), end
        at = end


def literal_at(view: View, at: int) -> tuple[Branch, int]:
    """The literal that begins with the bracket at `at`, and where it ends."""
    return _Reader(view, at).read()


class _Open:
    """A bracket that has not been closed: what came in it so far."""

    __slots__ = ("branch", "key", "last", "position")

    def __init__(self) -> None:
        self.branch = Branch()
        self.key: Leaf | None = None
        self.last: Node | None = None
        self.position = 0

    def flush(self) -> None:
        if self.last is not None:
            self.branch.items.append((self.key, self.position, self.last))
            self.last = None

    def end_item(self) -> None:
        self.flush()
        self.key = None
        self.position += 1


class _Reader:
    def __init__(self, view: View, at: int) -> None:
        self._view = view
        self._at = at

    def read(self) -> tuple[Branch, int]:
        stack: list[_Open] = []
        text = self._view.text
        while (match := _TOKEN.match(text, self._at)) is not None:
            token = match[0]
            self._at = match.end()
            if token in _OPENERS:
                if len(stack) >= MAX_NESTING:
                    break
                stack.append(_Open())
            elif token in _CLOSERS:
                branch = self._close(stack)
                if not stack:
                    return branch, self._at
            else:
                self._take(token, match.start(), stack[-1])
        branch = Branch()
        while stack:
            branch = self._close(stack)
        return branch, len(text)

    @staticmethod
    def _close(stack: list[_Open]) -> Branch:
        closed = stack.pop()
        closed.flush()
        if stack:
            stack[-1].flush()
            stack[-1].last = closed.branch
        return closed.branch

    def _take(self, token: str, start: int, open_: _Open) -> None:
        if token in (":", "=", "=>"):
            if isinstance(open_.last, Leaf):
                open_.key, open_.last = open_.last, None
        elif token in (",", ";"):
            open_.end_item()
        elif token[-1] in "\"'":
            open_.flush()
            open_.last = self._string(token[-1])
        elif not token.isspace():
            open_.flush()
            open_.last = self._word(start)

    def _string(self, quote: str) -> Leaf:
        start = self._at
        match = _STRING_END[quote].match(self._view.text, start)
        assert match is not None  # the pattern also ends at the end of the text
        self._at = match.end()
        end = match.start(1)
        if self._view.text.find("\\", start, end) >= 0:
            return Leaf(unescaped(self._view, start, end), "string")
        return Leaf(self._view.part(start, end), "string")

    def _word(self, start: int) -> Leaf:
        part = self._view.part(start, self._at)
        kind = "number" if _NUMBER.fullmatch(part.text) else "word"
        part.quoted = kind == "number"
        return Leaf(part, kind)
