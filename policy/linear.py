"""Regular expressions in linear time: google-re2, called without its wrapper's generators.

Most searches of a scrubber find nothing, in texts of some ten bytes: then the wrapper takes as long
as the search. What it does for texts that are not ASCII is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, overload

import re2

# The wrapper's own parts: it is written in Python around a class that searches bytes.
_UNANCHORED = re2._Anchor.UNANCHORED
_ANCHORED = re2._Anchor.ANCHOR_START
_BOTH = re2._Anchor.ANCHOR_BOTH


class _Match(re2._Match):  # type: ignore[misc]  # the library ships no types
    """A match that does not ask its pattern how many groups there are."""

    __slots__ = ()

    def start(self, group: int = 0) -> Any:
        return self._spans[group][0]

    def end(self, group: int = 0) -> Any:
        return self._spans[group][1]

    def span(self, group: int = 0) -> Any:
        return self._spans[group]

    def group(self, group: int = 0) -> Any:
        start, end = self._spans[group]
        return None if start < 0 else self._text[start:end]

    def __getitem__(self, group: Any) -> Any:
        return self.group(group if isinstance(group, int) else self._regexp.groupindex[group])


class Linear(re2._Regexp):  # type: ignore[misc]  # the library ships no types
    """A compiled pattern, for bytes and for text."""

    __slots__ = ("_find",)

    def __init__(self, pattern: str | bytes, options: Any) -> None:
        super().__init__(pattern, options)
        self._find = self._regexp.Match

    def search(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.search`."""
        return self._first(_UNANCHORED, text, pos, endpos)

    def match(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.match`."""
        return self._first(_ANCHORED, text, pos, endpos)

    def fullmatch(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.fullmatch`."""
        return self._first(_BOTH, text, pos, endpos)

    def finditer(
        self, text: Any, pos: int | None = None, endpos: int | None = None
    ) -> Iterator[Any]:
        """As `re.Pattern.finditer`."""
        first = self._first(_UNANCHORED, text, pos or 0, endpos)
        if first is None:
            return iter(())
        if type(text) is str and not text.isascii():
            return self._match(_UNANCHORED, text, pos, endpos)  # type: ignore[no-any-return]
        return self._from(first, text)

    def _from(self, match: _Match, text: Any) -> Iterator[_Match]:
        data = text.encode() if type(text) is str else text
        pos, end = match.pos, match.endpos
        while True:
            yield match
            if pos == end:
                return
            after = match.end()
            pos = after if after > pos else pos + 1  # goes on behind what is empty
            spans = self._find(_UNANCHORED, data, pos, end)
            if spans[0][0] < 0:
                return
            match = _Match(self, text, pos, end, spans)

    def _first(self, anchor: Any, text: Any, pos: int, endpos: int | None) -> Any:
        data = text
        if type(text) is str:
            if not text.isascii():
                return next(self._match(anchor, text, pos, endpos), None)
            data = text.encode()  # places are the same
        size = len(data)
        end = size if endpos is None or endpos > size else endpos
        if pos > end:
            if end < size:
                return None
            pos = size
        spans = self._find(anchor, data, pos, end)
        return None if spans[0][0] < 0 else _Match(self, text, pos, end, spans)


# RE2's words (re2/regexp.cc) for what is wrong in a pattern of its own syntax.
_MISTAKES = frozenset(
    {
        "missing )", "unexpected )", "missing ]", "trailing \\", "invalid character class",
        "invalid character class range", "invalid named capture group", "invalid UTF-8",
        "invalid repetition size", "bad repetition operator",
        "no argument for repetition operator", "pattern too large - compile failed",
    }
)  # fmt: skip


@overload
def compile_linear(pattern: str, options: Any = None) -> re2._Regexp[str]: ...
@overload
def compile_linear(pattern: bytes, options: Any = None) -> re2._Regexp[bytes]: ...
def compile_linear(pattern: str | bytes, options: Any = None) -> Any:
    """Compile. Raises re2.error."""
    if options is None:
        options = re2.Options()
        options.log_errors = False
    return Linear(pattern, options)


def refusal(error: re2.error) -> str:
    """Why RE2 does not take a pattern, which is not quoted."""
    kind = bytes(error.args[0]).decode(errors="replace").partition(": ")[0] if error.args else ""
    if kind in _MISTAKES:
        return f"RE2 does not take it: {kind}"
    return "RE2 does not take it (look-around and back-references are not)"


def short_test(pattern: str) -> Callable[[str], bool]:
    """Make a test of whether a pattern is all of a text: for texts of some hundred characters only.

    RE2 is called for longer than it looks at them. So those of ASCII, of which the two say the same
    (but for `\\s`), go to `re`, which may go back: in a text without a bound that is not linear.
    """
    ascii_only, linear = re.compile(f"(?a){pattern}"), compile_linear(pattern)

    def test(text: str) -> bool:
        found = ascii_only.fullmatch(text) if text.isascii() else linear.fullmatch(text)
        return found is not None

    return test
