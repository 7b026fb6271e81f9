"""Which names of code that others say they disclosed are taken: none that could not stand in an
account of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import names
from .names import OTHER, STAR, Kind
from .sql import LONGEST, shape
from .tables import NameKey

_Rule = Callable[[str], str]

_CUT = f" {STAR}"  # at the end of a long statement
_PLAIN_WORD = "x"  # in place of a word that was none


def _one_of(*words: str) -> _Rule:
    return lambda text: text if text in words else ""


# What makes names and details of such kinds out of what stands in a document.
_RULES: Mapping[Kind, tuple[_Rule, _Rule]] = {
    "package": (names.package, names.version),
    "platform": (names.package, names.version),
    "release": (names.package, names.version),
    "file": (names.file, _one_of("own", "library")),
    "host": (names.host, _one_of("server", "database", "peer", "url")),
    "route": (names.route, names.method),
    "sql": (shape, names.system),
    "exception": (names.exception, names.file),
}


def admitted(kind: Kind, name: str, detail: str) -> NameKey:
    """The name, `other` if it is none that errlock makes; its detail, empty if it is none."""
    of_name, of_detail = _RULES[kind]
    if not _is_made_by(of_name, name):
        return NameKey(kind, OTHER, "")
    return NameKey(kind, name, detail if _is_made_by(of_detail, detail) else "")


def _is_made_by(rule: _Rule, text: str) -> bool:
    """Whether a rule leaves a text as it is: then nothing in it has to be taken out."""
    if text == OTHER:
        return True
    if len(text) > LONGEST:
        text = text.removesuffix(_CUT)
    plain = text.replace(STAR, _PLAIN_WORD)
    return rule(plain) == plain
