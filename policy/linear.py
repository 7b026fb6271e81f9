"""Regular expressions in linear time: google-re2, called without its wrapper's generators.

Most searches of a scrubber find nothing, in texts of some ten bytes: then the wrapper takes as long
as the search. What matches is wrapped as before, so that a match is the library's own.
"""

from __future__ import annotations

from typing import Any, overload

import re2

# The wrapper's own parts: it is written in Python around a class that searches bytes.
_UNANCHORED = re2._Anchor.UNANCHORED
_ANCHORED = re2._Anchor.ANCHOR_START
_BOTH = re2._Anchor.ANCHOR_BOTH


class Linear(re2._Regexp):  # type: ignore[misc]  # the library ships no types
    """A compiled pattern, for bytes and for text."""

    __slots__ = ()

    def search(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.search`."""
        return self._first(_UNANCHORED, text, pos, endpos)

    def match(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.match`."""
        return self._first(_ANCHORED, text, pos, endpos)

    def fullmatch(self, text: Any, pos: int = 0, endpos: int | None = None) -> Any:
        """As `re.Pattern.fullmatch`."""
        return self._first(_BOTH, text, pos, endpos)

    def _first(self, anchor: Any, text: Any, pos: int, endpos: int | None) -> Any:
        data = text
        if type(text) is str:
            if not text.isascii():
                return next(self._match(anchor, text, pos, endpos), None)
            data = text.encode()  # places are the same
        end = len(data) if endpos is None else min(endpos, len(data))
        if pos > end:
            return None
        spans = self._regexp.Match(anchor, data, pos, end)
        return None if spans[0][0] < 0 else re2._Match(self, text, pos, end, spans)


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
