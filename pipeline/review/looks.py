"""What a value looks like that nobody judged to be sensitive. Sharper eyes than the policy's.

The policy must not take away what is harmless, so it asks for a checksum, a key or a vendor's
prefix. A review may ask people: what looks like something is worth a look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["token", "email", "digits", "name", "id", "prose"]

_MOST = 20_000  # characters of a value that are looked at
_LITTLE_ELSE = 0.75

# Words that may be tokens: no path, no dotted name, no placeholder of a format.
_WORD = re.compile(r"(?<![\w./@:\\%-])[A-Za-z0-9][A-Za-z0-9_+/=~-]{18,}(?![\w./\\(@-])")
_EMAIL = re.compile(
    r"(?<![\w/@.+-])(?!git@)[A-Za-z0-9][\w.+-]{1,63}(?:@|%40|＠|\(at\)|\[at\])"
    r"(?![0-9a-f]{5,16}\b)[A-Za-z][\w-]{1,62}(?:\.[\w-]{1,62})*(?![\w(])"
)
_DIGITS = re.compile(r"(?<![\w.,/:+-])\+?[0-9](?:[ -]?\(?[0-9]\)?){8,18}(?![\w.:/]|-[0-9])")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:[0-2][0-9]|3[01])")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
_PERSON = re.compile(r"[^\W\d_a-z][^\W\d_]+(?:[ '’.-]{1,2}[^\W\d_]+){1,3}")
_ID = re.compile(
    r"#?(?:[A-Za-z]{1,12}[-_:.#]?)?[0-9]{4,15}(?:[-_][A-Za-z0-9]{1,8})?|[A-Z0-9-]{6,24}"
)
_TIMES = (10, 13, 16, 19)  # digits of a Unix time in seconds and in smaller units
_LEAST_DIGITS = 12  # of a run that is not grouped


@dataclass(frozen=True, slots=True)
class Look:
    """What a value looks like, and whether it is little else."""

    kind: Kind
    whole: bool


def looks_of(text: str) -> set[Look]:
    """What a text looks like; what was replaced in it must have been cut out before."""
    text = _bare(text[:_MOST])
    size = sum(map(str.isalnum, text))
    if not size:
        return set()
    found: set[Look] = set()
    parts: dict[Kind, list[str]] = {
        "token": _tokens(text),
        "email": _emails(text),
        "digits": _runs(text),
    }
    for kind, spans in parts.items():
        covered = sum(sum(map(str.isalnum, span)) for span in spans)
        if covered:
            found.add(Look(kind, covered >= _LITTLE_ELSE * size))
    return found | _whole(text)


def number_looks(value: float) -> set[Look]:
    """The same for a number."""
    text = str(value)
    if isinstance(value, float) or _is_time(text):
        return set()
    looks = {Look("digits", whole=True)} if len(text) > _LEAST_DIGITS else set()
    return looks | ({Look("id", whole=True)} if len(text) > 4 else set())


def _bare(text: str) -> str:
    """A value without the quotes of a repr."""
    text = text.strip()
    if len(text) > 2 and text[0] in "bur" and text[1] in "'\"":
        text = text[1:]
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _tokens(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if _is_token(word)]


def _is_token(word: str) -> bool:
    """Mixed as no word, name, path, id or digest is."""
    if _UUID.fullmatch(word) or _HEX.fullmatch(word.replace("-", "")):
        return False
    digits = sum(map(str.isdigit, word))
    return 2 <= digits <= 0.8 * len(word) and changes(word) > 0.27 * len(word)


def changes(word: str) -> int:
    """How often a word begins anew: a capital behind a small letter, digits beside letters.

    Names are made of parts of one kind (`ShopWorker`, `x86_64`); in what is random kinds change.
    """
    return sum(
        (one.islower() and two.isupper())
        or (one.isdigit() and two.isalpha())
        or (one.isalpha() and two.isdigit())
        for one, two in pairwise(word)
    )


def _emails(text: str) -> list[str]:
    return [found[0] for found in _EMAIL.finditer(text)]


def _runs(text: str) -> list[str]:
    runs = []
    for found in _DIGITS.finditer(text):
        run = found[0]
        plain = "".join(char for char in run if char.isdigit())
        grouped = len(run) > len(plain)
        harmless = _DATE.match(run) or len(set(plain)) < 3 or (not grouped and _is_time(plain))
        if not harmless and (grouped or len(plain) >= _LEAST_DIGITS):
            runs.append(run)
    return runs


def _is_time(digits: str) -> bool:
    return len(digits) in _TIMES and digits[0] == "1" and digits[1] in "3456789"


def _whole(text: str) -> set[Look]:
    """What a text looks like as a whole: a person's name, an id, a sentence."""
    if len(text) <= 80 and _PERSON.fullmatch(text):
        return {Look("name", whole=True)}
    if len(text) <= 40 and _ID.fullmatch(text) and len({c for c in text if c.isdigit()}) > 1:
        harmless = _UUID.fullmatch(text) or _DATE.match(text) or _is_time(text)
        return set() if harmless else {Look("id", whole=True)}
    words = [word for word in text.split() if word.isalpha()]
    return {Look("prose", whole=True)} if len(words) >= 4 else set()
