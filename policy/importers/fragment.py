"""What an import yields: processors of a configuration, and what they are not.

The processors come on top of redact's own profile: a policy that was written for another tool never
makes errlock look for less than it does by itself, except where it names fields to leave alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

import re2

from ..detectors import compile_pattern, load_detectors
from ..errors import PolicyError
from ..linear import refusal
from ..selectors import parse_selector

Action = Literal["hash", "mask", "replace", "remove"]
# Where two rules ask for different things, the one that tells less is taken.
_STRICTNESS: tuple[Action, ...] = ("hash", "mask", "replace", "remove")

NO_TEXT = "is not valid text"
KEYED = "hashes become keyed pseudonyms: set ERRLOCK_KEY to a key from `errlock key new`"


class NotAPolicy(Exception):  # noqa: N818  a fact about a file
    """A file is not what the importer reads. The text says what was expected."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about one part of the imported policy: where it stands there, and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Imported:
    """Processors by id, in the order in which they run; `left_out` is not carried over at all.

    `differs` is carried over, with another effect than before; it never removes less.
    """

    processors: dict[str, dict[str, Any]]
    left_out: tuple[Note, ...] = ()
    differs: tuple[Note, ...] = ()


@dataclass
class Fragment:
    """Collects what an import finds. Each method takes the path of the part, for the notes."""

    _actions: dict[str, Action] = field(default_factory=dict)
    _detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    _selectors: dict[str, str] = field(default_factory=dict)
    _safe: list[str] = field(default_factory=list)
    _keep: list[str] = field(default_factory=list)
    _generalize: dict[str, Any] = field(default_factory=dict)
    _left_out: list[Note] = field(default_factory=list)
    _differs: list[Note] = field(default_factory=list)

    def leave_out(self, path: str, message: str) -> None:
        """Say that a part is not carried over, and why."""
        self._left_out.append(Note(path, message))

    def note(self, path: str, message: str) -> None:
        """Say that a part is carried over with another effect."""
        note = Note(path, message)
        if note not in self._differs:
            self._differs.append(note)

    def act(self, path: str, class_: str, action: Action) -> None:
        """Do this with values of a class."""
        before = self._actions.get(class_, action)
        worst = max(before, action, key=_STRICTNESS.index)
        if before != action:
            self.note(path, f"{class_} has one action everywhere, {worst}")
        self._actions[class_] = worst
        if action == "hash":
            self.note("", KEYED)

    def detector(self, path: str, id_: str, class_: str, pattern: str, **more: Any) -> bool:
        """Look for a pattern of RE2. Whether it was taken."""
        entry = {"id": id_, "class": class_, "pattern": pattern, **more}
        if not is_text(id_ + pattern):
            self.leave_out(path, NO_TEXT)
            return False
        try:
            load_detectors([{"source": "import", **entry}])
        except PolicyError as error:
            self.leave_out(path, "; ".join(message for _, message in error.problems))
            return False
        if id_ in self._detectors and self._detectors[id_] != entry:
            self.leave_out(path, f"there is another detector {id_!r}")
            return False
        self._detectors[id_] = entry
        return True

    def detectors(self) -> list[dict[str, Any]]:
        """The detectors so far, as entries of a catalogue."""
        return list(self._detectors.values())

    def key(self, path: str, pattern: str, class_: str) -> bool:
        """Take values under keys of a pattern for this class. Whether it was taken."""
        if not is_text(pattern):
            self.leave_out(path, NO_TEXT)
            return False
        try:
            compile_pattern(pattern)
        except re2.error as error:
            self.leave_out(path, refusal(error))
            return False
        self._first(self._keys, path, pattern, class_)
        return True

    def selector(self, path: str, text: str, class_: str) -> bool:
        """Take fields for this class, or `replace`, `mask`, `remove` them. Whether it was taken."""
        if not self._readable(path, text):
            return False
        self._first(self._selectors, path, text, class_)
        return True

    def _first(self, known: dict[str, str], path: str, name: str, class_: str) -> None:
        if known.setdefault(name, class_) != class_:
            self.note(path, f"what {name!r} names is already {known[name]}")

    def safe(self, path: str, text: str) -> None:
        """Leave fields alone."""
        if self._readable(path, text) and text not in self._safe:
            self._safe.append(text)

    def _readable(self, path: str, selector: str) -> bool:
        """Whether a selector can be had; else says why not."""
        if not is_text(selector):
            self.leave_out(path, NO_TEXT)
            return False
        try:
            parse_selector(selector)
        except ValueError as error:
            self.leave_out(path, str(error))
            return False
        return True

    def keep(self, selectors: Sequence[str]) -> None:
        """Let only these fields survive."""
        self._keep += [text for text in selectors if text not in self._keep]

    def generalize(self, **options: bool) -> None:
        """Switch on coarser values."""
        self._generalize.update(options)

    def imported(self) -> Imported:
        """All of it."""
        processors: dict[str, dict[str, Any]] = {}
        hashed = [class_ for class_, action in self._actions.items() if action == "hash"]
        if self._keep:
            processors["keep"] = {"fields": [_literal(text) for text in self._keep]}
        if hashed:
            processors["hash"] = {"key": "${env:ERRLOCK_KEY}", "classes": hashed}
        if self._generalize:
            processors["generalize"] = {"ip": False, **self._generalize}
        actions = {c: action for c, action in self._actions.items() if action != "hash"}
        redact = {
            "classes": actions, "detectors": [_escaped(d) for d in self._detectors.values()],
            "keys": self._keys, "selectors": self._selectors,
            "safe_fields": [_literal(text) for text in self._safe],
        }  # fmt: skip
        processors["redact"] = {name: value for name, value in redact.items() if value}
        return Imported(processors, tuple(self._left_out), tuple(self._differs))


def _escaped(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _literal(v) if isinstance(v, str) else v for k, v in entry.items()}


def _literal(text: str) -> str:
    """Text as a value of a configuration, where `${` begins a reference and `$$` is a `$`."""
    return re.sub(r"\$+(?=\{)|\${2,}", lambda found: found[0] * 2, text)


def custom(name: str) -> str:
    """The class `custom.<name>`, with a name that may stand in a placeholder."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"custom.{plain[:40].strip('_') or 'imported'}"


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a string that can be written: escapes of JSON make half characters, too."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def quoted(key: str) -> str:
    """A key as an item of a selector."""
    return "'" + key.replace("'", "''") + "'"
