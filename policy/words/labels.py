"""Labels of forms in a text: `First name: Jane`, `Adresse: Musterweg 3, 10115 Berlin`. In bytes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from ..findings import Span
from ..named import GIVEN_WITH, LOGINS, NO_PEOPLE
from .innocence import is_innocent
from .values import (
    BY_SHAPE,
    NAME_BEGINS,
    Value,
    class_of,
    compile_bytes,
    looks_made_up,
    looks_random,
    read_value,
    reads_as_value,
    text_of,
)

# In small letters of two words only: `sort by last name: asc` is a sentence.
_LABEL = compile_bytes(
    rb"(?:^|[\r\n,;|({\[\]>\"'*-]|\xef\xbc[\x8c\x9b]|: )[ \t]{0,8}"
    rb"([A-Z\x80-\xff][A-Za-z\x80-\xff]{1,40}(?:(?:'|\xe2\x80\x99)s)?"
    rb"(?:\.? [A-Za-z\x80-\xff]{2,40}){0,3}"
    rb"|[a-z]{2,20}(?: [a-z]{2,20})?)"
    rb"(?: \([A-Za-z/.\- ]{1,24}\))?(?:\*\*)? ?(:|\xef\xbc\x9a|= )(?:\*\*)?[ \t]{0,8}[\"']?"
)
# A full stop ends a word of it: within one it is the name of a class.
_NAME = rb"(?:(?:[A-Z]\.){1,4}|" + NAME_BEGINS + rb"(?:['\-]?[A-Za-z\x80-\xff]){0,40}-?\.?)"
_BEFORE = rb"(?:(?:[Vv][ao]n|de[rnl]?|d[aiu]|dos|la|[lt]e|te[rn]|bin|zur?|y|e) ){0,2}"
# What a form holds there, and nothing behind it: a sentence goes on.
_ENTERED = {
    "pii.name": re.compile(_BEFORE + _NAME + rb"(?: " + _BEFORE + _NAME + rb"){0,3}"),
    "pii.username": re.compile(rb"[A-Za-z0-9_.@\-]{2,60}"),
    "pii.phone": re.compile(rb"[+(]?[0-9](?:[ ()./\-]{0,2}[0-9]){6,14}"),
    "financial.cvv": re.compile(rb"[0-9]{3,4}"),
    "financial.bank_account": re.compile(rb"[0-9](?:[ -]?[0-9]){5,20}"),
    "secret.otp": re.compile(rb"[0-9]{4,8}"),
    "pii.dob": re.compile(rb"[0-9]{1,4}[./\-][0-9]{1,2}[./\-][0-9]{1,4}"),
    # As written on letters: it begins with a number or a capital, and has a number that is a word.
    "pii.address": re.compile(
        rb"(?=[0-9]{1,5}[A-Za-z]? |[a-z]{0,8}\.? ?[A-Z\x80-\xff])"
        rb"(?=[^\r\n]{0,80}(?<![0-9A-Za-z.:_])[0-9]{1,5}[A-Za-z]?(?![0-9A-Za-z.:_]))"
        rb"(?=[^\r\n]{0,80}[A-Z\x80-\xff][A-Za-z\x80-\xff]{2})"
        rb"(?:(?!, ?[A-Za-z\x80-\xff ]{2,30}[:=]| [^\s]{2,40}?\xef\xbc\x9a)"
        rb"[^\r\n|;<>{}()\[\]\"'\\=]){5,120}+"
    ),
}
# What stands behind these is a name and an address; as keys they are of objects.
ONLY_LABELS = {
    **dict.fromkeys(("ship to", "deliver to", "delivery to", "bill to", "sold to"), "pii.address"),
    "emergency contact": "pii.name",
}
_ONLY_LABELS = {label.encode(): class_ for label, class_ in ONLY_LABELS.items()}
# Of others, what is behind one word is a pair's value (words.py).
_BEHIND_ONE_WORD = ("pii.name", "pii.address", "pii.phone", "pii.dob")
_IN_SENTENCES = ("pii.phone", "pii.dob")  # digits, wherever the sentence goes on
_OF_PEOPLE = ("pii.name", "pii.email", "pii.phone", "pii.dob", "pii.address", "pii.passport")
_OF_SOMEBODY = ("pii.national_id", "financial.iban", "financial.card", *_OF_PEOPLE)
# How messages begin about what was entered.
_NO_NAME = re.compile(rb"(?:Must|Cannot|Enter|Please|This|Is|Not|Should|Required|Invalid) ")
_NOTHING_BEHIND = re.compile(
    rb"\.?[ \t]*+(?:[\r\n,;|()}\]<\"']|\\[nr]"
    rb"|(?<= )[^\s]{2,40}?\xef\xbc\x9a|(?<= )[A-Za-z_.]{2,40}=[^=]"
    rb"|\xef\xbc[\x8c\x9b]|\xe3\x80[\x81\x82]|\Z)"
)


def find_labelled(data: bytes) -> Iterator[Span]:
    """Find what stands behind a label that begins a line or an item of a list."""
    at = 0
    while (match := _LABEL.search(data, at)) is not None:
        at = match.end(1)  # a label may follow a label: `order 17: address: …`
        label = match.group(1)
        class_ = _ONLY_LABELS.get(label.lower()) or class_of(label.replace(b".", b""))
        if class_ is None or (b" " not in label and class_ not in _BEHIND_ONE_WORD):
            continue
        if match.group(2) == b"= " and label[:1].islower():
            continue  # an assignment in code
        if data[match.start() : match.start() + 1] == b":" and class_ != "pii.address":
            continue  # `sort by: last name: Asc`
        entered = _ENTERED.get(class_)
        value = entered.match(data, match.end()) if entered is not None else None
        if value is None or _NO_NAME.match(data, value.start()) is not None:
            continue
        if class_ not in _IN_SENTENCES and _NOTHING_BEHIND.match(data, value.end()) is None:
            continue
        if not is_innocent(text_of(value.group()), class_):
            yield Span(value.start(), value.end(), class_, "words.label")


# Maps of Clojure, and messages: `{:user/last-name "Roe" :tries 3}`, `no one with last name "Roe"`.
_KEYWORD = compile_bytes(
    rb"""(?:^|[\s{(,]):(?:[A-Za-z][\w.\-]{0,60}/)?([A-Za-z][\w\-]{0,60}) \\{0,3}\""""
)
_SAID = compile_bytes(
    rb"(?:^|[\s(,;:])([A-Za-z][A-Za-z\x80-\xff]{2,20}(?: [a-z\x80-\xff]{2,12}){1,3}) \\{0,3}[\"'`]"
)


# The quotes of print: `password “x”`, `Vorname: „Jane“`.
_IN_PRINT = compile_bytes(
    rb"(?:^|[^A-Za-z\x80-\xff])([A-Za-z][A-Za-z_\x80-\xff]{1,40}(?: [a-z\x80-\xff]{2,12}){0,3})"
    rb" ?([:=]?) ?(?:\xe2\x80[\x9c\x9e]|\xc2\xab ?|\xe3\x80\x8c)"
    rb"([^\xc2\xe2\xe3\r\n][^\r\n]{0,200}?)"
    rb"(?: ?\xc2\xbb|\xe2\x80[\x9c\x9d]|\xe3\x80\x8d)"
)
QUOTES_IN_PRINT = (b"\xe2\x80\x9c", b"\xe2\x80\x9e", b"\xc2\xab", b"\xe3\x80\x8c")


def find_printed(data: bytes) -> Iterator[Span]:
    """Find what stands in quotes as they are printed behind a name."""
    if not any(quote in data for quote in QUOTES_IN_PRINT):
        return
    for match in _IN_PRINT.finditer(data):
        class_ = class_of(match.group(1))
        if class_ is None or class_ in BY_SHAPE or class_of(match.group(3)) is not None:
            continue
        value = Value(match.start(3), match.end(3), True, ": ")
        text = match.group(3)
        said = class_.startswith("secret.") and (
            b" " in text or not (match.group(2) or looks_random(text_of(text)))
        )  # `password “strength”`
        if not said and reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.quoted")


def find_quoted(data: bytes) -> Iterator[Span]:
    """Find what stands in quotes behind a name and a space."""
    quoted = b' "' in data or b" '" in data or b" \\" in data or b" `" in data
    for pattern in (_KEYWORD, _SAID) if quoted else ():
        at = 0
        while (match := pattern.search(data, at)) is not None:
            at = match.end(1)
            class_ = class_of(match.group(1))
            if class_ is None or class_ in BY_SHAPE:
                continue
            if pattern is _SAID and not class_.startswith(_OF_PEOPLE):
                continue  # what is said of secrets: phrases.py
            value = read_value(data, at + 1, ": ", class_)
            text = data[value.start : value.end]
            if not value.quoted or not reads_as_value(data, value, class_) or class_of(text):
                continue
            if class_ == "pii.name" and _ENTERED[class_].fullmatch(text) is None:
                continue
            yield Span(value.start, value.end, class_, "words.quoted")


# A name alone may be of anything, so something else of a person must stand near it.
_ALONE = compile_bytes(
    rb"(?:^|[\s,;|({\[>\"'*:@])(?:(?:display_?)?[Nn]ame|NAME|[Hh]older|[Nn]om(?:bre|e)?|[Nn]aa?m[na]?|[Nn]avn|[Nn]ume"
    rb"|[Nn]\xc3\xa9v|%b)(?:[\"']?(?:\*\*)? ?(?:=>|[:=]|\xef\xbc\x9a)(?:\*\*)? ?[\"']?| \")"
    % "Ονοματεπώνυμο".encode()
)
# `key: x1, secret: y2`: of what is one of a pair the other one says what it is.
_KEY_ALONE = compile_bytes(
    rb"(?:^|[\s,;|({\[>\"'*])(?:[Kk]ey|KEY)[\"']?(?: ?=> ?| ?= ?| ?: ?)[bu]?[\"']?"
    rb"([A-Za-z0-9]{16,64})(?:[\s,;|)}\]\"']|$)"
)
_OF_A_PAIR = 120
_NEAR = 200
_BESIDE = 60  # from the other part of a name: then this part may be one word


def keys_beside(data: bytes, found: Sequence[Span]) -> Iterator[Span]:
    """Find the keys that stand beside a secret: `agora key='x1' - secret='y2'`."""
    secrets = sorted(s.start for s in found if s.class_ in ("secret.token", "secret.api_key"))
    for match in _KEY_ALONE.finditer(data) if secrets else ():
        start, end = match.span(1)
        following = bisect_left(secrets, start - _OF_A_PAIR)
        if following == len(secrets) or secrets[following] > end + _OF_A_PAIR:
            continue
        text = text_of(match.group(1))
        if looks_made_up(text) and not is_innocent(text, "secret.api_key"):
            yield Span(start, end, "secret.api_key", "words.label")


_USER_ALONE = compile_bytes(
    rb"(?:^|[\s,;|&?({\[<>\"'*:@-])(?i:"
    + b"|".join(each.encode() for each in LOGINS)
    + b"|gebruiker)"
    rb"(?:\\{0,3}[\"']?(?:\*\*)? ?(?:=>|->|[:=])(?:\*\*)? ?)"
    rb"(?:[bu]?\\{0,3}[\"'])?([\w\x80-\xff][\w\x80-\xff.@+\\-]{1,63})"
    rb"(?:[\s,;|&)}\]<>\"'*]|\\[nrt\"']|$)"
)
_OF_A_LOGIN = 40


def accounts_beside(data: bytes, found: Sequence[Span]) -> Iterator[Span]:
    """Find who is beside a password: `user=jroe password=x1`."""
    given = [span for span in found if span.class_ in GIVEN_WITH]
    starts = sorted(span.start for span in given)
    ends = sorted(span.end for span in given)
    for match in _USER_ALONE.finditer(data) if given else ():
        start, end = match.span(1)
        behind = bisect_left(starts, end)
        before = bisect_left(ends, start) - 1
        if (behind == len(starts) or starts[behind] > end + _OF_A_LOGIN) and (
            before < 0 or ends[before] < start - _OF_A_LOGIN
        ):
            continue
        text = text_of(match.group(1))
        if class_of(match.group(1)) is None and not is_innocent(text, "pii.username"):
            yield Span(start, end, "pii.username", "words.label")


def names_beside(data: bytes, found: Sequence[Span]) -> Iterator[Span]:
    """Find the names that `Name: …` announces beside what was found of a person."""
    of_people = [s for s in found if s.class_.startswith(_OF_SOMEBODY)]
    people = sorted(span.start for span in of_people)
    names = sorted(span.start for span in of_people if span.class_ == "pii.name")
    for match in _ALONE.finditer(data) if people else ():
        value = _ENTERED["pii.name"].match(data, match.end())
        if value is None or _NO_NAME.match(data, value.start()) is not None:
            continue
        if _NOTHING_BEHIND.match(data, value.end()) is None:
            continue
        if not NO_PEOPLE.isdisjoint(text_of(value.group()).casefold().split()):
            continue
        starts, reach = (people, _NEAR) if b" " in value.group() else (names, _BESIDE)
        following = bisect_left(starts, value.start() - reach)
        if following == len(starts) or starts[following] > value.end() + reach:
            continue
        if class_of(value.group()) is None and not is_innocent(text_of(value.group()), "pii.name"):
            yield Span(value.start(), value.end(), "pii.name", "words.label")
