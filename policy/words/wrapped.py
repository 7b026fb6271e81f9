"""Values in types of their own, which name what they hold. Offsets in bytes.

Session(id=SessionId(value=5f1e8a0c), agent=okhttp)           Kotlin, Java
DbConf(db1,5432,Password(Wint3rfell9))                        Scala
[AnyHashable("token"): Wint3rfell9, AnyHashable("x"): 1]      Swift
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from .innocence import is_innocent
from .values import KEY, class_of, compile_bytes, looks_made_up, read_value, reads_as_value

_TYPE = compile_bytes(rb"(?:^|[^\w\x80-\xff.])([A-Z][A-Za-z0-9_]{2,60})([(\[]value=|\()")
_ALONE = re.compile(rb"([^\s()\[\]{}\"'`,;=<>]{8,200})\)")
_HASHABLE = compile_bytes(rb'AnyHashable\("(' + KEY + rb')"\): ?')


def find_wrapped(data: bytes) -> Iterator[Span]:
    """Find what a type called as a secret is holds; without a name of a field what is made up."""
    for match in _TYPE.finditer(data) if b"(" in data or b"[value=" in data else ():
        class_ = class_of(match.group(1))
        if class_ is None or not class_.startswith("secret."):
            continue
        if match.group(2) == b"(":
            alone = _ALONE.match(data, match.end())
            text = alone.group(1).decode("utf-8", "replace") if alone is not None else ""
            if alone is not None and looks_made_up(text) and not is_innocent(text, class_):
                yield Span(*alone.span(1), class_, "words.wrapped")
            continue
        value = read_value(data, match.end(), "=", class_)
        text = value.text(data)
        if class_ == "secret.password":
            given = reads_as_value(data, value, class_)
        else:  # lexers have tokens, too
            given = looks_made_up(text) and not is_innocent(text, class_)
        if given:
            yield Span(value.start, value.end, class_, "words.wrapped")
    for match in _HASHABLE.finditer(data) if b"AnyHashable" in data else ():
        class_ = class_of(match.group(1))
        if class_ is None or not class_.startswith("secret."):
            continue
        value = read_value(data, match.end(), ": ", class_)
        if reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.wrapped")
