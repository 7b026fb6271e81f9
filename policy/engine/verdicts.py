"""What judging a text came to, remembered: the documents of one service repeat themselves.

Kept are keyed digests, not texts, and of what was found the places and the classes, not the values;
and only so many. A verdict depends on the policy and on nothing else than what is digested, so a
text that is known need not be judged again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from ..fields import Field
from ..findings import Mark, Span
from ..judging import Path, Site, Work
from ..scan import without_surrogates
from ..views import View
from .texts import IS_KEYED

_REMEMBERED = 16384
_MOST_FOUND = 64  # in a text of which that is remembered
_SIZE = 16  # bytes of a digest that is made here
Digest = int | bytes


class Verdict(NamedTuple):
    """What came of a text, in any document."""

    work: Work  # what judging it took
    found: Sequence[Span] = ()
    field: Field | None = None  # as which it was judged, where anything was found

    def site(self, text: str, path: Path, *, is_key: bool) -> Site:
        """The same text at a place in another document, marked."""
        assert self.field is not None
        view = View(without_surrogates(text))
        marks = [Mark(*span, view.text[span.start : span.end]) for span in self.found]
        return Site(path, view, self.field, is_key, marks=marks, views=[view])


class Verdicts:
    """By digest. Thread-safe."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[Digest, Verdict] = {}

    def digest(self, text: str, key: str | None, class_: str | None, field: Field | None) -> Digest:
        """What stands for a text in its field, under a key and a class that it has by its place."""
        meaning = field and (field.kind, field.class_, field.code)
        if IS_KEYED:  # under a key of the process's own; of each text it is known already
            return hash((self._key, text, key, class_, meaning))
        about = repr((key, class_, meaning)).encode()  # in ASCII, and no prefix of another one
        data = about + text.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=_SIZE).digest()

    def of(self, digest: Digest) -> Verdict | None:
        """What is known of a text."""
        return self._known.get(digest)

    def remember(self, digest: Digest, work: Work, site: Site | None) -> None:
        """All of a text was read, it took this, and this was found, which may not be kept."""
        if site is None or not site.marks:
            verdict = Verdict(work)
        elif _stands_there(site):
            found = [Span(each.start, each.end, each.class_, each.detector) for each in site.marks]
            verdict = Verdict(work, found, site.field)
        else:
            return
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = verdict


def _stands_there(site: Site) -> bool:
    """Whether what was found is known from its place in the text: nothing had to be decoded."""
    text = site.view.text
    return (
        len(site.marks) <= _MOST_FOUND
        and not any(view.quoted for view in site.views)
        and all(mark.value == text[mark.start : mark.end] for mark in site.marks)
    )
