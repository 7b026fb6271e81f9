"""Logins that are told by their places: records and procedures print values only. Offsets in bytes.

LoginForm(jane.roe,Wint3rfell!,false)             Scala; Kotlin's and Java's `toString` by hand
SignIn(jane@shop.example, wintertime, Some(1))
CALL create_user('jroe', 'Wint3rfell!', 3)        procedures and functions that make accounts
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Span
from ..keys import classify_key
from .innocence import is_innocent
from .values import compile_bytes, looks_made_up, text_of

# The ends of names of records that hold what somebody logs in with, and of what they are besides.
RECORDS = (
    r"(?:Log[Ii]n|Sign(?:In|in|Up|up|On|on)|Credentials?|Registration|Authenticate|BasicAuth"
    r"|UsernamePassword|(?:New|Create|Add|Register)(?:User|Account)|(?:User|Account)Create"
    r"|(?:Change|Reset|Set)Password)"
    r"(?:User|Form|Request|Req|Dto|DTO|Data|Command|Cmd|Info|Input|Payload|Params|Model|Body|Attempt)?"
)
# What procedures do with accounts.
PROCEDURES = (
    r"(?:(?:add|create|new|insert|register|update|set|change|reset|verify|check)[a-z_]{0,20}"
    r"(?:user|account|member|login|password|credential|customer)|log_?in|sign_?(?:in|up)"
    r"|authenticate)[a-z0-9_]{0,20}"
)
_RECORD = compile_bytes(
    rb"(?:^|[^A-Za-z0-9_])(?:[A-Z][A-Za-z0-9]{0,40})??" + RECORDS.encode() + rb"\("
)
_PROCEDURE = compile_bytes(
    rb"(?i)\b(?:call|exec(?:ute)?|select|perform|from)\s+(?:[\w\"\[\]`]{1,60}\.)?[\"\[`]?"
    rb"(?:[a-z0-9]{1,12}_)?" + PROCEDURES.encode() + rb"[\"\]`]?\s?\("
)
# Up to the bracket that closes them. They cannot go back.
_VALUES = re.compile(rb"((?:[^()=\"'\r\n\[\]{}<>]++|\[[a-z_.]{2,40}\]|\([^()\"'\r\n]*+\))*+)\)")
_STRINGS = re.compile(rb"((?:N?'(?:[^'\\\r\n]++|''|\\.)*+'|[^'\"()\r\n;])*+)\)")
_MOST = 600  # bytes of them
# The arguments: what is in brackets belongs to them.
_BARE = re.compile(rb"(?:[^,()]++|\([^()]*+\))++")
_STRING = re.compile(rb"N?'((?:[^'\\\r\n]|''|\\.)*+)'")
_ADDRESS = re.compile(rb"[\w.+\-]{1,64}@[\w.\-]{1,200}\.[A-Za-z]{2,24}")
_ACCOUNT = re.compile(rb"(?=.{3})[A-Za-z][A-Za-z0-9]{0,30}(?:[._-][A-Za-z0-9]{1,30}){0,2}")
_WORD = re.compile(rb"[^\W\d_]{6,40}")
_IDENTIFIER = re.compile(r"[a-z]+[0-9]+(?:[A-Z][a-z]+)+|(?:[A-Z]?[a-z]+)+[0-9](?:[A-Z][a-z]+)+")
_SIGNS = frozenset("!#$%&*?+^~@§€")
_SHORTEST, _LONGEST = 6, 100


def find_by_place(data: bytes) -> Iterator[Span]:
    """Find the password of a login, and before it whose it is."""
    for match in _RECORD.finditer(data) if b"(" in data else ():
        values = _VALUES.match(data, match.end(), match.end() + _MOST)
        if values is not None:
            yield from _of_login(data, list(_bare(data, *values.span(1))))
    for match in _PROCEDURE.finditer(data) if b"'" in data else ():
        values = _STRINGS.match(data, match.end(), match.end() + _MOST)
        if values is not None:
            found = _STRING.finditer(data, *values.span(1))
            yield from _of_login(data, [literal.span(1) for literal in found])


def _bare(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _BARE.finditer(data, start, end):
        text = match[0]
        at = match.start() + len(text) - len(text.lstrip())
        yield at, at + len(text.strip())


def _of_login(data: bytes, places: list[tuple[int, int]]) -> Iterator[Span]:
    for number, (start, end) in enumerate(places):
        value = data[start:end]
        text = text_of(value)
        behind_address = number == 1 and _ADDRESS.fullmatch(data[slice(*places[0])]) is not None
        if not (is_chosen(text) or (behind_address and _WORD.fullmatch(value))):
            continue
        if is_innocent(text, "secret.password") or classify_key(text) is not None:
            continue
        yield Span(start, end, "secret.password", "words.place")
        if number and is_an_account(data[slice(*places[0])]):
            yield Span(*places[0], "pii.username", "words.place")
        return


def is_an_account(value: bytes) -> bool:
    """Whether a word beside a password may be the account that it is of."""
    if _ACCOUNT.fullmatch(value) is None:
        return False
    name = text_of(value)
    return not is_innocent(name, "pii.username") and classify_key(name) is None


def is_chosen(text: str) -> bool:
    """Whether a word is as people and machines make passwords, and names are not."""
    if not _SHORTEST <= len(text) <= _LONGEST or " " in text or "://" in text:
        return False
    if not any(map(str.isalpha, text)) or _ADDRESS.search(text.encode()) is not None:
        return False
    if _IDENTIFIER.fullmatch(text) is not None:
        return False
    cases = any(map(str.isupper, text)) and any(map(str.islower, text))
    mixed = cases and any(map(str.isdigit, text)) and "(" not in text and "." not in text
    return mixed or looks_made_up(text) or not _SIGNS.isdisjoint(text)
