"""Copies: what was judged sensitive in one place is removed wherever else it stands.

A value counts when it is of at least six characters and is neither a word nor a small number, so
that `{"password": "Error"}` does not blank every *Error* of the document. Values are shared by
what came together: a document, its parents, and every item of one envelope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .findings import Mark, PolicyLimit
from .judging import Site
from .views import View

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
    """The values that one document is searched for: at each place the longest."""

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

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character that one of them has."""
        return frozenset().union(*self._classes)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._classes)

    def places(self, text: str) -> Iterator[tuple[int, str]]:
        """Where a value begins, and which, from left to right; none within another.

        Each value is looked for on its own: a document has few, and a pattern of all would take
        longer to compile than a document takes to be searched. Goes through a text once a value.
        """
        places = {}  # where each stands next, longest first
        for value in self._classes:
            at = text.find(value)
            if at >= 0:
                places[value] = at
        while places:
            value = min(places, key=places.__getitem__)
            start = places[value]
            yield start, value
            end = start + len(value)
            for each in [each for each, at in places.items() if at < end]:
                places[each] = text.find(each, end)
                if places[each] < 0:
                    del places[each]

    def mark(self, sites: Sequence[Site]) -> None:
        """Add a mark for each copy, in every view."""
        for site in sites if self else ():
            for view in site.views:
                if len(view.text) >= MIN_LENGTH:
                    self._mark(site, view)

    def _mark(self, site: Site, view: View) -> None:
        for start, value in self.places(view.text):
            class_, end = self._classes[value], start + len(value)
            if self._is_copy(site, view.text, start, end, class_):
                quoted = view.quoted and len(value) == len(view.text)
                span = view.root_span(start, end)
                site.marks.append(Mark(*span, class_, "copy", value, quoted=quoted))

    @staticmethod
    def _is_copy(site: Site, text: str, start: int, end: int, class_: str) -> bool:
        """A number is a copy only as a whole; an address is none where versions stand."""
        if class_ == "pii.ip" and site.field.kind == "version":
            return False
        if not _NUMERIC.fullmatch(text[start:end]):
            return True
        before, after = text[start - 1 : start], text[end : end + 1]
        return not (before.isalnum() or after.isalnum())
