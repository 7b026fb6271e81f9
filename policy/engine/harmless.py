"""Triggers that leave out what is met in every request and is harmless as a whole.

`server.address` ends as the name of an address does, and `client.address` is 127.0.0.1 behind a
proxy. Hyperscan cannot look behind or ahead, so what is left out is written as its complement: a
first byte that differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..fields import TABLE, Field
from ..keys import classify_key
from .characters import byte_class

_EVERY = frozenset(range(0x100))
_VALUE = 0x12  # the tag of a value, behind its key
_NOBODYS = ("127.0.0.1", "::1")


def harmless_keys() -> list[str]:
    """The attributes that the conventions name and that say nothing of their values."""
    return [
        name
        for name, field in _attributes()
        if field.class_ is None and field.kind in ("text", "code") and classify_key(name) is None
    ]


def address_keys() -> list[str]:
    """The attributes whose values are addresses."""
    return [name for name, field in _attributes() if field.class_ == "pii.ip"]


def _attributes() -> list[tuple[str, Field]]:
    attributes = TABLE["resource"]["attributes"]
    assert isinstance(attributes, dict)
    return [(name, field) for name, field in attributes.items() if isinstance(field, Field)]


# How far behind a name those match that look at a value.
AHEAD_BY = 14


def narrowed(name: str, follower: Iterable[int]) -> tuple[list[str], list[str]]:
    """The trigger of a name that ends keys, but for harmless keys and values. In protobuf.

    `follower` are the bytes that may stand behind a name at all. The patterns, and others that
    match further behind the name.
    """
    harmless = _headers(name, harmless_keys())
    addresses = _headers(name, address_keys())
    if not harmless and not addresses:
        return [name + byte_class(follower)], []
    value = byte_class({_VALUE})
    found = [
        name + byte_class(set(follower) - {_VALUE}),
        f"(?:{'|'.join(_before({*harmless, *addresses}))}){name}{value}",
    ]
    values = {
        _length(len(each) + 2) + b"\n" + _length(len(each)) + each.encode() for each in _NOBODYS
    }
    others = "|".join(_behind(values))
    return found, [f"{_bytes(header)}{name}{value}(?:{others})" for header in addresses]


def _headers(name: str, keys: Sequence[str]) -> list[bytes]:
    """What stands before the name in a field that is one of these keys."""
    pattern = re.compile(f"(?:{name})\\Z".encode("latin-1"), re.DOTALL)
    headers = []
    for key in keys:
        field = b"\n" + _length(len(key)) + key.encode()
        match = pattern.search(field)
        if match is not None and match.start() > 0:
            headers.append(field[: match.start()])
    return headers


def _length(size: int) -> bytes:
    assert size < 0x80
    return bytes((size,))


def _before(texts: set[bytes]) -> list[str]:
    """What may stand before something that none of these texts does."""
    found = [byte_class(_EVERY - {text[-1] for text in texts})]
    for last in sorted({text[-1] for text in texts}):
        rest = {text[:-1] for text in texts if text[-1] == last}
        if b"" not in rest:
            found += [each + byte_class({last}) for each in _before(rest)]
    return found


def _behind(texts: set[bytes]) -> list[str]:
    """What may stand behind something that none of these texts does."""
    found = [byte_class(_EVERY - {text[0] for text in texts})]
    for first in sorted({text[0] for text in texts}):
        rest = {text[1:] for text in texts if text[0] == first}
        if b"" not in rest:
            found += [byte_class({first}) + each for each in _behind(rest)]
    return found


def _bytes(text: bytes) -> str:
    return "".join(byte_class({byte}) for byte in text)
