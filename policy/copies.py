"""Copies: what was judged sensitive in one place is removed wherever else it stands.

A value counts when it is of at least six characters and is neither a word nor a small number, so
that `{"password": "Error"}` does not blank every *Error* of the document. Values are shared by
what came together: a document, its parents, and every item of one envelope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from .findings import Mark, PolicyLimit
from .judging import Site
from .linear import compile_linear

MIN_LENGTH = 6
MAX_VALUES = 64
_SMALL_NUMBER = 8  # digits

# One repetition each: words in one case, Capitalised, CamelCase, snake_case and dotted names.
_WORD = re.compile(
    r"[A-Z]?[a-z]+|[A-Z]+|(?:[A-Z][a-z]{1,30}){1,8}|[A-Za-z]{1,40}(?:[_.\-/][A-Za-z]{1,40}){1,8}"
)
_CLASSES = ("secret", "financial", "pii", "custom")
_NUMERIC = re.compile(r"[0-9.,:+\-]+")


@dataclass(frozen=True, slots=True)
class Copied:
    """A value to look for, of a class."""

    value: str
    class_: str


def copied_values(sites: Iterable[Site], claims: Callable[[str], bool]) -> set[Copied]:
    """The values of a document's findings that are worth looking for elsewhere."""
    return {
        Copied(value, mark.class_)
        for site in sites
        for mark in site.marks
        if mark.form == "clear" and claims(mark.class_)
        if (value := mark.value.strip(" \t\r\n\"'")) and is_telling(value, mark.class_)
    }


def is_telling(value: str, class_: str) -> bool:
    """Whether a value is so much its own that every copy of it is the same value."""
    if len(value) < MIN_LENGTH or len(value) > 4096 or class_.partition(".")[0] not in _CLASSES:
        return False
    if value.isdigit() and len(value) < _SMALL_NUMBER:
        return False
    if class_ == "pii.location" or (class_ == "pii.dob" and value.isdigit()):
        return False
    return not _WORD.fullmatch(value) and len(set(value)) > 2


class Literals:
    """The values that one document is searched for, longest first, in one pass."""

    def __init__(self, values: Iterable[Copied], *, strict: bool) -> None:
        """Take at most 64; more than that is a limit in the strict profile."""
        classes: dict[str, str] = {}
        for copied in sorted(values, key=lambda copied: (copied.class_, copied.value)):
            classes.setdefault(copied.value, copied.class_)
        ordered = sorted(classes, key=lambda value: (-len(value), value))
        if strict and len(ordered) > MAX_VALUES:
            raise PolicyLimit("too many sensitive values to look for their copies")
        self._classes = {value: classes[value] for value in ordered[:MAX_VALUES]}
        self.left_out = len(ordered) > MAX_VALUES
        # A copy of digits is replaced in quotes where it stands as a number.
        self.numeric = [value for value in self._classes if _NUMERIC.fullmatch(value)]
        self.pattern: Any = None
        if self._classes:
            options = re2.Options()
            options.log_errors = False
            options.max_mem = 1 << 26  # values may be long, and there may be 64 of them
            self.pattern = compile_linear("|".join(map(re2.escape, self._classes)), options)

    def mark(self, sites: Sequence[Site]) -> None:
        """Add a mark for each copy, in every view."""
        if self.pattern is None:
            return
        for site in sites:
            for view in site.views:
                if len(view.text) < MIN_LENGTH:
                    continue
                for match in self.pattern.finditer(view.text):
                    class_ = self._classes[match[0]]
                    start, end = match.span()
                    if self._is_copy(site, view.text, start, end, class_):
                        span = view.root_span(start, end)
                        quoted = view.quoted and end - start == len(view.text)
                        site.marks.append(Mark(*span, class_, "copy", match[0], quoted=quoted))

    @staticmethod
    def _is_copy(site: Site, text: str, start: int, end: int, class_: str) -> bool:
        """A number is a copy only as a whole; an address is none where versions stand."""
        if class_ == "pii.ip" and site.field.kind == "version":
            return False
        if not _NUMERIC.fullmatch(text[start:end]):
            return True
        before, after = text[start - 1 : start], text[end : end + 1]
        return not (before.isalnum() or after.isalnum())
