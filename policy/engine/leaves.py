"""The leaves of a document: its texts in their order, with what their places say about them.

What a text means by its place is said by `policy.scan` in another way; a property test holds the
two to the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..detection import Detection
from ..fields import TEXT, Field, Fields, child, keeps_to_grammar
from ..findings import PolicyLimit, Tree
from ..judging import Path
from ..named import (
    SPAWNED,
    describes,
    flagged_value,
    names_given,
    pair_key,
    pair_list,
    spelled_out,
)
from ..scan import MAX_NESTING, Touched, as_text
from ..templates import is_marked, item_names
from ..words.command_lines import passwords_among
from .meanings import Meanings

# A leaf: the value, the container's path, its place in it, the key that is its context, the class
# that this key or the container's gives it, and its field. The field None: it is itself a key.
Leaf = tuple[Tree, Path, "str | int", "str | None", "str | None", "Field | None"]

_MOST_NUMBER = 10**20  # of GRAMMARS
# Where one of several texts, of lists of arguments, may begin as an option does.
_OPTION = re.compile(r"""^["']*+-""", re.MULTILINE)

_LABEL = re.compile(r""":[ "']*+$""", re.MULTILINE)


class Leaves:
    """Of one document."""

    def __init__(self, detection: Detection, meanings: Meanings, *, has_meta: bool) -> None:
        """`has_meta`: what stands under `_meta` in the document is not its own."""
        self._detection = detection
        self._meanings = meanings
        self._has_meta = has_meta
        self.leaves: list[Leaf] = []
        self.texts: list[str] = []  # of the leaves, in their order
        self.told: list[int] = []  # the leaves that are judged, whatever stands in them

    def gather(self, tree: Tree, place: Field | Fields, only: Touched | None) -> None:
        """Note every text, or `only` those in some places. Raises PolicyLimit."""
        self._gather(tree, (), None, None, place, only)

    def _gather(
        self,
        node: Tree,
        path: Path,
        key: str | None,
        class_: str | None,
        place: Field | Fields,
        only: Touched | None,
    ) -> None:
        """Note every text below a node, or `only` those in some places."""
        if len(path) >= MAX_NESTING and node:
            raise PolicyLimit("nested too deeply")
        if isinstance(node, dict):
            self._gather_object(node, path, key, class_, place, only)
        elif isinstance(node, list):
            self._gather_list(node, path, key, class_, place, only)

    def _gather_object(
        self,
        node: dict[str, Tree],
        path: Path,
        above: str | None,
        class_: str | None,
        place: Field | Fields,
        only: Touched | None,
    ) -> None:
        about = self._meanings.keys
        names: dict[str, str] = {}
        if not about.plain.issuperset(node):
            for key in node:
                if key not in about:
                    about.learn(key)
            if not about.plain.issuperset(node):
                names = names_given(node, above)
        if not names and class_ is None and only is None and (path or "_meta" not in node):
            self._gather_plain(node, path, place)
            return
        if only is not None and not about.plain.issuperset(only):
            only = None  # what gives others their names has changed
        if only is None:
            items: Iterable[tuple[str, Tree]] = node.items()
        else:
            items = [(str(key), node[str(key)]) for key in only]
        for key, value in items:
            if key == "_meta" and not path and self._has_meta:
                continue
            meaning = self._meanings.under(place)[key]
            if meaning.is_judged:
                self.leaves.append((key, path, key, None, None, None))
                self.texts.append(key)
            if value is None or value is True or value is False:
                continue
            context, found, below = key, meaning.class_, meaning.below
            if key in names:
                context = names[key]
                found = self._detection.class_under(context, child(place, context))
            if found is None and class_ is not None and not describes(key, value):
                found = class_
            if isinstance(value, (dict, list)):
                further = None if only is None else only[key]
                self._gather(value, (*path, key), context, found, below, further)
            else:
                self._gather_value(value, path, key, context, found, below)

    def _gather_plain(self, node: dict[str, Tree], path: Path, place: Field | Fields) -> None:
        """The same where no field gives another one its name, and nothing is known from above."""
        # This loop runs for nearly every field of every document that is read: it is long for
        # speed (benchmarks/bench_scrub.py), and says what the one above says.
        leaves, texts = self.leaves, self.texts
        for (key, value), meaning in zip(
            node.items(), map(self._meanings.under(place).__getitem__, node), strict=True
        ):
            is_judged, found, below, field, grammar, is_told = meaning
            if is_judged:
                leaves.append((key, path, key, None, None, None))
                texts.append(key)
            if isinstance(value, str):
                if value and (grammar is None or grammar(value) is None):
                    if is_told:
                        self.told.append(len(leaves))
                    leaves.append((value, path, key, key, found, field))
                    texts.append(value)
            elif isinstance(value, (dict, list)):
                if value:
                    self._gather(value, (*path, key), key, found, below, None)
            elif value is not None and value is not True and value is not False:
                if field.kind == "number" and type(value) is int and abs(value) < _MOST_NUMBER:
                    continue  # it keeps to its grammar
                self._gather_value(value, path, key, key, found, below)

    def _gather_list(
        self,
        node: list[Tree],
        path: Path,
        key: str | None,
        class_: str | None,
        place: Field | Fields,
        only: Touched | None,
    ) -> None:
        field = place if isinstance(place, Field) else TEXT
        if only is None and self._gather_texts(node, path, key, class_, field):
            return
        if node and isinstance(node[0], list) and pair_list(node) and not is_marked(key):
            for index, pair in enumerate(node):
                if only is None or index in only:
                    further = None if only is None else only[index]
                    self._gather_pair(pair, (*path, index), class_, place, further)
            return
        if place is TEXT and class_ is not None and only is None:
            place = field = spelled_out(node, class_) or TEXT
        single = pair_key(node, self._detection.key_class) if len(node) == 2 else None
        flag, given, named = None, passwords_among(node, key), item_names(node, key)
        for index, value in enumerate(node):
            context, found = key, class_
            if index in named:
                context, found = named[index], self._detection.key_class(named[index]) or class_
            elif single is not None and index == 1:
                context, found = single, self._detection.key_class(single) or class_
            elif index in given:
                context, found = "password", "secret.password"
            elif flag is not None:
                context, found = flag, self._detection.key_class(flag) or class_
            flag = flagged_value(value, field)
            # What stands before it may be its name.
            among = index in given or index in named
            if only is not None and not {index, index - 1} & only.keys() and not among:
                continue
            if isinstance(value, str):
                if value:
                    self._add(value, value, path, index, context, found, field)
            elif isinstance(value, (dict, list)):
                further = None if only is None else only.get(index)
                self._gather(value, (*path, index), context, found, place, further)
            elif value is not None and value is not True and value is not False:
                self._gather_value(value, path, index, context, found, place)

    def _gather_texts(
        self, node: list[Tree], path: Path, key: str | None, class_: str | None, field: Field
    ) -> bool:
        """The same for a list of texts none of which says what another one is. False: it is none.

        Lines of source code are most of what is in events.
        """
        if len(node) == 2 or (key is not None and key.endswith(SPAWNED)) or is_marked(key):
            return False
        try:
            said = "\n".join(node)  # type: ignore[arg-type]  # what else it has is refused
        except TypeError:
            return False
        if _OPTION.search(said) is not None:
            return False
        if field.kind == "text" and _LABEL.search(said) is not None:
            return False
        leaves = [
            (text, path, index, key, class_, field) for index, text in enumerate(node) if text
        ]
        if self._meanings.is_told(key, class_, field):
            self.told += range(len(self.leaves), len(self.leaves) + len(leaves))
        self.leaves += leaves
        self.texts += [text for text in node if isinstance(text, str) and text]
        return True

    def _gather_pair(
        self,
        pair: Tree,
        path: Path,
        class_: str | None,
        place: Field | Fields,
        only: Touched | None,
    ) -> None:
        assert isinstance(pair, list)
        name, value = pair
        assert isinstance(name, str)
        if len(path) >= MAX_NESTING:
            raise PolicyLimit("nested too deeply")
        if name:
            self.leaves.append((name, path, 0, None, None, TEXT))
            self.texts.append(name)
        _, found, below, field, grammar, is_told = self._meanings.under(place)[name]
        if found is None and class_ is not None:
            found, is_told = class_, True
        if isinstance(value, str):
            if value and (grammar is None or grammar(value) is None):
                if is_told:
                    self.told.append(len(self.leaves))
                self.leaves.append((value, path, 1, name, found, field))
                self.texts.append(value)
        elif isinstance(value, (dict, list)):
            further = None if only is None or 0 in only else only.get(1, {})
            self._gather(value, (*path, 1), name, found, below, further)
        elif value is not None and not isinstance(value, bool):
            self._gather_value(value, path, 1, name, found, below)

    def _gather_value(
        self,
        value: Tree,
        path: Path,
        key: str | int,
        context: str | None,
        class_: str | None,
        place: Field | Fields,
    ) -> None:
        """Note a text, bytes, or a number that is not the protocol's."""
        field = place if isinstance(place, Field) else TEXT
        text = value if isinstance(value, str) else as_text(value)[0]
        if text and not keeps_to_grammar(field.kind, text):
            self._add(value, text, path, key, context, class_, field)

    def _add(
        self,
        value: Tree,
        text: str,
        path: Path,
        key: str | int,
        context: str | None,
        class_: str | None,
        field: Field,
    ) -> None:
        if self._meanings.is_told(context, class_, field):
            self.told.append(len(self.leaves))
        self.leaves.append((value, path, key, context, class_, field))
        self.texts.append(text)
