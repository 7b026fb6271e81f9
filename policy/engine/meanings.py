"""What keys mean in their places under one policy, remembered: documents have the same keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..detection import Detection
from ..fields import GRAMMARS, TEXT, Field, Fields, child
from ..keys import MAX_KEY
from .gate import Gate
from .keys import Keys

_REMEMBERED = 8192  # keys, in all places together


class Meaning(NamedTuple):
    """Of a key in its place, and of a value under it that has no other name and no class yet."""

    is_judged: bool  # the key, as a text
    class_: str | None  # of the value
    below: Field | Fields  # where the value stands
    field: Field  # as which a text there is judged
    grammar: Callable[[str], Any] | None  # what tells whether such a text may be left alone
    is_told: bool  # a text there is judged, whatever stands in it


class Meanings:
    """By place. Thread-safe."""

    def __init__(self, detection: Detection, gate: Gate, keys: Keys) -> None:
        self.keys = keys
        self._detection = detection
        self._gate = gate
        self._places: dict[int, _Place] = {}  # all places are the tables' and live as long
        self._count = 0

    def under(self, place: Field | Fields) -> dict[str, Meaning]:
        """What every key means in a place: to be asked by `[key]`."""
        found = self._places.get(id(place))
        if found is None:
            found = self._places[id(place)] = _Place(self, place)
        return found

    def is_told(self, key: str | None, class_: str | None, field: Field) -> bool:
        """Whether a text is judged for its key, class or field, whatever stands in it."""
        detection = self._detection
        if class_ is not None or (field.code is not None and detection.claims(field.code)):
            return True
        if key is None:
            return False
        if self._gate.rules_of_key(key):
            return True
        # What does not keep to its field's grammar is judged by its key (Scan._leaf).
        looser = field.kind == "version" or field.kind in GRAMMARS
        return looser and detection.key_class(key) is not None

    def note_one_more(self) -> None:
        """A key will be remembered. However many there are, only so many are kept."""
        if self._count >= _REMEMBERED:
            self._count = 0
            for place in list(self._places.values()):
                place.clear()
        self._count += 1

    def meaning(self, place: Field | Fields, key: str) -> Meaning:
        """What a key means in a place, looked up."""
        _, is_text = self.keys.about(key)
        below = child(place, key)
        class_ = self._detection.class_under(key, below)
        field = below if isinstance(below, Field) else TEXT
        grammar = GRAMMARS.get(field.kind)
        return Meaning(
            is_text and not (isinstance(place, dict) and key in place),
            class_,
            below,
            field,
            None if grammar is None else grammar.fullmatch,
            self.is_told(key, class_, field),
        )


class _Place(dict[str, Meaning]):
    """Learns a key when it is asked for it."""

    def __init__(self, meanings: Meanings, place: Field | Fields) -> None:
        super().__init__()
        self._meanings = meanings
        self._place = place

    def __missing__(self, key: str) -> Meaning:
        meaning = self._meanings.meaning(self._place, key)
        if len(key) <= MAX_KEY:
            self._meanings.note_one_more()
            self[key] = meaning
        return meaning
