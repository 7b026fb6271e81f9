"""Other ways in which a value may have been found in a document.

A detector claims what is sensitive: of a connection string its password, of a quoted text what is
between the marks. Whoever looks for a value may have it as a whole, or encoded once more.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlsplit

import msgspec

_PLAIN = re.compile(r"[A-Za-z0-9_-]*")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey|api-key|dsn)\s+(.+)")
_PAIR = re.compile(
    r"(?i)(?:^|[;,\s])[\w .-]{0,64}(?:pass(?:word|wd)?|pwd|secret|token|key)\s{0,9}=\s*([^;]+)"
)
# What begins with another character decodes to no text, or to one that is not printable.
_BASE64 = re.compile(r"[I-Za-fw-z0-9][A-Za-z0-9+/_-]{7,}={0,2}")
# Without any of these, what is not base64 says itself.
_WRITTEN = re.compile(r"[%+\\\n\"'`]|[,;]\Z")
_ARMOUR = re.compile(r"-----(?:BEGIN|END)[A-Z0-9 ]{0,64}-----")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN[A-Z0-9 ]{0,64} KEY-----(?:[^-]|-(?!----))*-----END[A-Z0-9 ]{0,64}-----"
)
_BREAKS = re.compile(r"(?:\\[nrt]|\s)+")
_NAMED = re.compile(r"[\w./:@ -]{1,64}?\s*(?:=|:\s)\s*(\S.*)", re.DOTALL)
_MAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
MOST_ENCODED = 100_000  # values
_SHORTEST = 4  # of a part
_MOST = 24
_DEEPEST = 3  # a value in quotation marks in base64 in a URL


class Spelling(msgspec.Struct, frozen=True, gc=False):
    """A text to look for instead of a value."""

    index: int  # of the value
    text: str
    what: str  # it is of the value; nothing: the value

    def __repr__(self) -> str:
        return f"Spelling({self.index})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # msgspec's shows the text
        return [("index", self.index)]


def spellings(values: Sequence[str]) -> list[Spelling]:
    """All variants of values; very many are not encoded, which would take thrice as long."""
    encode = len(values) <= MOST_ENCODED
    return [
        Spelling(index, text, what)
        for index, value in enumerate(values)
        for text, what in variants(value, encode=encode)
    ]


def variants(value: str, *, encode: bool = True) -> Iterator[tuple[str, str]]:
    """A value and its variants, each once: the text, and what it is of the value (nothing: it)."""
    value = value.strip()
    yield value, ""
    seen = {value}
    for text, what in _others(value, encode):
        text = text.strip()
        if len(text) >= _SHORTEST and text not in seen:
            if len(seen) > _MOST:
                return
            seen.add(text)
            yield text, what


def parts(class_: str, value: str) -> Iterator[str]:
    """What somebody may look for who knows another form of what a detector claimed, or a part."""
    if not class_.startswith("secret."):
        return
    if _PLAIN.fullmatch(value) and not _from_base64(value):
        return
    if class_ == "secret.private_key":
        yield _squeezed(_from_base64(value) or value)
        return
    wholes = [value, *(text for text, _ in _decoded(value))]
    yield from wholes[1:]
    for whole in wholes:
        # What an address seems to be in `user:password@host` is joined with it.
        yield whole.rpartition("@")[0]
        for text, _ in _parts(whole):
            yield text


def _others(value: str, encode: bool) -> Iterator[tuple[str, str]]:
    if not _PLAIN.fullmatch(value) or _from_base64(value):
        wholes = [(value, ""), *_decoded(value)]
        yield from wholes[1:]
        for whole, _ in wholes:
            for part, what in _parts(whole):
                yield part, what
                yield from ((text, what) for text, _ in _decoded(part))
                yield quote(part, safe=""), what
        yield quote(_unquoted(value), safe=""), "URL-encoded"
    if encode:
        yield from _encoded(value)


def _encoded(value: str) -> Iterator[tuple[str, str]]:
    """As `base64` writes it of a text, and of a line."""
    for text in (value, f"{value}\n"):
        yield base64.b64encode(text.encode("utf-8", "replace")).decode(), "base64-encoded"


def _decoded(value: str) -> list[tuple[str, str]]:
    """What the whole of it says in other words, and what that says."""
    if not _WRITTEN.search(value) and not _BASE64.fullmatch(value):
        return []
    found = {value: "", "": ""}
    waiting = [value]
    for _ in range(_DEEPEST):
        before = len(found)
        for each in waiting:
            for text, what in _readings(each):
                found.setdefault(text, what)
        waiting = list(found)[before:]
    return list(found.items())[2:]


def _readings(value: str) -> Iterator[tuple[str, str]]:
    if (inner := _unquoted(value)) != value:
        yield inner, "without quotation marks"
    if value[-1:] in (",", ";"):  # a line of a list
        yield value[:-1].rstrip(), "without the mark behind it"
    if "\\" in value:
        yield _unescaped(value), "unescaped"
    if "%" in value:
        yield unquote(value), "URL-decoded"
    if "+" in value:
        yield unquote_plus(value), "URL-decoded"
    yield _from_base64(value), "base64-decoded"


def _unquoted(value: str) -> str:
    """Without the marks around it, and those around what is left."""
    for _ in range(_DEEPEST):
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
            value = value[1:-1]
    return value


def _unescaped(value: str) -> str:
    """As JSON has it, else what is escaped everywhere."""
    try:
        return str(json.loads(f'"{value}"', strict=False))
    except ValueError:
        return value.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def _squeezed(text: str) -> str:
    """A key without its lines `BEGIN` and `END`, and however its lines are broken."""
    return _BREAKS.sub("", _ARMOUR.sub("", text))


def _parts(value: str) -> Iterator[tuple[str, str]]:
    for key in _PRIVATE_KEY.finditer(value):
        yield _squeezed(key[0]), "the key in it"
    if "\n" in value or "\\n" in value:
        yield _squeezed(value), "without line breaks"
    if found := _SCHEME.fullmatch(value):
        yield found[1], "without its scheme"
    if found := _NAMED.fullmatch(value):
        yield found[1], "behind its name"
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
    """What a value says, if it is base64 of a text that can be read, however it is broken."""
    if "\n" in value:
        value = "".join(value.split())
    if not _BASE64.fullmatch(value):
        return ""
    padded = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = binascii.a2b_base64(padded + "=" * (-len(padded) % 4), strict_mode=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() or "".join(text.split()).isprintable() else ""
