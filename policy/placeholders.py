"""The marks that a chain leaves in place of values: their grammar, and how to read them back.

    [email]                        removed
    [email:e1:0x9f3b6c02d41a]      a pseudonym: class, key epoch, 0x and 12 hex digits
    ************1111               masked: the end of a card's number, or of one like it

Only this full grammar with the label of a known class is a placeholder. Anything else in
brackets is text, so that `[secret: hunter2]` cannot pass for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from .classes import CLASSES, label

_MASK = re.compile(r"(?<!\*)\*{12}[0-9]{4}(?![0-9])")
# Cannot backtrack: every repetition ends at a character that it does not contain.
_PLACEHOLDER = re.compile(
    r"\[([a-z0-9_]{1,40}(?:\.[a-z0-9_]{1,40}){0,3})(?::e[0-9]{1,6}:0x[0-9a-f]{12})?\]"
)
_PSEUDONYM = re.compile(rb"\[[a-z0-9_.]{1,163}:e[0-9]{1,6}:0x[0-9a-f]{12}\]")


class Placeholder(NamedTuple):
    """A placeholder in a text: its place, its class and the form that the value left in."""

    start: int
    end: int
    class_: str
    form: Literal["pseudonym", "masked", "removed"]


def placeholder(class_: str, pseudonym: str | None = None) -> str:
    """What stands in place of a value of `class_`; `pseudonym` is `e1:0x9f3b6c02d41a`."""
    return f"[{label(class_)}]" if pseudonym is None else f"[{label(class_)}:{pseudonym}]"


def labels(classes: Iterable[str] = ()) -> dict[str, str]:
    """The classes by label: the built-in ones and `classes`, those of a policy's detectors."""
    return {label(class_): class_ for class_ in (*classes, *CLASSES)}


def holds_pseudonyms(encoded: bytes) -> bool:
    """Whether a pseudonym stands in an encoded payload: JSON and protobuf have them as they are."""
    return _PSEUDONYM.search(encoded) is not None


def find(text: str, known: Mapping[str, str]) -> Iterator[Placeholder]:
    """The placeholders in `text`, in order; `known` is what `labels` returned."""
    found: list[Placeholder] = []
    for match in _PLACEHOLDER.finditer(text) if "[" in text else ():
        class_ = known.get(match[1])
        if class_ is not None:
            form: Literal["pseudonym", "removed"] = "pseudonym" if ":" in match[0] else "removed"
            found.append(Placeholder(match.start(), match.end(), class_, form))
    masks = _MASK.finditer(text) if "****" in text else ()
    found += [Placeholder(*match.span(), "financial.card", "masked") for match in masks]
    yield from sorted(found)
