"""Other ways in which a value may have been found in a document.

A detector claims what is sensitive: of a connection string its password, of a quoted text what is
between the marks. Whoever looks for a value may have it as a whole, or encoded once more.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

import msgspec

_PLAIN = re.compile(r"[A-Za-z0-9_-]*")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey|api-key|dsn)\s+(.+)")
_PAIR = re.compile(
    r"(?i)(?:^|[;,\s])[\w .-]*(?:pass(?:word|wd)?|pwd|secret|token|key)\s*=\s*([^;]+)"
)
# What begins with another character decodes to no text, or to one that is not printable.
_BASE64 = re.compile(r"[I-Za-fw-z0-9][A-Za-z0-9+/_-]{7,}={0,2}")
_MAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_SHORTEST = 4  # of a part
_MOST = 24


class Spelling(msgspec.Struct, frozen=True, gc=False):
    """A text to look for instead of a value."""

    index: int  # of the value
    text: str
    what: str  # it is of the value; nothing: the value

    def __repr__(self) -> str:
        return f"Spelling({self.index})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # msgspec's shows the text
        return [("index", self.index)]


def spellings(values: Iterable[str]) -> list[Spelling]:
    """All variants of values."""
    return [
        Spelling(index, text, what)
        for index, value in enumerate(values)
        for text, what in variants(value)
    ]


def variants(value: str) -> Iterator[tuple[str, str]]:
    """A value and its variants, each once: the text, and what it is of the value (nothing: it)."""
    value = value.strip()
    yield value, ""
    decoded = _from_base64(value)
    if not decoded and _PLAIN.fullmatch(value):
        return  # most of a long list
    seen = {value}
    for text, what in _others(value, decoded):
        text = text.strip()
        if len(text) >= _SHORTEST and text not in seen:
            if len(seen) > _MOST:
                return
            seen.add(text)
            yield text, what


def parts(class_: str, value: str) -> Iterator[str]:
    """What somebody may look for who knows only a part of what a detector claimed."""
    if not class_.startswith("secret.") or _PLAIN.fullmatch(value):
        return
    if class_ == "secret.basic_auth":
        both = _from_base64(value)
        yield from (both, both.partition(":")[2])
    # What an address seems to be in `user:password@host` is joined with it.
    yield value.rpartition("@")[0]
    for text, _ in _parts(value):
        yield text


def _others(value: str, decoded: str) -> Iterator[tuple[str, str]]:
    yield from _spellings(value)
    texts = [value]
    if decoded:
        yield decoded, "base64-decoded"
        yield from ((spelled, "base64-decoded") for spelled, _ in _spellings(decoded))
        texts.append(decoded)
    elif (inner := _unquoted(value)) != value:
        texts.append(inner)
    for text in texts:
        for part, what in _parts(text):
            yield part, what
            yield from ((spelled, what) for spelled, _ in _spellings(part))


def _spellings(value: str) -> Iterator[tuple[str, str]]:
    """Other ways to write the whole of it."""
    if _PLAIN.fullmatch(value):
        return
    inner = _unquoted(value)
    yield inner, "without quotation marks"
    if "\\" in inner:
        yield inner.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\"), "unescaped"
    if "%" in inner:
        yield unquote(inner), "URL-decoded"
    if "+" in inner:
        yield unquote_plus(inner), "URL-decoded"
    yield quote(inner, safe=""), "URL-encoded"


def _unquoted(value: str) -> str:
    while len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
        value = value[1:-1]
    return value


def _parts(value: str) -> Iterator[tuple[str, str]]:
    if found := _SCHEME.fullmatch(value):
        yield found[1], "without its scheme"
    for found in _MAIL.finditer(value):
        yield found[1], "the address in it"
    for found in _PAIR.finditer(value):
        yield found[1].strip("'\" "), "a part of it"
    if "://" in value:
        yield from _parts_of_url(value)
    elif ":" in value and "\n" not in value:
        yield base64.b64encode(value.encode("utf-8", "replace")).decode(), "as in basic auth"
        yield value.partition(":")[2], "the password in it"


def _parts_of_url(url: str) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(url)
        password, user = parts.password, parts.username
    except ValueError:  # no URL after all
        return
    if password:
        yield password, "the password in it"
        yield unquote(password), "the password in it"
        both = f"{unquote(user or '')}:{unquote(password)}"
        yield base64.b64encode(both.encode("utf-8", "replace")).decode(), "as in basic auth"
        yield parts.netloc.rpartition("@")[0], "its user and password"
    elif user:
        yield unquote(user), "the user in it"
    for _, text in parse_qsl(parts.query)[:8]:
        yield text, "a parameter in it"
    yield parts.path.rpartition("/")[2], "the end of it"


def _from_base64(value: str) -> str:
    """What a value says, if it is base64 of a printable text."""
    if not _BASE64.fullmatch(value):
        return ""
    padded = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = binascii.a2b_base64(padded + "=" * (-len(padded) % 4), strict_mode=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() else ""
