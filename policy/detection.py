"""The compiled detection of a policy: everything that its parts say about finding values."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from operator import attrgetter

from .detectors import Detector, load_catalogue
from .fields import ATTRIBUTE, COOKIE, TEXT, Field, Fields
from .findings import Mark, Span, Taken
from .forks import at_first_use
from .generalisation import HOME
from .keys import classify_key
from .linear import compile_linear
from .parts import GeneralizePart, Part, RedactPart, form_of
from .placeholders import Placeholder, find, labels
from .selectors import Selector, Trail
from .text import Rule, TextScanner
from .words.headers import OPEN_COOKIES, sensitive_parts
from .words.innocence import is_innocent

# Marks of other scrubbers and SDKs: what they replaced is not there any more.
_FILTERED = frozenset(
    {"[filtered]", "[redacted]", "[removed]", "[masked]", "[hidden]", "[scrubbed]", "[]"}
)

# What is left of a generalised e-mail address.
_DOMAIN_LEFT = re.compile(r"\[email\]@[a-z0-9.-]{1,253}")

_ANYTHING = "pii.username"  # a class that values of every shape are of


@lru_cache(maxsize=16)
def _scanner(detectors: tuple[Detector, ...]) -> TextScanner:
    """A scanner of the catalogue and these; compiled once for all plans of a policy."""
    return TextScanner((*load_catalogue(), *detectors))


class Detection:
    """What to look for. Holds no state of the documents it has seen."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        redact = [part for part in parts if isinstance(part, RedactPart)]
        self.detectors = tuple(detector for part in redact for detector in part.detectors)
        self._scanner = _scanner(self.detectors)
        self._keys = [(compile_linear(p), class_) for part in redact for p, class_ in part.keys]
        self.own_keys = bool(self._keys)
        self.selectors = [rule for part in redact for rule in part.selectors]
        self.safe: list[Selector] = [selector for part in redact for selector in part.safe]
        self._exceptions = [part.exceptions for part in redact]
        # Each part decides for itself: all have to leave a value.
        self.has_exceptions = bool(redact) and all(self._exceptions)
        self.known = [part.known for part in parts if part.known is not None]
        self.coarse = [p.generaliser for p in parts if isinstance(p, GeneralizePart)]
        self.strict = any(part.profile == "strict" for part in redact)
        self.item_types = frozenset().union(*(part.item_types for part in redact))
        own = [detector.class_ for detector in (*load_catalogue(), *self.detectors)]
        named = [class_ for _, class_ in (*self.selectors, *self._keys)]
        self.labels = labels([*own, *named])
        self.trails = bool(self.selectors or self.safe)
        # Whether any text may become coarser though nothing in it is sensitive.
        self.every_text = any(each.looks_into_texts for each in self.coarse)
        self.claims = cache(self._claims)

    @at_first_use
    def rules(self) -> tuple[Sequence[Rule], Sequence[Rule]]:
        """The catalogue's rules and the policy's own."""
        rules, count = self._scanner.rules, len(load_catalogue())
        return rules[:count], rules[count:]

    def _claims(self, class_: str) -> bool:
        return form_of(self._parts, class_) != "clear"

    def key_class(self, key: str) -> str | None:
        """The class of a value under this key: the user's patterns first.

        None for a key that a former chain rewrote: its placeholder names what the key was.
        """
        if "[" in key and any(not _is_index(key, held.start) for held in self.placeholders(key)):
            return None
        for pattern, class_ in self._keys:
            if pattern.search(key):
                return class_
        return classify_key(key)

    def class_under(self, key: str, place: Field | Fields) -> str | None:
        """The class that a place, or a key there, gives a value."""
        if place is COOKIE:
            return self._cookie_class(key)
        if isinstance(place, Field) and place is not TEXT:
            return place.class_
        named = place is TEXT or place is ATTRIBUTE
        return self.key_class(key) if named else None

    def _cookie_class(self, name: str) -> str | None:
        """None: it may be read by anybody.

        As in a header, a value that is not made up stays, whatever the cookie's name.
        """
        if name.casefold().encode("utf-8", "replace") in OPEN_COOKIES:
            return None
        return self.key_class(name) or "secret.cookie"

    def field_class(self, trail: Trail) -> str | None:
        """The class that a selector gives the field at the end of this trail."""
        return next((class_ for rule, class_ in self.selectors if rule.matches(trail)), None)

    def is_safe(self, trail: Trail) -> bool:
        """Whether the user said that this field is to be left alone."""
        return any(rule.matches(trail) for rule in self.safe)

    def excepts(self, value: str, detector: str) -> bool:
        """Whether the user said that what a detector found there is nothing.

        To be asked where there are exceptions.
        """
        return all(each.cover(value, detector) for each in self._exceptions)

    def spans(self, text: str, key: str | None) -> list[Span]:
        """Everything that is sensitive in a text on its own."""
        return self._scanner.scan(text, key) + self.known_spans(text)

    def known_spans(self, text: str) -> list[Span]:
        """The application's own secrets in a text."""
        return [
            Span(start, end, "secret.known_value", "known_value")
            for known in self.known
            for start, end in known.spans(text)
        ]

    def coarse_spans(self, text: str) -> Iterator[Span]:
        """What the policy makes coarser though it is not sensitive as such."""
        for generaliser in self.coarse:
            for start, end, class_ in generaliser.spans(text):
                yield Span(start, end, class_, class_)

    def band(self, key: str) -> str | None:
        """The class of a number under a key that the policy puts into bands."""
        return next((band for each in self.coarse if (band := each.band(key))), None)

    def placeholders(self, text: str) -> list[Placeholder]:
        """What an earlier chain left in a text."""
        return list(find(text, self.labels)) if "[" in text or "****" in text else []

    def sensitive_parts(
        self, text: str, class_: str, *, meant: bool = False
    ) -> list[tuple[int, int, str]]:
        """What of a text under a key of this class goes: start, end, class.

        `meant` says that the field is nothing else (`user.geo.city`), so that a value of the
        class need not look like one.
        """
        start, end = _content(text)
        inner = text[start:end]
        if not inner or self.innocent(inner, _ANYTHING if meant else class_):
            return []
        if class_ not in ("secret.cookie", "secret.token.bearer"):
            return [(start, end, class_)]
        data = inner.encode("utf-8", "replace")
        return [
            (
                start + len(data[:a].decode("utf-8", "replace")),
                start + len(data[:b].decode("utf-8", "replace")),
                found,
            )
            for a, b, found in sensitive_parts(data, class_)
        ]

    def innocent(self, value: str | float, class_: str) -> bool:
        """Whether a value is harmless although its key is of this class."""
        if not isinstance(value, str):
            return is_innocent(value, class_)
        stripped = value.strip()
        if class_.startswith("pii.") and _DOMAIN_LEFT.fullmatch(stripped):
            return True
        if stripped.startswith("[") and stripped.endswith("]"):
            return stripped.casefold() in _FILTERED or self.only_placeholders(stripped)
        return is_innocent(value, class_)

    def only_placeholders(self, text: str) -> bool:
        """Whether nothing but what an earlier chain left stands in a text."""
        held = self.placeholders(text)
        return bool(held) and says_nothing_else(text, 0, len(text), held)


def _is_index(key: str, start: int) -> bool:
    """Whether a bracket belongs to a form's field name, as in `user[email]`."""
    before = key[start - 1 : start]
    return before.isalnum() or before in ("_", "]")


def _content(text: str) -> tuple[int, int]:
    """The inside of a value that was written with quotes (`'x'`, `b'x'`), as reprs are."""
    start = 1 if len(text) > 2 and text[0] in "bur" and text[1] in "'\"" else 0
    if len(text) - start >= 2 and text[start] in "'\"" and text[-1] == text[start]:
        return start + 1, len(text) - 1
    return 0, len(text)


_end = attrgetter("end")


def says_nothing_else(text: str, start: int, end: int, held: Sequence[Placeholder]) -> bool:
    """Whether characters `start` to `end` hold no letter or digit outside of placeholders.

    `held` are all of the text, in order.
    """
    at = start
    for number in range(bisect_right(held, start, key=_end), len(held)):
        place = held[number]
        if place.start >= end:
            break
        if any(map(str.isalnum, text[at : place.start])):
            return False
        at = max(at, place.end)
    return not any(map(str.isalnum, text[at:end]))


def without_owners(marks: list[Mark]) -> list[Mark]:
    """Without the owners of home folders where the policy generalises these."""
    homes = Taken((mark.start, mark.end) for mark in marks if mark.class_ == HOME)
    return [
        mark
        for mark in marks
        if mark.detector != "path.home" or not homes.has_some_of(mark.start, mark.end)
    ]
