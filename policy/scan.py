"""The walk: every value and every key of a document is judged, and what is found is collected.

With `judging` this is the reference of what the policy finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from .copies import Sought
from .detection import Detection, says_nothing_else, without_owners
from .fields import (
    GRAMMARS,
    TABLE,
    TEXT,
    Field,
    Fields,
    child,
    keeps_to_grammar,
    meant_field,
)
from .findings import SELECTED, Mark, PolicyLimit, Span, Taken, Tree, Unsupported, merge
from .judging import Finder, Judge, Path, Site
from .meta import WITH_META
from .named import describes, flagged_value, names_given, pair_key, pair_list, spelled_out
from .placeholders import Placeholder
from .selectors import Trail, next_step, root_step
from .templates import is_marked, item_names
from .views import View
from .words.command_lines import passwords_among

MAX_NESTING = 128

# Places in a tree, as a tree: what stands there, and below which keys there are more of them.
Touched: TypeAlias = "dict[str | int, Touched]"

_VERSION = re.compile(r"[0-9]\.[0-9]")


class _Size:
    """How many characters a document has, counted once somebody asks."""

    __slots__ = ("_size", "_tree")

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._size: int | None = None

    def __call__(self) -> int:
        if self._size is None:
            self._size = size_of(self._tree)
        return self._size


class Scan:
    """One document. `sites` are its texts, judged, with their marks; copies are added later."""

    unread = False

    def __init__(
        self, detection: Detection, type_: str, tree: Tree, finder: Finder | None = None
    ) -> None:
        """Raises Unsupported when the document must not go out."""
        self._detection = detection
        self._has_meta = type_ in WITH_META
        self.sites: list[Site] = []
        self._size = _Size(tree)
        self._left_alone = 0  # characters in fields and documents that the user lets pass
        self._judge = Judge(detection, finder or Finder(detection), self._size)
        self._type = type_
        self._tree = tree
        self._place = TABLE.get(type_) or self._without_table(type_, tree)

    def judge(self) -> None:
        """Judge every value and every key. Raises PolicyLimit when it must not go out."""
        if self._place is not None:
            self._look(self._place)
        else:
            self._left_alone = self._size()
        self._judge.check_work()

    def _look(self, place: Field | Fields) -> None:
        trail = (root_step(self._type, self._tree),) if self._detection.trails else ()
        self._walk(self._tree, (), None, None, place, trail)

    def unjudged(self) -> int:
        """Bytes of text that were not judged, or not in full."""
        return self._left_alone + _bytes(self._judge.unread)

    def mark_copies(self, sought: Sought) -> None:
        """Mark what was judged sensitive elsewhere, wherever it stands in this document."""
        sought.mark(self.sites)

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
                self._left_alone += size_of(node)
                return
            selected = self._detection.field_class(trail)
        if isinstance(node, dict):
            self._object(node, path, key, selected or class_, place, trail)
        elif isinstance(node, list):
            self._list(node, path, key, selected or class_, place, trail)
        elif node is not None and not isinstance(node, bool):
            field_ = place if isinstance(place, Field) else TEXT
            self._leaf(node, path, key, class_, field_, selected)

    def _object(
        self,
        node: dict[str, Tree],
        path: Path,
        above: str | None,
        class_: str | None,
        place: Field | Fields,
        trail: Trail,
    ) -> None:
        names = names_given(node, above)
        for key, value in node.items():
            if not path and key == "_meta" and self._has_meta:
                continue  # rebuilt from what the document has become
            self._key(key, (*path, key), place)
            context, class_here = names.get(key, key), class_
            if describes(key, value):
                class_here = None
            found = self._detection.class_under(context, child(place, context))
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
        if pair_list(node) and not is_marked(key):
            for index, pair in enumerate(node):
                self._pair(pair, (*path, index), class_, place, trail)
            return
        if place is TEXT:
            place = spelled_out(node, class_) or place
        single = pair_key(node, self._detection.key_class)
        flag, given, named = None, passwords_among(node, key), item_names(node, key)
        for index, value in enumerate(node):
            here = (*path, index)
            steps = (*trail, next_step(trail, index, value)) if trail else ()
            context, found = key, class_
            if index in named:
                context, found = named[index], self._detection.key_class(named[index]) or class_
            elif single is not None and index == 1:
                context, found = single, self._detection.key_class(single) or class_
            elif index in given:
                context, found = "password", "secret.password"
            elif flag is not None:
                context, found = flag, self._detection.key_class(flag) or class_
            flag = flagged_value(value, place if isinstance(place, Field) else TEXT)
            self._walk(value, here, context, found, place, steps)

    def _pair(
        self, pair: Tree, path: Path, class_: str | None, place: Field | Fields, trail: Trail
    ) -> None:
        assert isinstance(pair, list)
        name, value = pair
        assert isinstance(name, str)
        self._leaf(name, (*path, 0), None, None, TEXT, None)
        found = self._detection.class_under(name, child(place, name))
        steps = trail
        if trail:
            steps = (*trail, replace(next_step(trail, name, value), key=name))
        self._walk(value, (*path, 1), name, found or class_, child(place, name), steps)

    def _key(self, key: str, path: Path, place: Field | Fields) -> None:
        if is_text(key) and not (isinstance(place, dict) and key in place):
            self._key_site(key, path)

    def _key_site(self, key: str, path: Path) -> None:
        site = Site(path, View(without_surrogates(key)), TEXT, is_key=True)
        self._judge.text(site, site.view, None, None)
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
        text, whole = as_text(node)
        if not text or (not selected and keeps_to_grammar(field_.kind, text)):
            return
        if field_.kind in GRAMMARS or (field_.kind == "version" and not _VERSION.search(text)):
            # It is not what the protocol says, so nothing is known about it.
            field_, class_ = TEXT, class_ or (self._detection.key_class(key) if key else None)
        field_ = meant_field(field_, text)
        site = Site(path, View(text), field_, whole=whole)
        if selected is not None:
            self._judge.mark(site, site.view, Span(0, len(text), selected, SELECTED))
        elif field_.code is not None and self._detection.claims(field_.code):
            self._judge.mark(site, site.view, Span(0, len(text), field_.code, "field"))
        if isinstance(node, (int, float)):
            self._judge.number(site, node, key, class_)
        else:
            self._judge.text(site, site.view, key, class_)
        self.sites.append(site)

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
            for mark in without_owners(site.marks)
            if not held or not says_nothing_else(text, mark.start, mark.end, held)
        ]
        if held:
            marks += _of_placeholders(held, marks, text)
        if site.whole and marks:
            marks = [mark._replace(start=0, end=len(text)) for mark in marks]
        return merge(marks, text)


def _of_placeholders(held: Sequence[Placeholder], marks: Sequence[Mark], text: str) -> list[Mark]:
    """A pseudonym or a mask may still be lowered; the rest is only not to be cut in two."""
    taken = Taken((mark.start, mark.end) for mark in marks)
    return [
        Mark(start, end, class_, "placeholder", text[start:end], form)
        for start, end, class_, form in held
        if form != "removed" or taken.has_some_of(start, end)
    ]


def is_text(key: str) -> bool:
    """Whether a key is more than what programs call their fields: these are letters only."""
    return len(key) >= 6 and not key.replace("_", "").replace(".", "").replace("-", "").isalpha()


def _bytes(parts: Iterable[tuple[Site, int, int]]) -> int:
    """Of parts of texts, each byte once."""
    size = 0
    last: Site | None = None
    covered = 0
    for site, start, end in sorted(parts, key=lambda part: (id(part[0]), part[1])):
        covered = max(start, covered if site is last else 0)
        size += len(site.view.text[covered:end].encode())
        last, covered = site, max(covered, end)
    return size


def size_of(tree: Tree) -> int:
    """The characters of all texts and keys of a document."""
    size = 0
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            size += sum(map(len, node))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
        elif node is not None and not isinstance(node, bool):
            size += len(as_text(node)[0])
    return size


def as_text(node: Tree) -> tuple[str, bool]:
    """A leaf as text, and whether it can only be replaced as a whole."""
    if isinstance(node, str):
        return without_surrogates(node), False
    if isinstance(node, bytes):
        text = _text_of(node)
        return (text, False) if text is not None else (node.decode("latin-1"), True)
    return repr(node), True


def without_surrogates(text: str) -> str:
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
