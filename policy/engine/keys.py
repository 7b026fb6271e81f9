"""What keys say under one policy, remembered: documents have the same few hundred keys."""

from __future__ import annotations

from typing import Protocol

from ..keys import MAX_KEY
from ..named import tells
from ..scan import is_text

_REMEMBERED = 8192


class _Classes(Protocol):
    def key_class(self, key: str) -> str | None:
        """The class of a value under this key."""


class Keys(dict[str, tuple["str | None", bool]]):
    """By key: the class of its value, and whether it is judged as a text itself."""

    __slots__ = ("_classes", "plain")

    def __init__(self, classes: _Classes) -> None:
        super().__init__()
        self._classes = classes
        self.plain: set[str] = set()  # keys that cannot give another field its name

    def tidy(self) -> None:
        """Forget them when they are many. Between documents: one asks for each of its keys several
        times, and one that has more than are kept would find out about each every time.
        """
        if len(self) > _REMEMBERED:
            self.clear()
            self.plain = set()

    def about(self, key: str) -> tuple[str | None, bool]:
        """What is known of a key, or is found out: one that is long is not remembered."""
        return self.get(key) or self.learn(key)

    def learn(self, key: str) -> tuple[str | None, bool]:
        """Remember a key, unless it is long."""
        if len(key) > MAX_KEY:
            return self._classes.key_class(key), is_text(key)
        known = self[key] = self._classes.key_class(key), is_text(key)
        if not tells(key):
            self.plain.add(key)
        return known
