"""The walk: every value and every key of a document is judged, in each of its views.

This is the reference of what the policy finds. Work is counted (views and decoded characters), so
that a document meets the same limits on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute

from .detection import SELECTED, Detection, says_nothing_else, without_owners
from .fields import ATTRIBUTE, TABLE, TEXT, Field, Fields, child, keeps_to_grammar
from .findings import Mark, PolicyLimit, Span, Tree, Unsupported, merge
from .literals import Branch, Leaf, Node, literals
from .meta import WITH_META
from .named import describes, flagged_value, named_value, pair_key, pair_list
from .pairs import pairs
from .selectors import Trail, next_step, root_step
from .views import MAX_DEPTH, View, decodings

MAX_NESTING = 128
# A document may be decoded to four times its size, and small ones to this many characters.
MAX_EXPANSION, FLOOR = 4, 1 << 16
# Views of one document: this many, and more in proportion where it is large.
MAX_VIEWS, CHARACTERS_A_VIEW = 256, 16
# Kinds whose values are names of things in programs: only what is a secret wherever it stands.
_NARROW = ("code", "path", "version", "parts", "word")
_DIGITS = 9  # a whole number with so many digits may be one of a card, a phone or a person

_VERSION = re.compile(r"[0-9]\.[0-9]")
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


class Scan:
    """One document, judged. `sites` are its texts with their marks; copies are added later."""

    def __init__(self, detection: Detection, type_: str, tree: Tree) -> None:
        """Judge. Raises PolicyLimit or Unsupported when the document must not go out."""
        self._detection = detection
        self._has_meta = type_ in WITH_META
        self.sites: list[Site] = []
        self._size = 0  # characters of the document so far
        self._decoded = 0
        self._views = 0
        place = TABLE.get(type_) or self._without_table(type_, tree)
        if place is not None:
            trail = (root_step(type_, tree),) if detection.trails else ()
            self._walk(tree, (), None, None, place, trail)
        self._check_work()

    def _without_table(self, type_: str, tree: Tree) -> Fields | Field | None:
        if type_ == "raw_security" or (type_ == "attachment" and isinstance(tree, str)):
            return TEXT
        if type_ == "attachment" and isinstance(tree, bytes):
            text = _text_of(tree)
            if text is not None:
                return TEXT
        if type_ in self._detection.item_types:
            return None
        raise Unsupported("nobody can judge this kind of document")

    # -- the tree ------------------------------------------------------------------------

    def _walk(
        self,
        node: Tree,
        path: Path,
        key: str | None,
        class_: str | None,
        place: Field | Fields,
        trail: Trail,
    ) -> None:
        if len(path) > MAX_NESTING:
            raise PolicyLimit("nested too deeply")
        selected = None
        if trail:
            if self._detection.is_safe(trail):
                return
            selected = self._detection.field_class(trail)
        if isinstance(node, dict):
            self._object(node, path, selected or class_, place, trail)
        elif isinstance(node, list):
            self._list(node, path, key, selected or class_, place, trail)
        elif node is not None and not isinstance(node, bool):
            field_ = place if isinstance(place, Field) else TEXT
            self._leaf(node, path, key, class_, field_, selected)

    def _object(
        self,
        node: dict[str, Tree],
        path: Path,
        class_: str | None,
        place: Field | Fields,
        trail: Trail,
    ) -> None:
        named = named_value(node)
        for key, value in node.items():
            if not path and key == "_meta" and self._has_meta:
                continue  # rebuilt from what the document has become
            self._key(key, (*path, key), place)
            context, class_here = key, class_
            if named is not None and key == named.value_key:
                context = named.name
            if describes(key, value):
                class_here = None
            found = self._class_under(context, child(place, context))
            steps = (*trail, next_step(trail, key, value)) if trail else ()
            self._walk(value, (*path, key), context, found or class_here, child(place, key), steps)

    def _list(
        self,
        node: list[Tree],
        path: Path,
        key: str | None,
        class_: str | None,
        place: Field | Fields,
        trail: Trail,
    ) -> None:
        if pair_list(node):
            for index, pair in enumerate(node):
                self._pair(pair, (*path, index), class_, place, trail)
            return
        single = pair_key(node, self._detection.key_class)
        flag = None
        for index, value in enumerate(node):
            here = (*path, index)
            steps = (*trail, next_step(trail, index, value)) if trail else ()
            context, found = key, class_
            if single is not None and index == 1:
                context, found = single, self._detection.key_class(single) or class_
            elif flag is not None:
                context, found = flag, self._detection.key_class(flag) or class_
            flag = flagged_value(value)
            self._walk(value, here, context, found, place, steps)

    def _pair(
        self, pair: Tree, path: Path, class_: str | None, place: Field | Fields, trail: Trail
    ) -> None:
        assert isinstance(pair, list)
        name, value = pair
        assert isinstance(name, str)
        self._leaf(name, (*path, 0), None, None, TEXT, None)
        found = self._class_under(name, child(place, name))
        steps = trail
        if trail:
            steps = (*trail, replace(next_step(trail, name, value), key=name))
        self._walk(value, (*path, 1), name, found or class_, child(place, name), steps)

    def _class_under(self, key: str, place: Field | Fields) -> str | None:
        if isinstance(place, Field) and place is not TEXT:
            return place.class_
        named = place is TEXT or place is ATTRIBUTE
        return self._detection.key_class(key) if named else None

    def _key(self, key: str, path: Path, place: Field | Fields) -> None:
        self._size += len(key)
        # Names made of letters only are what programs call their fields.
        if len(key) < 6 or key.replace("_", "").replace(".", "").replace("-", "").isalpha():
            return
        if isinstance(place, dict) and key in place:
            return
        site = Site(path, View(key), TEXT, is_key=True)
        self._judge(site, site.view, None, None)
        self.sites.append(site)

    # -- values --------------------------------------------------------------------------

    def _leaf(
        self,
        node: Tree,
        path: Path,
        key: str | None,
        class_: str | None,
        field_: Field,
        selected: str | None,
    ) -> None:
        text, whole = _as_text(node)
        self._size += len(text)
        if field_.kind == "version" and not _VERSION.search(text):
            field_, class_ = TEXT, class_ or (self._detection.key_class(key) if key else None)
        if not text or (not selected and keeps_to_grammar(field_.kind, text)):
            return
        site = Site(path, View(text), field_, whole=whole)
        if selected is not None:
            self._mark(site, site.view, Span(0, len(text), selected, SELECTED))
        elif field_.code is not None and self._detection.claims(field_.code):
            self._mark(site, site.view, Span(0, len(text), field_.code, "field"))
        if isinstance(node, (int, float)):
            self._number(site, node, key, class_)
        else:
            self._judge(site, site.view, key, class_)
        self.sites.append(site)

    def _number(self, site: Site, node: float, key: str | None, class_: str | None) -> None:
        view = site.view
        site.views.append(view)
        band = self._detection.band(key) if key else None
        # A field that is what it is (`user.id`) holds it, however small the number.
        meant = class_ is not None and class_ == site.field.class_
        if class_ is not None and (meant or not self._detection.innocent(node, class_)):
            self._mark(site, view, Span(0, len(view.text), class_, "key"))
        elif isinstance(node, int) and len(view.text) >= _DIGITS and site.field.kind == "text":
            for span in self._detection.spans(view.text, key):
                self._mark(site, view, span)
        if band is not None:
            self._mark(site, view, Span(0, len(view.text), band, "band"))

    def _judge(
        self, site: Site, view: View, key: str | None, class_: str | None, *, fresh: bool = True
    ) -> None:
        """Judge a text. Not `fresh`: its characters were already judged as part of another."""
        site.views.append(view)
        found: list[Span] = []
        if fresh:
            self._count_view(view)
            found = self._spans(site, view, key)
        if class_ is not None:
            self._whole(site, view, class_, found)
        for span in found:
            self._mark(site, view, span)
        covered = site.field.kind == "text" and self._structures(site, view)
        if site.field.kind not in ("version", "word", "source") and fresh:
            for decoded in decodings(view, escapes=not covered):
                self._judge(site, decoded, key, None)

    def _spans(self, site: Site, view: View, key: str | None) -> list[Span]:
        kind = site.field.kind
        if kind == "word" and view.text.isalpha():
            return []
        found = self._detection.spans(view.text, key)
        if kind in _NARROW:
            return [span for span in found if _is_seen_in(kind, span)]
        if kind == "source":
            return _in_source(found, view.text)
        if self._detection.coarse and view.parent is None and not site.is_key:
            found = without_owners([*found, *self._detection.coarse_spans(view.text)])
        return found

    def _whole(self, site: Site, view: View, class_: str, found: list[Span]) -> None:
        """Mark what a key's class makes of a whole value, unless detectors say it better."""
        parts = self._detection.sensitive_parts(view.text, class_)
        refined = class_ in _REFINED and (found or self._detection.placeholders(view.text))
        if not refined:
            for start, end, part_class in parts:
                self._mark(site, view, Span(start, end, part_class, "key"))

    def _mark(self, site: Site, view: View, span: Span) -> None:
        span = _with_prefix(span, view.text)
        start, end = view.root_span(span.start, span.end)
        value = view.text[span.start : span.end]
        quoted = view.quoted and (span.start, span.end) == (0, len(view.text))
        site.marks.append(Mark(start, end, span.class_, span.detector, value, quoted=quoted))

    # -- inside a text -------------------------------------------------------------------

    def _structures(self, site: Site, view: View) -> bool:
        """Judge what is written as data inside a text; whether one literal is all of the text."""
        text = view.text
        covered = False
        if view.depth > MAX_DEPTH or view.nesting > MAX_DEPTH:
            return False
        if ("'" in text or '"' in text) and ("{" in text or "[" in text or "(" in text):
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
            if class_ is not None and self._detection.innocent(float(view.text), class_):
                class_ = None
        if decoded or class_ is not None or any(sign in view.text for sign in "{[(=<"):
            self._judge(site, view, key, class_, fresh=decoded)

    def _branch(self, site: Site, branch: Branch, class_: str | None) -> None:
        named = _named_leaf(branch)
        pair = _pair_leaf(branch, self._detection.key_class)
        flag: str | None = None
        for index, (key, _, value) in enumerate(branch.items):
            name = key.view.text if key is not None else None
            if named is not None and index == named[0]:
                name = named[1]
            elif name is None and pair is not None and index == 1:
                name = pair
            elif name is None:
                name = flag
            flag = flagged_value(value.view.text) if isinstance(value, Leaf) else None
            if key is not None and key.view.chars is not None:
                self._judge(site, key.view, None, None)
            found = self._detection.key_class(name) if name else None
            self._node(site, value, name, found or class_)

    def _node(self, site: Site, node: Node, key: str | None, class_: str | None) -> None:
        if isinstance(node, Branch):
            self._branch(site, node, class_)
        elif node.kind != "word":
            self._named_text(site, node.view, key, class_, number=node.kind == "number")

    # -- work ----------------------------------------------------------------------------

    def _count_view(self, view: View) -> None:
        if view.parent is None:
            return
        self._decoded += len(view.text)
        self._views += 1
        if self._views > MAX_VIEWS:
            self._check_work()

    def _check_work(self) -> None:
        if self._decoded > max(FLOOR, MAX_EXPANSION * self._size):
            raise PolicyLimit("decodes to too much")
        if self._views > max(MAX_VIEWS, self._size // CHARACTERS_A_VIEW):
            raise PolicyLimit("too many encoded parts")

    def finish(self) -> list[Site]:
        """The sites with findings, their marks merged and without what earlier chains left."""
        finished = []
        for site in self.sites:
            marks = self._finished(site)
            if marks:
                site.marks = marks
                site.views = []
                finished.append(site)
        return finished

    def _finished(self, site: Site) -> list[Mark]:
        text = site.view.text
        held = self._detection.placeholders(text)
        if not site.marks and not held:
            return []
        marks = [
            mark
            for mark in site.marks
            if not held or not says_nothing_else(text, mark.start, mark.end, held)
        ]
        for start, end, class_, form in held:
            # A pseudonym may still be lowered; any other is only kept from being cut in two.
            if form == "pseudonym" or any(m.start < end and start < m.end for m in marks):
                marks.append(Mark(start, end, class_, "placeholder", text[start:end], form))
        if site.whole and marks:
            marks = [replace(mark, start=0, end=len(text)) for mark in marks]
        return merge(marks, text)


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


def _last_part(name: str) -> str:
    """The innermost name of a form field: `password` of `user[password]`."""
    return name.rstrip("]").rpartition("[")[2] or name


def _named_leaf(branch: Branch) -> tuple[int, str] | None:
    """As `named_value`, in a literal: which item is the value, and its name."""
    names = {
        key.view.text: (index, value)
        for index, (key, _, value) in enumerate(branch.items)
        if key is not None
    }
    plain: dict[str, Tree] = {
        key: value.view.text if isinstance(value, Leaf) else [] for key, (_, value) in names.items()
    }
    named = named_value(plain)
    return None if named is None else (names[named.value_key][0], named.name)


def _pair_leaf(branch: Branch, key_class: Callable[[str], str | None]) -> str | None:
    plain: list[Tree] = [
        value.view.text if isinstance(value, Leaf) and value.kind == "string" else None
        for key, _, value in branch.items
        if key is None
    ]
    return pair_key(plain, key_class) if len(plain) == len(branch.items) else None


def _as_text(node: Tree) -> tuple[str, bool]:
    """A leaf as text, and whether it can only be replaced as a whole."""
    if isinstance(node, str):
        return _without_surrogates(node), False
    if isinstance(node, bytes):
        text = _text_of(node)
        return (text, False) if text is not None else (node.decode("latin-1"), True)
    return repr(node), True


def _without_surrogates(text: str) -> str:
    """Lone surrogates as U+FFFD, so that the text can be scanned; positions stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def _text_of(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def views_of(sites: Sequence[Site]) -> Iterator[tuple[Site, View]]:
    """Every view of every site."""
    for site in sites:
        for view in site.views:
            yield site, view
