"""What stands in YAML below a name: items of a list, a `value:`, all that a Secret holds.

passwords:              db_password:             kind: Secret
  - Wint3rfell!           value: Wint3rfell9     stringData:
                          rotated: 2026-01-01      conn: Wint3rfell9
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .keys import classify_key
from .views import View
from .words.values import looks_made_up, looks_random

_LINE = re.compile(r"([ ]*+)(- ++)?(?:[\"']?([A-Za-z_][\w.\-]{0,63})[\"']?:(?=[ \t\r]|\Z)[ \t]*+)?")
_MANIFEST = re.compile(r"^kind: [\"']?Secret[\"']?[ \t\r]*+$", re.MULTILINE)
_HELD = ("data", "stringData")
_VALUES = ("value", "val", "content", "data", "default", "plaintext")


def nested(view: View) -> Iterator[tuple[str, View]]:
    """The names in a text and the values below them, each where it stands."""
    text = view.text
    in_secret = _is_secret_next(text, 0)
    above: list[tuple[int, str]] = []  # the names that this line is below, and their indentation
    at = 0
    for line in text.split("\n"):
        if line.startswith("---"):
            in_secret = _is_secret_next(text, at + 1)
        match = _LINE.match(line)
        assert match is not None  # it also matches nothing
        value = line[match.end() :].rstrip()
        indent, item, name = match.end(1), match[2] or "", match[3]
        while above and above[-1][0] >= indent + bool(item) and (value or name):
            above.pop()
        if name is not None and not value:
            above.append((indent + len(item), name))
        elif above and value:
            parent = above[-1][1]
            start = at + match.end()
            if value[0] in "\"'" and value[-1] == value[0] and len(value) > 1:
                start, value = start + 1, value[1:-1]
            if in_secret and name is not None and parent in _HELD:
                yield "secret", view.part(start, start + len(value))
            elif _is_given(name, bool(item), value):
                near = above[-2:] if name else above[-1:]  # `secrets:`, `db:`, `value: …`
                for _, each in near:
                    if _is_secret(each):
                        yield each, view.part(start, start + len(value))
        at += len(line) + 1


def _is_secret_next(text: str, at: int) -> bool:
    """Whether the document of Kubernetes that begins there is a Secret."""
    end = text.find("\n---", at)
    return _MANIFEST.search(text, at, end if end >= 0 else len(text)) is not None


def _is_given(name: str | None, is_item: bool, value: str) -> bool:
    """Whether a value is one: names of other things stand below the name of a secret, too."""
    if name is None:
        return is_item and (looks_made_up(value) or _has_odd_signs(value))
    return name in _VALUES and looks_random(value)


def _has_odd_signs(value: str) -> bool:
    return looks_random(value) and any(not c.isalnum() and c not in "-._/:" for c in value)


def _is_secret(name: str) -> bool:
    return (classify_key(name) or "").startswith("secret.")
