"""What may be kept of a name that stands in a document: only what has the form of such a name.

Whoever sends documents can write anything where a name is expected. So each kind of name has a
form, and a word in it that could be a token, an id or a number of a person becomes `*`: what is
left says which file or host it was, and is the same for all that differ in such a word alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Literal, get_args

from ...policy.generalisation import Generaliser
from ...policy.linear import compile_linear
from ...policy.placeholders import find, labels

Kind = Literal[
    "package",  # a library, with its version
    "platform",  # a language or an operating system, with its version
    "release",  # the program itself, with its version
    "file",  # a source file, with the numbers of its lines that were shown
    "host",  # a machine of one's own
    "route",  # a URL's path, as the program declares it, with its method
    "sql",  # a statement without its literals, with the kind of database
    "exception",  # the type of an exception, with where it was raised
]
KINDS: tuple[Kind, ...] = get_args(Kind)

# In place of a name that has not the form of one.
OTHER = "other"
STAR = "*"
_LONGEST = 240
_LONGEST_READ = 1000  # characters; of a path, what stands before and behind the name goes
_REMEMBERED = 8192  # texts of a kind, with what became of them

_FORMS = {
    "package": compile_linear(r"@?[A-Za-z0-9_][A-Za-z0-9_.+~:/-]*"),
    "version": compile_linear(r"[A-Za-z]{0,12}[0-9][A-Za-z0-9_.+~!:-]*"),
    "file": compile_linear(r"(?:<frozen )?[A-Za-z0-9_<\[(@~./\\][A-Za-z0-9_.+~:@$/\\<>()\[\]-]*"),
    "host": compile_linear(r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
    "route": compile_linear(r"/[A-Za-z0-9_.~:/<>{}()\[\]*-]*"),
    "exception": compile_linear(r"[A-Za-z_$][A-Za-z0-9_.$:/\\<>,`\[\]-]*"),
}
_SYSTEM = compile_linear(r"[a-z][a-z0-9_]*")
_METHOD = compile_linear(r"[A-Z]{3,8}")
_WORDS = re.compile(r"[A-Za-z0-9]+")
_ADDRESS = re.compile(r"(?<![0-9])([0-9]{1,3}(\.|-)(?:[0-9]{1,3}\2){2})[0-9]{1,3}(?![0-9])")
# Four numbers that are a version: those of addresses are larger.
_FOUR_NUMBERS = re.compile(r"v?[0-9]{1,2}(?:\.[0-9]{1,2}){3}(?![0-9])")
_MAIL = re.compile(r"[A-Za-z0-9_.+-]++@[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*\.")
_HEX = re.compile(r"(?=[0-9]*+[a-f])(?=[a-f]*+[0-9])[0-9a-f]{7,}+")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_INNER_DIGITS = re.compile(r"[0-9](?=[A-Za-z])")
# How long its pieces must be on average, by the length of a word; `i18n` has short ones.
_PIECE_LENGTHS = ((8, 1.6), (16, 2.5), (64, 3.5))
_SHORT = 5
_DIGITS, _DIGITS_OF_VERSION = 4, 8
_MOST_LETTERS = 24  # of one piece
_CAPITALS = 5  # of one piece in a word that has digits within
_VOWELS = re.compile(r"[AEIOUYaeiouy]")
_URL = compile_linear(r"(?i)[a-z][a-z0-9+.-]{1,20}://[^/?#\\\s]*")
_LABELS = labels()
_HOMES = Generaliser(v4=None, v6=None, emails=False, paths=True)
# The last labels of names that nobody else can look up (RFC 6761, 6762, 8375, 9476; ICANN 2024).
_PRIVATE = frozenset(
    {
        "internal", "local", "lan", "home", "corp", "intra", "intranet", "private", "localdomain",
        "svc", "consul", "test", "home.arpa", "cluster.local",
    }
)  # fmt: skip
# RFC 1918, RFC 6598, link-local.
_PRIVATE_ADDRESS = re.compile(
    r"(?:10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.)"
)


def is_removed(text: str) -> bool:
    """Whether nothing of a value is left: the mark of a class stands in its place."""
    if not text.startswith("["):
        return False
    return any(each.end - each.start == len(text) for each in find(text[:_LONGEST_READ], _LABELS))


def plain(word: str, digits: int = _DIGITS) -> bool:
    """Whether letters and digits are a word of a program's text rather than a token.

    Words of programs have few digits, in few places, and letters in pieces of some length that
    have vowels; in tokens the kind of character changes all the time.
    """
    if word.isdigit():
        return len(word) <= digits
    if len(word) <= 2 or _HEX.fullmatch(word):
        return len(word) <= 2
    pieces = _PIECES.findall(word)
    within = len(_INNER_DIGITS.findall(word))
    if within > 1 or len(word) > 64:
        return False
    if len(pieces) > 3 or len(word) > _SHORT:
        shortest = next(ratio for up_to, ratio in _PIECE_LENGTHS if len(word) <= up_to)
        if len(pieces) > 2 and len(word) < shortest * len(pieces):
            return False
    return all(_is_readable(piece, digits, within) for piece in pieces)


def _is_readable(piece: str, digits: int, within: int) -> bool:
    length = len(piece)
    if piece.isdigit():
        return length <= digits
    if length < 6:
        return True
    if length > _MOST_LETTERS or (within and length > _CAPITALS and piece.isupper()):
        return False
    vowels = len(_VOWELS.findall(piece))
    return vowels * 10 >= length * (3 if length > 12 else 1)


def starred(text: str, digits: int = _DIGITS) -> str:
    """The text with `*` in place of each word that is none, and of an address's last part."""
    text = _MAIL.sub(f"{STAR}@{STAR}.", _ADDRESS.sub(r"\1*", text))
    return _WORDS.sub(lambda found: found[0] if plain(found[0], digits) else STAR, text)


def _formed(form: str, text: str, digits: int = _DIGITS) -> str:
    """The starred text, if it has that form and something of it is left; else OTHER."""
    if len(text) > _LONGEST or not text.isascii() or not _FORMS[form].fullmatch(text):
        return OTHER
    found = starred(text, digits)
    return found if _WORDS.search(found) else OTHER


def _remembered(function: Callable[[str], str]) -> Callable[[str], str]:
    """Asked once for each text, as long as it is not too many or too long."""
    cached = lru_cache(maxsize=_REMEMBERED)(function)

    @wraps(function)
    def bounded(text: str) -> str:
        return cached(text) if len(text) <= _LONGEST_READ else OTHER

    return bounded


@_remembered
def package(text: str) -> str:
    """`requests`, `@sentry/browser`, `pypi:sentry-sdk`, `io.netty:netty-codec`."""
    return _formed("package", text)


@_remembered
def version(text: str) -> str:
    """`2.31.0`, `v0.0.0-*`; empty where it says nothing."""
    text = text.strip()
    four = _FOUR_NUMBERS.match(text)
    kept, rest = (four[0], text[four.end() :]) if four is not None else ("", text)
    found = _formed("version", rest, _DIGITS_OF_VERSION) if rest else ""
    return kept if found == OTHER else f"{kept}{found}"


@_remembered
def file(text: str) -> str:
    """A path without the owner of a home folder; of a URL what stands behind the host."""
    url = _URL.match(text)
    if url is not None:
        text = text[url.end() :]
    text = text.partition("?")[0].partition("#")[0]
    for start, end, _ in reversed(list(_HOMES.spans(text))):
        text = f"{text[:start]}~{text[end:]}"
    return _formed("file", text)


@_remembered
def host(text: str) -> str:
    """A name of a machine, without what numbers it; an address without its last part."""
    return _formed("host", text.rstrip(".").lower())


@_remembered
def internal(text: str) -> str:
    """The same, of a name or an address that means something within a network only; else empty."""
    name = text.rstrip(".").lower()
    if name in ("localhost", ""):
        return ""
    labels = name.split(".")
    private = len(labels) == 1 or labels[-1] in _PRIVATE or ".".join(labels[-2:]) in _PRIVATE
    if labels[-1].isdigit():
        private = _PRIVATE_ADDRESS.match(name) is not None
    return host(name) if private else ""


@_remembered
def route(text: str) -> str:
    """A path as a program declares it: `/users/{id}`."""
    return _formed("route", text.partition("?")[0])


def system(text: str) -> str:
    """A kind of database, such as `postgresql`; empty when it is none."""
    return text if len(text) <= 32 and _SYSTEM.fullmatch(text) and plain(text) else ""


def method(text: str) -> str:
    """`GET`; empty when it is none."""
    return text if len(text) <= 8 and _METHOD.fullmatch(text) else ""


@_remembered
def exception(text: str) -> str:
    """`ValueError`, `sqlalchemy.exc.OperationalError`, `errors.errorString`."""
    return _formed("exception", text.lstrip("*"))
