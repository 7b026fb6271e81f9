"""Copies: what was judged sensitive in one place is removed wherever else it stands.

A value counts when it is of at least six characters and is neither a word nor a small number, so
that `{"password": "Error"}` does not blank every *Error* of the document. Values are shared by
what came together: a document, its parents, and every item of one envelope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .classes import severity
from .findings import FIELD_ACTIONS, Mark, outdoes_all
from .judging import Site
from .occurrences import HEAD, Occurrences
from .views import View

MIN_LENGTH = HEAD
_SMALL_NUMBER = 8  # digits

# One repetition each: words in one case, Capitalised, CamelCase, snake_case and dotted names.
_WORD = re.compile(
    r"[A-Z]?[a-z]+|[A-Z]+|(?:[A-Z][a-z]{1,30}){1,8}|[A-Za-z]{1,40}(?:[_.\-/][A-Za-z]{1,40}){1,8}"
)
_CLASSES = ("secret", "financial", "pii", "custom")
_NUMERIC = re.compile(r"[0-9.,:+\-]+")
# Kinds of fields by which issues are grouped: a local variable may hold the file of its frame.
_NAMES = ("path", "code")


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


def _rank(copied: Copied) -> tuple[tuple[int, int], str]:
    return severity(copied.class_), copied.class_


class Literals:
    """Values that were found in one place, to be looked for in others."""

    def __init__(self, values: Collection[Copied]) -> None:
        """Of the classes that one was found as, the most sensitive counts."""
        self._classes: dict[str, str] = {}
        for each in sorted(values, key=_rank) if len(values) > 1 else values:
            self._classes.setdefault(each.value, each.class_)
        self._occurrences = Occurrences(self._classes)

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character that one of them has."""
        return frozenset().union(*self._classes)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._classes)

    def starts(self, text: str) -> Iterator[int]:
        """Where any of them stands, whatever stands around it."""
        return (start for start, _ in self._occurrences.all_in(text))

    def mark(self, site: Site, view: View) -> None:
        """Add a mark for each copy; one where several overlap."""

        def counts(text: str, start: int, value: str) -> bool:
            return self._is_copy(site, text, start, value)

        start = end = 0
        class_ = ""
        for at, value in self._occurrences.places(view.text, counts):
            of_value = self._classes[value]
            if at < end:
                class_ = min(class_, of_value, key=severity)
            else:
                _add(site, view, start, end, class_)
                start, class_ = at, of_value
            end = at + len(value)
        _add(site, view, start, end, class_)

    def _is_copy(self, site: Site, text: str, start: int, value: str) -> bool:
        """A number is a copy only as a whole; an address is none where versions stand, and what
        a selector alone has claimed is none where programs name their parts.
        """
        class_, kind = self._classes[value], site.field.kind
        if (class_ == "pii.ip" and kind == "version") or (
            class_ in FIELD_ACTIONS and kind in _NAMES
        ):
            return False
        if not _NUMERIC.fullmatch(value):
            return True
        end = start + len(value)
        before, after = text[start - 1 : start], text[end : end + 1]
        return not (before.isalnum() or after.isalnum())


def _add(site: Site, view: View, start: int, end: int, class_: str) -> None:
    if class_:
        quoted = view.quoted and (start, end) == (0, len(view.text))
        span = view.root_span(start, end)
        site.marks.append(Mark(*span, class_, "copy", view.text[start:end], quoted=quoted))


NOTHING = Literals(())


class Sought:
    """What one document is searched for: what was found in it, and in each that it belongs to.

    Each of these is made ready once, however many documents are searched for it.
    """

    def __init__(self, parts: Iterable[Literals]) -> None:
        self._parts = [part for part in parts if part]

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character that one of the values has."""
        return frozenset().union(*(part.characters for part in self._parts))

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._parts)

    def starts(self, text: str) -> Iterator[int]:
        """Where any of the values stands, in no order."""
        return (start for part in self._parts for start in part.starts(text))

    def mark(self, sites: Sequence[Site]) -> None:
        """Add a mark for each copy, in every view."""
        for site in sites if self else ():
            if any(outdoes_all(mark, site.view.text) for mark in site.marks):
                continue  # nothing that is found in it makes a difference
            for view in site.views:
                if len(view.text) >= MIN_LENGTH:
                    for part in self._parts:
                        part.mark(site, view)
