"""What a key says about its value. When the value says otherwise: `innocence`.

A key is read as words, whatever the naming style: `refreshToken`, `REFRESH_TOKEN` and
`x-refresh-token` are the same three times. In English compounds the last word names the thing: a
`token_count` is a count, a `password_policy` a policy. So the vocabulary (`catalogue/keys.toml`) is
compared with the *end* of the key, after words that only say which of several it is (`new`, `2`,
`value`). A term may be written in one (`apikey`) or apart where its parts meet (`api_key`).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources

from .linear import compile_linear

# Longer keys are free text that somebody used as a key.
MAX_KEY = 200
_MOST_WORDS = 5  # of one term

_VOCABULARY = tomllib.loads(
    (resources.files(__package__) / "catalogue" / "keys.toml").read_text(encoding="utf-8")
)
TERMS: dict[str, str] = {
    term: class_ for class_, terms in _VOCABULARY["terms"].items() for term in terms.split()
}
SERVICES = tuple(_VOCABULARY["words"]["services"].split())
TERMS |= {f"{service}key": "secret.api_key" for service in SERVICES}
GLUED: dict[str, str] = _VOCABULARY["glued"]
_GLUED = tuple(GLUED)
OTHER_THINGS = {term: frozenset(v.split()) for term, v in _VOCABULARY["other_things"].items()}
QUALIFIERS = frozenset(_VOCABULARY["words"]["qualifiers"].split())
QUESTIONS = frozenset(_VOCABULARY["words"]["questions"].split())
EMPTY_WORDS = frozenset(_VOCABULARY["words"]["empty"].split())

_PARTS = frozenset((*_VOCABULARY["words"]["parts"].split(), *SERVICES))

_LOWER_UPPER = compile_linear(r"([\p{Ll}0-9])(\p{Lu})")
_ACRONYM = compile_linear(r"(\p{Lu}+)(\p{Lu}\p{Ll})")
_WORD = compile_linear(r"\p{N}+|[\p{L}\p{M}]+")
_IN_ONE = compile_linear(r"[\p{N}\p{L}\p{M}]+")
# The same in ASCII, as nearly all keys are. Goes back by one letter at most.
_ASCII_WORD = re.compile(r"[0-9]+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words_of(key: str) -> tuple[str, ...]:
    """Split a key of any naming style into lower-case words; digits stand alone."""
    if key.isascii():
        return tuple(map(str.lower, _ASCII_WORD.findall(key)))
    return tuple(word for word, _ in _split(key))


# What may stand between the parts of a term: with anything else there they are words of their own.
SEPARATORS = ("_", "-", ".", " ", "__")


def _split(key: str) -> list[tuple[str, str]]:
    """The words of a key, each with what stands between it and the word before."""
    words: list[tuple[str, str]] = []
    at = 0
    if key.isascii():
        for word in _ASCII_WORD.finditer(key):
            words.append((word[0].lower(), key[at : word.start()]))
            at = word.end()
        return words
    # Full-width letters are letters, lone surrogates are none.
    key = unicodedata.normalize("NFKC", key.encode("utf-8", "replace").decode("utf-8"))
    for piece in _IN_ONE.finditer(key):
        parts = _WORD.findall(_ACRONYM.sub(r"\1_\2", _LOWER_UPPER.sub(r"\1_\2", piece[0])))
        words.append((parts[0].casefold(), key[at : piece.start()]))
        words += [(part.casefold(), "") for part in parts[1:]]
        at = piece.end()
    return words


@cache
def joints(term: str) -> frozenset[int]:
    """Where the parts of a term meet: there it may be written apart. Digits always stand apart."""
    size = len(term)
    from_start, to_end = {0}, {size}
    for at in range(1, size + 1):
        if any(start in from_start and term[start:at] in _PARTS for start in range(at)):
            from_start.add(at)
    for at in range(size - 1, -1, -1):
        if any(end in to_end and term[at:end] in _PARTS for end in range(at + 1, size + 1)):
            to_end.add(at)
    inner = from_start & to_end if size in from_start else set()
    digits = {i for i in range(1, size) if term[i - 1].isdigit() != term[i].isdigit()}
    return frozenset((inner | digits) - {0, size})


def classify_key(key: str) -> str | None:
    """Return the class that a key names for its value, or None.

    Looks at the key only: whether the value is worth hiding is for `is_innocent`.
    """
    return _classified(key) if key and len(key) <= MAX_KEY else None  # no longer ones are kept


@lru_cache(maxsize=8192)
def _classified(key: str) -> str | None:
    words = _split(key)
    if not words or (len(words) > 1 and words[0][0] in QUESTIONS):
        return None
    while words:
        found = _match_tail(words)
        if found is not None:
            return found
        last = words[-1][0]
        if len(words) > 1 and (last in QUALIFIERS or last.isdigit()):
            words = words[:-1]
            continue
        return None
    return None


def _match_tail(words: list[tuple[str, str]]) -> str | None:
    for length in range(min(_MOST_WORDS, len(words)), 0, -1):
        taken = words[-length:]
        if length > 1 and any(len(w) == 1 and w.isalpha() for w, _ in taken):
            continue  # `f.name` is no `fname`
        tail = "".join(w for w, _ in taken)
        before = words[-length - 1][0] if len(words) > length else ""
        for term in (tail, tail.removesuffix("s")):
            class_ = TERMS.get(term)
            if class_ is not None and _is_apart_at_joints(taken, term):
                return None if _is_another_thing(before, tail, term) else class_
    last = words[-1][0].removesuffix("s")
    if last.endswith(_GLUED):  # in one go: most keys end in none of them
        for end, class_ in GLUED.items():
            if last.endswith(end) and len(last) > len(end):
                return class_
    return None


def _is_apart_at_joints(words: list[tuple[str, str]], term: str) -> bool:
    """Whether words that make up a term stand apart only where its parts meet."""
    at = 0
    for number, (word, between) in enumerate(words):
        if number and between and (between not in SEPARATORS or at not in joints(term)):
            return False
        at += len(word)
    return True


def _is_another_thing(before: str, tail: str, term: str) -> bool:
    if not before:
        return False
    return before in OTHER_THINGS.get(tail, ()) or before in OTHER_THINGS.get(term, ())
