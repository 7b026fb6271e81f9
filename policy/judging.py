"""Judging one text of a document: what is sensitive in it, in each of its views.

Work is counted in views and decoded characters, so that a document meets the same limits on every
machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import NamedTuple

from .detection import Detection
from .fields import TEXT, Field
from .findings import Mark, PolicyLimit, Span, Tree
from .literals import Branch, Leaf, Node, literals
from .named import TELLING, describes, flagged_value, names_given, pair_key
from .pairs import pairs
from .templates import is_marked, item_names
from .views import MAX_DEPTH, View, decodings, is_encoded

# A document may be decoded to four times its size, and small ones to this many characters.
MAX_EXPANSION, FLOOR = 4, 1 << 16
# Views of one document: this many, and more in proportion where it is large. A list of short
# paths, URLs or messages has one a string (`a\nb`), so that they must not be dear.
MAX_VIEWS, CHARACTERS_A_VIEW = 1024, 4
# Kinds whose values are names of things in programs: only what is a secret wherever it stands.
_NARROW = ("code", "path", "version", "parts", "word")
_DIGITS = 9  # a whole number with so many digits may be one of a card, a phone or a person

# Signs of more data, or of another encoding, in a part of a text.
_MAY_HOLD_MORE = re.compile(r"[{\[(=<]")
_PREFIX_LENGTH = re.compile(r"/[0-9]{1,3}(?![0-9A-Za-z.])")

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Site:
    """A string (or number, or bytes) of a document, or a key of it, with what was found there."""

    path: Path
    view: View
    field: Field
    is_key: bool = False
    whole: bool = False  # can only be replaced as a whole: a number, bytes that are not text
    marks: list[Mark] = attribute(default_factory=list)
    views: list[View] = attribute(default_factory=list)


class Work(NamedTuple):
    """What judging takes beside reading what is there: decoded views, and their characters."""

    views: int
    characters: int

    def since(self, before: Work) -> Work:
        """What came on top of what it was before."""
        return Work(self.views - before.views, self.characters - before.characters)


class Finder:
    """What is looked for in one text: everything. The engine has one that knows what to skip."""

    def __init__(self, detection: Detection) -> None:
        self._detection = detection

    def spans(self, text: str, key: str | None) -> list[Span]:
        """Everything sensitive in a text on its own."""
        return self._detection.spans(text, key)

    def may_hold_data(self, text: str) -> bool:
        """Whether data written inside a text could say anything."""
        return True

    def may_hold_literals(self, text: str) -> bool:
        """Whether the names and values of data in brackets could say anything."""
        return True

    def may_be_encoded(self, text: str) -> bool:
        """Whether an encoding could hide anything in a text."""
        return True


class Judge:
    """Judges the texts of one document and counts the work that takes."""

    def __init__(self, detection: Detection, finder: Finder, size: Callable[[], int]) -> None:
        """`size` gives the characters of the document, when they are needed."""
        self._detection = detection
        self._finder = finder
        self._size = size
        self.work = Work(0, 0)  # what had to be decoded
        # Parts of the document's texts that say more than was read: site, first and last character.
        self.unread: list[tuple[Site, int, int]] = []

    def number(self, site: Site, node: float, key: str | None, class_: str | None) -> None:
        """Judge a number that is a value of the document."""
        view = site.view
        site.views.append(view)
        band = self._detection.band(key) if key else None
        # A field that is what it is (`user.id`) holds it, however small the number.
        meant = class_ is not None and class_ == site.field.class_
        if class_ is not None and (meant or not self._detection.innocent(node, class_)):
            self.mark(site, view, Span(0, len(view.text), class_, "key"))
        elif isinstance(node, int) and len(view.text) >= _DIGITS and site.field.kind == "text":
            for span in self._finder.spans(view.text, key):
                self.mark(site, view, span)
        if band is not None:
            self.mark(site, view, Span(0, len(view.text), band, "band"))

    def text(
        self, site: Site, view: View, key: str | None, class_: str | None, *, fresh: bool = True
    ) -> None:
        """Judge a text. Not `fresh`: its characters were already judged as part of another."""
        site.views.append(view)
        found: list[Span] = []
        if fresh:
            self._count_view(view)
            found = self._spans(site, view, key)
            if self._detection.has_exceptions:
                found = [span for span in found if not self._is_excepted(view, span)]
        if class_ is not None:
            self._whole(site, view, class_, found)
        for span in found:
            self.mark(site, view, span)
        covered = False
        if site.field.kind == "text" and (not fresh or self._finder.may_hold_data(view.text)):
            read = not fresh or self._finder.may_hold_literals(view.text)
            covered = self._structures(site, view, read=read)
        if fresh and self._finder.may_be_encoded(view.text):
            if view.depth >= MAX_DEPTH and is_encoded(view.text):
                self._leave(site, view)
            for decoded in decodings(view, escapes=not covered):
                if decoded.is_cut:
                    self._leave(site, decoded)
                self.text(site, decoded, key, None)

    def _spans(self, site: Site, view: View, key: str | None) -> list[Span]:
        kind = site.field.kind
        if kind == "word" and view.text.isalpha():
            return []
        found = self._finder.spans(view.text, key)
        if kind in _NARROW:
            return [span for span in found if _is_seen_in(kind, span)]
        if kind == "source":
            decoded = view.parent is not None  # quotes in it are not the code's
            return _by_shape(found) if decoded else _in_source(found, view.text)
        if self._detection.coarse and view.parent is None and not site.is_key:
            found += self._detection.coarse_spans(view.text)
        return found

    def _whole(self, site: Site, view: View, class_: str, found: list[Span]) -> None:
        """Mark what a key's class makes of a whole value, unless detectors say it better."""
        # An address that is nobody's (127.0.0.1) says nothing of a person in its field either.
        meant = class_ == site.field.class_ and class_ != "pii.ip" and view is site.view
        parts = self._detection.sensitive_parts(view.text, class_, meant=meant)
        refined = class_ in _REFINED and (found or self._detection.placeholders(view.text))
        if class_ == "pii.ip" and "=" in view.text:  # `Forwarded: for=203.0.113.7;proto=https`
            refined = [span for span in found if span.class_ == class_]
        if not refined:
            for start, end, part_class in parts:
                self.mark(site, view, Span(start, end, part_class, "key"))

    def mark(self, site: Site, view: View, span: Span) -> None:
        """Note a finding at its place in the document's own string."""
        span = _with_prefix(span, view.text)
        if self._detection.has_exceptions and self._is_excepted(view, span):
            return
        start, end = view.root_span(span.start, span.end)
        value = view.text[span.start : span.end]
        quoted = view.quoted and (span.start, span.end) == (0, len(view.text))
        site.marks.append(Mark(start, end, span.class_, span.detector, value, quoted=quoted))

    def _is_excepted(self, view: View, span: Span) -> bool:
        return self._detection.excepts(view.text[span.start : span.end], span.detector)

    # -- inside a text -------------------------------------------------------------------

    def _structures(self, site: Site, view: View, *, read: bool) -> bool:
        """Judge what is written as data inside a text; whether one literal is all of the text.

        Literals are looked at if they are to be `read`.
        """
        text = view.text
        covered = False
        quoted = "'" in text or '"' in text
        bracketed = quoted and ("{" in text or "[" in text or "(" in text)
        if view.depth > MAX_DEPTH or view.nesting > MAX_DEPTH:
            if bracketed or next(iter(pairs(view)), None) is not None:
                self._leave(site, view)
            return False
        if read and bracketed:
            for branch, start, end in literals(view):
                covered = start == 0 and end == len(text)
                self._branch(site, branch, None)
        for name, value in pairs(view):
            self._named_text(site, value, name, self._detection.key_class(_last_part(name)))
        return covered

    def _named_text(
        self, site: Site, view: View, key: str | None, class_: str | None, *, number: bool = False
    ) -> None:
        decoded = view.chars is not None or view.token is not None
        if number:
            view.quoted = True
            decoded = len(view.text) >= _DIGITS
            value = float(view.text) if "." in view.text else int(view.text)
            if class_ is not None and self._detection.innocent(value, class_):
                class_ = None
        if decoded or class_ is not None or _MAY_HOLD_MORE.search(view.text) is not None:
            self.text(site, view, key, class_, fresh=decoded)

    def _branch(
        self, site: Site, branch: Branch, class_: str | None, above: str | None = None
    ) -> None:
        names = _names_given(branch, above) or _names_of_items(branch, above)
        pair = _pair_leaf(branch, self._detection.key_class)
        flag: str | None = None
        for index, (key, _, value) in enumerate(branch.items):
            name = key.text if key is not None else None
            if index in names:
                name = names[index]
            elif name is None and pair is not None and index == 1:
                name = pair
            elif name is None:
                name = flag
            flag = flagged_value(value.text, TEXT) if isinstance(value, Leaf) else None
            if key is not None and key.is_escaped:
                self.text(site, key.view, None, None)
            found = self._detection.key_class(name) if name else None
            if found is None and not (name and _describes(name, value)):
                found = class_
            if isinstance(value, Branch):
                self._branch(site, value, found, above if key is None else name)
            else:
                self._leaf(site, value, name, found)

    def _leaf(self, site: Site, node: Leaf, key: str | None, class_: str | None) -> None:
        if node.kind != "word" and not (class_ is None and _says_nothing(node)):
            self._named_text(site, node.view, key, class_, number=node.kind == "number")

    def _leave(self, site: Site, view: View) -> None:
        """Note that a text says more: it is nested too deeply to be read, or packed too densely."""
        self.unread.append((site, *view.root_span(0, len(view.text))))

    # -- work ----------------------------------------------------------------------------

    def _count_view(self, view: View) -> None:
        if view.parent is None:
            return
        self.count(Work(1, len(view.text)))

    def count(self, work: Work) -> None:
        """Add work. Raises PolicyLimit when there are too many views."""
        self.work = Work(self.work.views + work.views, self.work.characters + work.characters)
        if self.work.views > MAX_VIEWS:
            self.check_work()

    def take_back(self, work: Work) -> None:
        """Take off what was counted for a text that is judged again."""
        self.work = Work(self.work.views - work.views, self.work.characters - work.characters)

    def check_work(self) -> None:
        """Raise PolicyLimit when judging took more than the document's size allows."""
        views, characters = self.work
        if characters > FLOOR and characters > MAX_EXPANSION * self._size():
            raise PolicyLimit("decodes to too much")
        if views > MAX_VIEWS and views > self._size() // CHARACTERS_A_VIEW:
            raise PolicyLimit("too many encoded parts")


# Classes of whole values that more telling findings inside replace.
_REFINED = frozenset(
    {"pii.user_id", "pii.username", "secret.url_credentials", "secret.connection_string"}
)


def _with_prefix(span: Span, text: str) -> Span:
    """An address together with the prefix length behind it: `203.0.113.0/24` is one value."""
    if span.class_ != "pii.ip" or text[max(0, span.start - 1) : span.start] in ("/", "@"):
        return span
    match = _PREFIX_LENGTH.match(text, span.end)
    return span if match is None else Span(span.start, match.end(), span.class_, span.detector)


def _is_seen_in(kind: str, span: Span) -> bool:
    if span.class_.startswith(("secret.", "custom.")) or span.class_ == "pii.email":
        return True
    if kind == "parts":
        return span.class_ != "pii.ip"
    return kind == "path" and span.class_ == "pii.username"


def _in_source(found: Sequence[Span], line: str) -> list[Span]:
    """Only what stands inside a literal or is a secret by its own shape: code is not data."""
    quotes = [index for index, char in enumerate(line) if char in "\"'`"]
    return [
        span
        for span in found
        if not span.detector.startswith("words")
        or (any(q < span.start for q in quotes) and any(q >= span.end for q in quotes))
    ]


def _by_shape(found: Sequence[Span]) -> list[Span]:
    return [span for span in found if not span.detector.startswith("words")]


def _last_part(name: str) -> str:
    """The innermost name of a form field: `password` of `user[password]`."""
    return name.rstrip("]").rpartition("[")[2] or name


def _says_nothing(leaf: Leaf) -> bool:
    """Whether what has no telling name was read with the text around it, and has no more in it."""
    if leaf.kind == "number":
        return len(leaf.text) < _DIGITS
    return not leaf.is_escaped and _MAY_HOLD_MORE.search(leaf.text) is None


def _names_given(branch: Branch, above: str | None) -> dict[int, str]:
    """As `names_given`, in a literal: the names of items by their index."""
    keys = [key.text.casefold() for key, _, _ in branch.items if key is not None]
    if TELLING.isdisjoint(keys):
        return {}
    places = {
        key.text: (index, value)
        for index, (key, _, value) in enumerate(branch.items)
        if key is not None
    }
    plain: dict[str, Tree] = {key: _plain(value) for key, (_, value) in places.items()}
    return {places[key][0]: name for key, name in names_given(plain, above).items()}


def _names_of_items(branch: Branch, above: str | None) -> Mapping[int, str]:
    """The names of a list's items that stand elsewhere."""
    if not is_marked(above) or any(key is not None for key, _, _ in branch.items):
        return {}
    return item_names([_plain(value) for _, _, value in branch.items], above)


def _plain(node: Node) -> Tree:
    """What `names_given` asks of a value: its text, or those of a list."""
    if isinstance(node, Branch):
        return [value.text if isinstance(value, Leaf) else None for _, _, value in node.items]
    return None if node.text in ("null", "None", "nil", "undefined") else node.text


def _pair_leaf(branch: Branch, key_class: Callable[[str], str | None]) -> str | None:
    if len(branch.items) != 2:
        return None
    plain: list[Tree] = [
        value.text if isinstance(value, Leaf) and value.kind == "string" else None
        for key, _, value in branch.items
        if key is None
    ]
    return pair_key(plain, key_class) if len(plain) == len(branch.items) else None


def _describes(name: str, node: Node) -> bool:
    return isinstance(node, Leaf) and describes(name, node.text if node.kind != "number" else 0)
