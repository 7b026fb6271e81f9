"""Words before a value in free text: `password=…`, `token is …`, `--api-key …`, `Bearer …`.

One vocabulary serves keys of documents and keys in text (`keys.classify_key`). What a line of
source code says about a variable (`token = tokens.get(…)`, `password=None`) is not a value.
All offsets are in bytes of the UTF-8 text; bytes from 0x80 up count as letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import re2

from ..findings import Span
from ..keys import classify_key, words_of
from .calls import find_calls
from .checks import find_compared
from .command_lines import find_in_command_lines
from .headers import SCHEME, header_value, sensitive_parts
from .innocence import is_innocent
from .labels import (
    accounts_beside,
    find_labelled,
    find_printed,
    find_quoted,
    keys_beside,
    names_beside,
)
from .maps import find_in_maps
from .markup import find_in_markup
from .phrases import find_phrases
from .positional import find_by_place
from .quoted_input import find_quoted_input
from .records import is_printed, says_nothing, whole_field
from .redis import find_in_redis
from .sql import find_in_sql
from .tables import find_in_tables
from .unquoted import whole_clause, whole_name, whole_number, whole_street
from .values import (
    BY_SHAPE,
    KEY,
    MAX_VALUE,
    Value,
    class_of,
    compile_bytes,
    looks_random,
    read_value,
    reads_as_value,
    separator_of,
    span_of,
    text_of,
)
from .wrapped import find_wrapped

# What a declaration says of a name before it gives it a value: `token: str = …`,
# `token string = …`, `Token As String = …`, `token: &'static str = …`, `token: Option[String] = …`.
_TYPE = (
    rb"""(?:[ \t]*:)?[ \t]*(?:[Aa]s[ \t]+)?(?:&(?:'static )?)?(?:Option(?:al)?[\[<])?"""
    rb"""(?:[Ss]tring|[Ss]tr|SecretStr|NSString|[Tt]ext)"""
    rb"""(?:[\]>?]|[ ]?\| ?[a-zA-Z]{1,10}){0,2}[ \t]*="""
)
_MARK = (
    rb"""\\{0,15}["'`]?(?::(?:"?[\w\\]{1,80}"?:private|protected))?\]?[*_]{0,2}"""
    rb"""(?: \([a-z ]{1,20}\))?[ \t]*"""
    rb"""(?:=>[ \t\n\f\r]*string\(\d{1,6}\)|;s:\d{1,6}:|=>|(?:\|\||\?\?|:::?|[:?+.])=|={1,3}|<-"""
    rb"""|::[ \t]|:|\xef\xbc[\x9a\x9d])"""
    rb"""[*_]{0,2}[ \t]*"""
)
# An array behind it, without its size or with it: `char secret[25] = "x1"`.
_ARRAY = rb"(?:\[(?:[0-9]{2,4})?\])?"
_PAIR = compile_bytes(rb"(" + KEY + rb")" + _ARRAY + rb"(" + _TYPE + rb"[ \t]*|" + _MARK + rb")")
_OF_PAIRS = re.compile(rb"[=:]|<-|\xef\xbc")
# The same pairs, found sooner where a key is a whole word (`./dev bench scrub`): it cannot go back,
# and tries each word once. A word that ends like a type may be a key and its type
# (`tokenString>=`).
_IN_WORDS = rb"[A-Za-z0-9_.\-\x80-\xff]"
_OF_WORDS = frozenset(byte for byte in range(256) if re.match(_IN_WORDS, bytes([byte])))
_WORD_PAIR = re.compile(
    rb"(?<!" + _IN_WORDS + rb")[0-9.\-]*+([A-Za-z_\x80-\xff]" + _IN_WORDS + rb"*+)"
    rb"""(?=[ \t:&\\"'`\]*=;|?+<>\[])(?:"""
    + _ARRAY
    + rb"((?=[ \t:&A-Za-z])"
    + _TYPE
    + rb"[ \t]*|"
    + _MARK
    + rb")|"
    rb"(?:(?<=[Ss]tr)|(?<=tring)|(?<=[Tt]ext)|(?<=Option)|(?<=Optional))(?:[\[<\]>?|]| \|))"
)
# Where marks are wide their bytes are letters of words: the first one ends a key.
_WIDE_PAIR = compile_bytes(
    rb"(" + KEY + rb"?)" + _ARRAY + rb"(" + _TYPE + rb"[ \t]*|" + _MARK + rb")"
)
_WIDE_MARK = re.compile(rb"\xef\xbc[\x9a\x9d]")  # its bytes are letters of words
_LONGEST_KEY = 61


def find_words(data: bytes) -> list[Span]:
    """Find values that the words before them give away."""
    return [span for finder in FINDERS.values() for span in finder(data)]


_OF_MARKUP = re.compile(rb"(?i)</|/>|name|key|field|param|header|variable")


def _markup(data: bytes) -> Iterator[Span]:
    if _OF_MARKUP.search(data) is not None:
        yield from find_in_markup(data)
    yield from find_in_maps(data)


_OF_COMMANDS = re.compile(
    rb"(?i)[-/]|echo|(?:put|set|create|add|write) |chpasswd|rabbitmqctl|wpa_passphrase|snyk|ngrok"
)


_OF_REDIS = (b"AUTH ", b"HSET", b"HMSET", b"hset", b"hmset")


def _command_lines(data: bytes) -> Iterator[Span]:
    if _OF_COMMANDS.search(data) is not None:
        yield from find_in_command_lines(data)
    if any(command in data for command in _OF_REDIS):
        yield from find_in_redis(data)


def _calls(data: bytes) -> Iterator[Span]:
    if b"'" in data or b'"' in data:
        yield from find_calls(data)
    yield from find_by_place(data)


def _tables(data: bytes) -> Iterator[Span]:
    if b"\n" in data:
        yield from find_in_tables(data)


# -- key, sign, value ------------------------------------------------------------------------


def _pairs(data: bytes) -> Iterator[Span]:
    found = [*find_quoted(data), *find_printed(data)]
    if _OF_PAIRS.search(data) is not None:
        found += [*find_labelled(data), *_told(data)]
    yield from found
    yield from names_beside(data, found)
    yield from keys_beside(data, found)
    yield from accounts_beside(data, found)


def _told(data: bytes) -> Iterator[Span]:
    search = _next_pair if _WIDE_MARK.search(data) is None else _WIDE_PAIR.search
    match = search(data, 0)
    while match is not None:
        after = match.end()
        class_ = class_of(match.group(1))
        if class_ is not None and class_ not in BY_SHAPE and not _names_nothing(data, match):
            separator = separator_of(match.group(2))
            found = list(_keyed(data, after, separator, class_, match.start(1)))
            yield from found
            after = max([after, *(span.end for span in found)])
        match = search(data, after)


def _next_pair(data: bytes, at: int) -> re2._Match[bytes] | None:
    """As `_PAIR.search`, for a text without wide marks."""
    within = 0 < at < len(data) and data[at] in _OF_WORDS and data[at - 1] in _OF_WORDS
    if not within:
        match = _WORD_PAIR.search(data, at)
        if match is None:
            return None
        if match.lastindex == 2 and match.end(1) - match.start(1) <= _LONGEST_KEY:
            return match
    return _PAIR.search(data, at)


# What stands behind a user in a URL: the detectors of URLs know where the password ends.
_TO_HOST = compile_bytes(rb"^[^\s\"'<>/@]{0,200}@")


_SCOPE = re.compile(rb":[A-Z][A-Za-z_]++(?:::|[.(])")


def _names_nothing(data: bytes, match: re2._Match[bytes]) -> bool:
    """Whether a key is none: a user in a URL, what a quote closes, what an earlier run left."""
    start, end = match.start(1), match.end()
    if match.group(2) == b":" and data[end : end + 1] in (b"'", b'"'):
        return data[start - 1 : start] == data[end : end + 1]  # `the 'username:' option`
    if match.group(2) == b":" and _SCOPE.match(data, end) is not None:
        return True  # `Session::Store.new`
    in_url = data[max(0, start - 3) : start] == b"://" and match.group(2).rstrip(b"*_") == b":"
    if in_url and _TO_HOST.search(data[match.end() : match.end() + 202]) is not None:
        return True
    return _is_left(data, match)


def _is_left(data: bytes, match: re2._Match[bytes]) -> bool:
    """Whether a key is what an earlier run left in a value's place: `bob:[password]:x`."""
    start = match.start(1)
    if data[start - 1 : start] != b"[" or match.group(2).strip() != b"]:":
        return False
    return not data[max(0, start - 2) : start - 1].isalnum()


def _keyed(data: bytes, at: int, separator: str, class_: str, key: int) -> Iterator[Span]:
    """The sensitive part of the value at `at`, which a key of this class at `key` announced."""
    if class_ in ("secret.cookie", "secret.token.bearer"):
        if separator == " = " and data[at : at + 1] not in (b'"', b"'"):
            return  # an assignment in code
        start, end = header_value(data, at)
        parts = sensitive_parts(data[start:end], class_)
        yield from (Span(start + a, start + b, c, "words.header") for a, b, c in parts)
        return
    if says_nothing(data, key, separator, at):
        return
    if separator == " = " and is_printed(data, key, at):
        separator = "="
    if data[at : at + 1] in b"[(" and (listed := _listed(data, at, class_)) is not None:
        yield from listed
        return
    value = read_value(data, at, separator, class_)
    if value.separator == " = " and data[at : at + 1] == b"(":
        return
    if class_ == "pii.username" and _goes_on(data, key, value):
        return
    if class_ == "pii.name" and not value.quoted:
        value = whole_name(data, value)
    if class_ == "pii.phone" and not value.quoted:
        value = whole_number(data, value)
    if class_ == "pii.address" and not value.quoted:
        value = whole_street(data, value, data[key : key + _LONGEST_KEY])
    if class_ == "pii.health" and not value.quoted:
        value = whole_clause(data, value)
    if class_ == "secret.password" and not value.quoted:
        value = whole_field(data, value, data[max(0, key - 2) : key])
    for each in (value, *_further_pieces(data, value, class_)):
        if reads_as_value(data, each, class_):
            yield from _without_scheme(data, each, class_)


_SENTENCE = re.compile(rb"[A-Za-z\x80-\xff]++ [a-z\x80-\xff][\w\x80-\xff]*+(?![:=])")
_LOGIN = re.compile(rb"[Ll]ogin[\"'`]?: ")


def _goes_on(data: bytes, key: int, value: Value) -> bool:
    """Whether what a login is told of is a sentence: `login: bad user`, `login: no such role`."""
    if value.quoted or _LOGIN.match(data, key) is None:
        return False
    return _SENTENCE.match(data, value.start) is not None


# A literal that is joined to the one before: `"ghp_" + "A1b2…"` (PHP: a full stop; SQL: two bars),
# or takes its place: `"x1" -> "x2"`. It cannot go back.
_JOINED = re.compile(
    rb"""["'`][ \t\r\n\\]*+(?:\+|\.\.?|&|\|\||[=-]>)[ \t\r\n\\]*+[A-Za-z]{0,2}["'`]"""
)


def _further_pieces(data: bytes, value: Value, class_: str) -> Iterator[Value]:
    """The literals that are joined to a secret."""
    if not value.quoted or not class_.startswith("secret."):
        return
    end, limit = value.end, value.end + MAX_VALUE
    while (joint := _JOINED.match(data, end)) is not None:
        start = joint.end()
        end = data.find(data[start - 1 : start], start, limit)
        if end < 0:
            return
        yield Value(start, end, True, value.separator)


def _without_scheme(data: bytes, value: Value, class_: str) -> Iterator[Span]:
    """The value; behind `Bearer ` if it begins so."""
    start, end = value.start, value.end
    scheme = SCHEME.match(data, start) if class_.startswith("secret.") else None
    if scheme is not None:
        start = scheme.end()
        if not value.quoted:
            end = read_value(data, start, value.separator, class_).end
    if start < end:
        yield Span(start, end, class_, "words.pair")


_ARGUMENT = compile_bytes(rb"""(""" + KEY + rb""")(?:["']\s*,|[({]|,\s*<<)\s*["']""")
_OF_ARGUMENTS = re.compile(rb"[(,{]")
_READERS = (
    "get fetch find read load lookup check delete remove clear reset generate create verify "
    "validate parse decode encode hash encrypt decrypt require request new"
)


def _arguments(data: bytes) -> Iterator[Span]:
    """`define('DB_PASSWORD', 'x1')`, `setPassword("x1")`, `password{"x1"}`, `{password, <<"x1">>}`.

    Values that look made up only.
    """
    yield from find_wrapped(data)
    yield from find_compared(data)
    if (b"'" not in data and b'"' not in data) or _OF_ARGUMENTS.search(data) is None:
        return
    for match in _ARGUMENT.finditer(data):
        key = match.group(1)
        class_ = class_of(key)
        if class_ is None or not class_.startswith("secret.") or class_ in BY_SHAPE:
            continue
        if words_of(text_of(key))[0] in _READERS.split():
            continue
        value = read_value(data, match.end() - 1, " ", class_)
        if classify_key(value.text(data)) is not None:
            continue  # a list of names
        if class_ in ("secret.cookie", "secret.token.bearer"):
            parts = sensitive_parts(data[value.start : value.end], class_)
            for start, end, found in parts:
                yield Span(value.start + start, value.start + end, found, "words.argument")
            continue
        text = value.text(data)
        if looks_random(text) and not is_innocent(text, class_):
            yield Span(value.start, value.end, class_, "words.argument")


def _listed(data: bytes, at: int, class_: str) -> Iterator[Span] | None:
    """The strings of a list or tuple: `auth=('bob', 'x1')`; None if it is none or holds names."""
    match = _STRINGS.match(data, at)
    if match is None:
        return None
    return (
        span_of(item.span(1), class_, "words.pair")
        for item in _STRING.finditer(data, match.start(1), match.end(1))
        if not is_innocent(item.group(1), class_)
    )


_STRING = compile_bytes(rb"""[bu]?["']([^"'\\]*)["']""")
_STRINGS = compile_bytes(rb"""[\[(]((?:\s*[bu]?(?:"[^"\\]*"|'[^'\\]*')\s*,?){2,20})[\])]""")


# Each finds one way in which words give a value away; together they are `find_words`.
FINDERS: dict[str, Callable[[bytes], Iterable[Span]]] = {
    "pairs": _pairs,
    "phrases": find_phrases,
    "markup": _markup,
    "command_lines": _command_lines,
    "arguments": _arguments,
    "calls": _calls,
    "tables": _tables,
    "sql": find_in_sql,
    "quoted_input": find_quoted_input,
}
