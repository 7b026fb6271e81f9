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

_OPENING = re.compile(r"[{\[(]")
# Cannot backtrack: the alternatives begin with different characters or end where others begin, and
# what repeats gives nothing back. White space before a token belongs to it.
_TOKEN = re.compile(
    r"""[ \t\r\n]*+ (?:
        ([{\[(]) | ([}\])]) | (=>|[:=]) | ([,;])
        | [bBuUrR]{0,2}+ (?: "([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)
                           | '([^'\\]*+(?:\\.[^'\\]*+)*+)(?:'|\\?\Z) )
        | (&'[a-z_]++(?=[ ,>]) | [^\s{}\[\]():,=;"'>]+)  # a lifetime of Rust is no quote
        | (\S) | . | \Z
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPENS, _CLOSES, _NAMES, _SEPARATES, _DOUBLE, _SINGLE = range(1, 7)
_ELEMENT = re.compile(r"[A-Za-z_]++(?:[.\-][A-Za-z_]++)*+\Z")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


class Leaf:
    """A string, a number or a bare word, and its place.

    Of most nobody asks for more than the text, so that their views are not made before.
    """

    __slots__ = ("_around", "_start", "_view", "kind", "text")

    def __init__(self, kind: str, text: str, around: View, start: int, view: View | None) -> None:
        """`view` says what an escaped text means; without, it stands in `around` at `start`."""
        self.kind = kind  # string, number, word
        self.text = text
        self._around = around
        self._start = start
        self._view = view

    @property
    def view(self) -> View:
        """The text with the way back to the document."""
        if self._view is None:
            self._view = self._around.part(self._start, self._start + len(self.text))
            self._view.quoted = self.kind == "number"
        return self._view

    @property
    def is_escaped(self) -> bool:
        """Whether it is written in other characters than it has."""
        return self._view is not None and self._view.chars is not None


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
        branch, end = literal_at(view, opening.start())
        yield branch, opening.start(), end
        at = end


class _Open:
    """A bracket that has not been closed: what came in it so far."""

    __slots__ = ("branch", "is_index", "key", "last", "position")

    def __init__(self, *, is_index: bool) -> None:
        self.branch = Branch()
        self.is_index = is_index  # of what stands before it: `config["password"]`
        self.key: Leaf | None = None
        self.last: Node | None = None
        self.position = 0

    def put(self, node: Node | None) -> None:
        """What came last is a value, unless a sign makes it a key; now comes this."""
        if self.last is not None:
            self.branch.items.append((self.key, self.position, self.last))
        self.last = node


def literal_at(view: View, at: int) -> tuple[Branch, int]:
    """The literal that begins with the bracket at `at`, and where it ends."""
    stack: list[_Open] = []
    for match in _TOKEN.finditer(view.text, at):
        kind = match.lastindex
        if kind is None:
            continue
        if kind == _OPENS:
            if len(stack) >= MAX_NESTING:
                break
            before = view.text[match.start(kind) - 1 : match.start(kind)]
            is_index = match[kind] == "[" and bool(stack) and (before.isalnum() or before in "_)]")
            stack.append(_Open(is_index=is_index))
        elif kind == _CLOSES:
            branch = _close(stack)
            if not stack:
                return branch, match.end()
        elif kind == _NAMES:
            if isinstance(stack[-1].last, Leaf):
                stack[-1].key, stack[-1].last = stack[-1].last, None
        elif kind == _SEPARATES:
            open_ = stack[-1]
            open_.put(None)
            open_.key = None
            open_.position += 1
        elif kind in (_DOUBLE, _SINGLE):
            stack[-1].put(_string(view, *match.span(kind)))
        else:
            stack[-1].put(_word(view, match[kind], match.start(kind)))
    branch = Branch()
    while stack:
        branch = _close(stack)
    return branch, len(view.text)


def _close(stack: list[_Open]) -> Branch:
    closed = stack.pop()
    closed.put(None)
    if stack and not (closed.is_index and _is_a_name(closed.branch)):
        stack[-1].put(closed.branch)
    return closed.branch


def _is_a_name(branch: Branch) -> bool:
    """Whether it is the name of an element, in quotes."""
    if len(branch.items) != 1 or branch.items[0][0] is not None:
        return False
    value = branch.items[0][2]
    if not isinstance(value, Leaf) or value.kind != "string":
        return False
    return _ELEMENT.match(value.text) is not None


def _string(view: View, start: int, end: int) -> Leaf:
    text = view.text[start:end]
    if "\\" in text:
        meant = unescaped(view, start, end)
        return Leaf("string", meant.text, view, start, meant)
    return Leaf("string", text, view, start, None)


def _word(view: View, text: str, start: int) -> Leaf:
    return Leaf("number" if _NUMBER.fullmatch(text) else "word", text, view, start, None)
