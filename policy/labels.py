"""Labels of forms in a text, of several words: `First name: Jane`, `user name: jroe`. In bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .findings import Span
from .innocence import is_innocent
from .values import class_of, compile_bytes, text_of

# In small letters of two words only: `sort by last name: asc` is a sentence.
_LABEL = compile_bytes(
    rb"(?:^|[\r\n,;|({\[\]>\"'*-])[ \t]{0,8}"
    rb"([A-Z][A-Za-z]{1,20}(?:(?:'|\xe2\x80\x99)s)?(?: [A-Za-z]{2,20}){1,3}"
    rb"|[a-z]{2,20} [a-z]{2,20})"
    rb"(?:\*\*)? ?:(?:\*\*)?[ \t]{0,8}[\"']?"
)
# A full stop ends a word of it: within one it is the name of a class.
_NAME = rb"(?:(?:[A-Z]\.){1,4}|[A-Z\xc3-\xf4][A-Za-z\x80-\xff'\-]{0,40}\.?)"
# What a form holds there, and nothing behind it: a sentence goes on.
_ENTERED = {
    "pii.name": re.compile(_NAME + rb"(?: " + _NAME + rb"){0,3}"),
    "pii.username": re.compile(rb"[A-Za-z0-9_.@\-]{2,60}"),
}
# How messages begin about what was entered.
_NO_NAME = re.compile(rb"(?:Must|Cannot|Enter|Please|This|Is|Not|Should|Required|Invalid) ")
_NOTHING_BEHIND = re.compile(rb"\.?[ \t]*+(?:[\r\n,;|)}\]<\"']|\\[nr]|\Z)")


def find_labelled(data: bytes) -> Iterator[Span]:
    """Find names and users behind a label that begins a line or an item of a list."""
    for match in _LABEL.finditer(data) if b":" in data else ():
        class_ = class_of(match.group(1))
        entered = _ENTERED.get(class_) if class_ is not None else None
        value = entered.match(data, match.end()) if entered is not None else None
        if value is None or class_ is None or _NO_NAME.match(data, value.start()) is not None:
            continue
        if _NOTHING_BEHIND.match(data, value.end()) is None:
            continue
        if not is_innocent(text_of(value.group()), class_):
            yield Span(value.start(), value.end(), class_, "words.label")
