"""Where the value behind a key ends in free text, and whether it is a value or source code.

Works on UTF-8 bytes and looks at most `MAX_VALUE` bytes ahead, so that a text full of keys costs
time in its length only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import re2

from ..findings import Span
from ..keys import classify_key
from ..linear import compile_linear
from .innocence import is_innocent
from .quotes import in_printed_quotes

# Longer values are cut here: the rest is judged as text of its own.
MAX_VALUE = 4096


def compile_bytes(pattern: bytes) -> re2._Regexp[bytes]:
    """Compile a pattern that sees bytes, not characters: those from 0x80 up are letters here.

    RE2's programs for classes of characters are many times larger, and fall back to a slower
    engine when they do not fit its memory.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return compile_linear(pattern, options)


# A key in text, in bytes.
KEY = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_.\-\x80-\xff]{0,60}"

# How a word of a name begins: a capital of a script that has them, or a letter of one without.
NAME_BEGINS = (
    rb"(?:[A-Z\xc3-\xc9\xd7-\xdb\xe0\xe4-\xed]|\xd0[\x80-\xaf]|\xce[\x80-\xab]|\xe3[\x81-\xbf])"
)

# A street with a house in it, as addresses have it. It goes back over one word at most.
STREET = (
    rb"(?:[A-Z\x80-\xff][A-Za-z\x80-\xff.'\-]{1,40}+"
    rb"(?: [A-Za-z\x80-\xff][A-Za-z\x80-\xff.'\-]{0,40}+){0,4}"
    rb" [0-9]{1,5}+[A-Za-z]?(?:[/-][0-9]{1,4}+)?"
    rb"|[0-9]{1,5}+[A-Za-z]?,? [A-Z\x80-\xff][A-Za-z\x80-\xff.'\-]{1,40}+"
    rb"(?: [A-Z\x80-\xff][A-Za-z\x80-\xff.'\-]{0,40}+){0,4})"
)

# Classes whose values other detectors find by their shape; a key in free text adds nothing.
BY_SHAPE = frozenset(["pii.ip", "pii.mac", "secret.url_credentials", "secret.connection_string"])


_ONE_STREET = re.compile(STREET)


def is_street(data: bytes, start: int, end: int) -> bool:
    """Whether a street with a house in it stands there, and nothing else."""
    return _ONE_STREET.fullmatch(data, start, end) is not None


def text_of(data: bytes) -> str:
    """Bytes of a text as text, whatever they hold."""
    return data.decode("utf-8", "replace")


@lru_cache(maxsize=8192)
def class_of(key: bytes) -> str | None:
    """As `classify_key`, of a key in a text: `KEY` says how long it can be."""
    return classify_key(text_of(key))


def span_of(bounds: tuple[int, int], class_: str, detector: str) -> Span:
    """A span from a match's bounds."""
    return Span(bounds[0], bounds[1], class_, detector)


class Value(NamedTuple):
    """The bytes of a value, and how it stands in the text."""

    start: int
    end: int
    quoted: bool
    separator: str  # "=", " = ", ": ", ":", "=>" or " " as it was written

    def text(self, data: bytes) -> str:
        """The value as text."""
        return data[self.start : self.end].decode("utf-8", "replace")


# What is written around a value: `Some("x")`, `Optional[x]`, `<<"x">>`, `!!binary eA==`, and in SQL
# `MD5('x')`.
_WRAPPING = re.compile(
    rb"(?:Some|Just|Optional|SecretStr|Secret|Masked|Sensitive|Redacted|Secured|Protected|GuardedString|String|str|ISODate|Date|Timestamp)[(\[]|<<(?=\")"
    rb"|!!(?:binary|str) |(?:DATE|TIMESTAMP) (?=')"
    rb"|(?:(?:MD5|SHA[125]?|(?:OLD_)?PASSWORD|ENCRYPT|AES_ENCRYPT|CRYPT)\()(?=N?')"
)
# `datetime.date(1984, 7, 12)`
_DAY_MADE = re.compile(
    rb"(?:datetime\.)?date(?:time)?\("
    rb"((?:year=)?[0-9]{4}, (?:month=)?[0-9]{1,2}, (?:day=)?[0-9]{1,2}(?:, [0-9]{1,2})*+)"
)
# An opening: brackets of lists, the letters of Python's and SQL's strings, escaped quotes.
_OPENING = re.compile(
    rb"""[\[(]{0,2}(?:(?:[bBuUrRfFNnE@$]{1,2}|&(?=\\{0,15}"))(\\{0,15}["']))?(\\{0,15}["'`])?"""
)
# Bytes one by one: `[]uint8{0x5a, 0x71}`, `<Buffer 5a 71>`, `Uint8Array(2) [ 90, 113 ]` and what
# JSON makes of a buffer.
_BYTES = compile_bytes(
    rb"""(?:\[[0-9]{0,6}\](?:uint8|byte)\{|<Buffer |(?:Uint8Array|Buffer)\([0-9]{1,6}\) \["""
    rb"""|\{\s*"type":\s*"Buffer",\s*"data":\s*\[)\s*([0-9a-fA-Fx][0-9a-fA-Fx, \r\n]*[0-9a-fA-F])"""
)
# YAML's block scalars: the lines behind `|` or `>` that are indented as the first one is.
_BLOCK = re.compile(rb"[|>][+-]?[0-9]?[ \t]*+\r?\n([ \t]++)([^\r\n]++(?:\r?\n\1[^\r\n]++)*+)")
_UNQUOTED = re.compile(
    rb"""(?:[^ \t\n\f\r"'`<>\\]++|\\[^ \t\n\f\rnr"'])++"""  # cannot go back
)
_ENDS = re.compile(rb"[,;&|)}\]]|\xef\xbc[\x8c\x9b]|\xe3\x80[\x81\x82]")
# What stands behind a `,`, `;` or `&` that ends a value rather than being part of it.
_NEXT_KEY = compile_bytes(
    rb"""(?:amp;)?\s*["']?[A-Za-z_][\w.\- ]{0,40}["']?\s*[=:]|\s|$|["'})\]&|]"""
)
_SEPARATORS = {b"=": "=", b":": ":", b"=>": "=>", b":=": "=", b"==": " = ", b"===": " = "}


def separator_of(written: bytes) -> str:
    """Normalise what stands between key and value: with spaces around, `=` reads as code."""
    sign = written.strip(b" \t\"'\\])`")
    if sign[-2:] == b"<-" or (sign[-1:] == b"=" and sign not in _SEPARATORS):
        return " = "  # of a declaration, or together with an operator: code
    kind = _SEPARATORS.get(sign, " ")
    before = written[1:] if written[:1] == b"]" else written  # `names[mod.full_name] = mod`
    if kind == "=" and before[:1] in b" \t" and written[-1:] in b" \t":
        return " = "
    if kind == ":" and written[-1:] in b" \t":
        return ": "
    return kind


def read_value(data: bytes, at: int, separator: str, class_: str) -> Value:
    """Read the value that begins at `at`. It may be empty."""
    one_by_one = _BYTES.match(data, at, min(len(data), at + MAX_VALUE))
    if one_by_one is not None:
        return Value(one_by_one.start(1), one_by_one.end(1), True, separator)
    made = _DAY_MADE.match(data, at) if class_ == "pii.dob" else None
    if made is not None:
        return Value(made.start(1), made.end(1), False, separator)
    printed = in_printed_quotes(data, at, MAX_VALUE)
    if printed is not None:
        return Value(*printed, True, separator)
    wrapping = _WRAPPING.match(data, at)
    at = at if wrapping is None else wrapping.end()
    opening = _OPENING.match(data, at)
    assert opening is not None  # it also matches nothing
    if opening.lastindex is not None:
        group = 1 if opening.start(1) >= 0 else 2
        return _quoted(data, opening.start(group), opening.end(group), separator)
    if data[at : at + 1] in (b"[", b"("):
        end = closing_of(data, at, at + MAX_VALUE)
        if end > at:
            return Value(at + 1, end, False, separator)
    if data[at : at + 1] in (b"|", b">"):
        block = _BLOCK.match(data, at, min(len(data), at + MAX_VALUE))
        if block is not None:
            return Value(*block.span(2), True, separator)
    return Value(at, _unquoted_end(data, at, class_), False, separator)


# What stands between brackets, brackets within it too: one may be what an earlier run left.
_WITHIN = {
    b"[": re.compile(rb"\[(?:[^\[\]]++|\[[^\[\]]*+\])*+\]"),
    b"(": re.compile(rb"\((?:[^()]++|\([^()]*+\))*+\)"),
}


def closing_of(data: bytes, at: int, limit: int) -> int:
    """Where the bracket at `at` is closed; -1 if it is not before `limit`."""
    bracket = data[at : at + 1]
    whole = _WITHIN[bracket].match(data, at, min(len(data), limit))
    if whole is not None:
        return whole.end() - 1
    return data.find(b"]" if bracket == b"[" else b")", at, limit)


def _quoted(data: bytes, quote_start: int, start: int, separator: str) -> Value:
    """A quoted value: it ends at the quote that is escaped as often as the one that opened it."""
    depth = start - quote_start - 1
    quote = data[start - 1 : start]
    if depth == 0 and data[start : start + 2] == quote * 2:  # a block in triple quotes
        end = data.find(quote * 3, start + 2, start + MAX_VALUE)
        if end > 0:
            return Value(start + 2, end, True, separator)
    if depth == 0 and data[start : start + 1] == quote and _letter(data, start + 1):
        end = data.find(quote, start + 1, start + MAX_VALUE)  # a quote inside quotes: ''x''
        if end > 0:
            return Value(start + 1, end, True, separator)
    limit = min(len(data), start + MAX_VALUE)
    at = start
    while (at := data.find(quote, at, limit)) >= 0:
        slashes = at - len(data[start:at].rstrip(b"\\")) - start
        if slashes == depth or (depth == 0 and slashes % 2 == 0):
            return Value(start, at - depth, True, separator)
        at += 1
    line_end = data.find(b"\n", start, limit)  # cut off: to the end of the line
    return Value(start, line_end if line_end >= 0 else limit, True, separator)


def _letter(data: bytes, at: int) -> bool:
    return data[at : at + 1].isalnum()


def _unquoted_end(data: bytes, at: int, class_: str) -> int:
    match = _UNQUOTED.match(data, at, min(len(data), at + MAX_VALUE))
    if match is None:
        return at
    limit = end = match.end()
    loose = class_ == "secret.password"  # passwords hold any character
    secret = class_.startswith("secret.")  # others brackets, too
    for sign in _ENDS.finditer(data, at, limit):
        may_go_on = loose or (secret and sign.group() in b")}]")
        if not may_go_on or _ends_password(data, sign.start()):
            end = sign.start()
            break
    if end == limit or data[end : end + 1] in b",;":
        while end > at and data[end - 1 : end] in b".:":
            end -= 1
    return end


def _ends_password(data: bytes, at: int) -> bool:
    """Whether a sign that ends any other value ends a password, too."""
    sign = data[at : at + 1]
    if sign in b",;&":
        return _NEXT_KEY.match(data, at + 1) is not None
    return sign != b"|" and not data[at + 1 : at + 2].isalnum()


_WORD = compile_linear(r"^[\pL_$][\pL_.\-/]*$")
# What follows sees ASCII only and cannot go back: RE2 is called for longer than this looks at texts
# of some ten characters.
_ASCII_WORD = re.compile(r"[A-Za-z_$][A-Za-z_.\-/]*+")
_CHAIN = re.compile(r"[A-Za-z_$][A-Za-z_]*+(?:\.[A-Za-z_]++\(?+)++")
_CALL = re.compile(
    r"[A-Za-z_$][A-Za-z0-9_$.]*+(?:\(|\[(?:['\"0-9]|\Z))|[A-Za-z_][A-Za-z0-9_]*+(?:->|::)[A-Za-z0-9_]"
)
_CLOSED = re.compile(
    r"[ \t\n\f\r]*+[,)]|[ \t\n\f\r]++[+%&{]|\+[ \t\n\f\r]*+[A-Za-z_(]+[ (.]"
    r"|\.[ \t\n\f\r]*+\$[A-Za-z0-9_]"
)
# `token == "lambda"`: a program's own word.
_COMPARISON = re.compile(rb"={2,3}[ \t]*[bru]?\\{0,3}[\"'`]\Z")
_INDEXED = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*+\[")
# What has the name that the key has: `params[:password]`, `#{config["password"]}`.
_ELEMENT = re.compile(
    rb"""(?:[$#]?\{)?[$@]{0,2}[A-Za-z_][A-Za-z0-9_.]*+\["""
    rb"""(?::[A-Za-z_]\w*+|(\\*+["'])\[?[A-Za-z_][\w.\-]*+\]?\1)\](?!\w)"""
)
_LONGEST_TYPE = 5  # of what `password: Label` may name
_SHORT_NAMES = frozenset(
    ["pw", "tok", "t", "s", "p", "val", "value", "data", "body", "arg", "x", "e", "i", "v", "k"]
)


def closes(text: str) -> bool:
    """Whether a quoted text is what stands behind a literal: `'Password: ', stream`."""
    return _CLOSED.match(text) is not None


def reads_as_value(data: bytes, value: Value, class_: str) -> bool:
    """Whether what follows a telling key is a value worth hiding: not code, prose or a template."""
    text = value.text(data)
    if not text or is_innocent(text, class_):
        return False
    if value.quoted and _COMPARISON.search(data[max(0, value.start - 8) : value.start]):
        return looks_random(text) if class_.startswith("secret.") else " " in text
    if value.quoted and value.separator == " = " and "_" in text and _names_a_secret(text):
        return False  # `RESET_TOKEN = "_password_reset_token"`
    if value.quoted:  # `input('Password: ', stream)`: that quote closed what the key stood in
        return not closes(text) and _is_plausible_here(text, value, class_)
    if value.separator != " " and _CALL.match(text) and value.separator != "=>":
        return False
    if value.separator in (" = ", ": ") and _INDEXED.match(text):
        return False
    if _ELEMENT.match(data, value.start):
        return False
    if not class_.startswith("secret."):
        return value.separator != " = " and _is_plausible_here(text, value, class_)
    if text.isdigit():
        return len(text) >= 4
    if not _is_word(text):
        return True
    return _plain_word_is_value(data, value, text, class_)


def _names_a_secret(text: str) -> bool:
    return _is_word(text) and classify_key(text) is not None


def _is_word(text: str) -> bool:
    """Letters of any script, with what joins them in names and paths."""
    found = _ASCII_WORD.fullmatch(text) if text.isascii() else _WORD.match(text)
    return found is not None


def _is_plausible_here(text: str, value: Value, class_: str) -> bool:
    """Addresses and user ids in free text must look like it: their keys are common words."""
    if not class_.startswith("secret.") and _is_word(text) and classify_key(text) is not None:
        return False  # `username:password`
    if class_ == "pii.name" and not value.quoted and value.separator == ": ":
        return text[:1].isalpha() and not text[:1].islower()  # most scripts have no capitals
    digits = sum(map(str.isdigit, text))
    if class_ == "pii.address":
        return digits >= 4 or (value.quoted and " " in text and digits > 0 and "\\" not in text)
    return class_ != "pii.user_id" or digits > 0


def _plain_word_is_value(data: bytes, value: Value, text: str, class_: str) -> bool:
    """Judge letters only: `password=hunter` is one, `token = tok` and `token: punc` are not."""
    if classify_key(text) is not None or _CHAIN.fullmatch(text) or text in _SHORT_NAMES:
        return False
    if value.separator in ("=", "=>"):
        return len(text) > 2
    if len(text) >= 12 and _case_changes(text) * 5 >= len(text):
        return True
    if value.separator == ": " and class_ == "secret.password":
        written = text.islower() or (text[1:].islower() and len(text) > _LONGEST_TYPE)
        return written and _ends_here(data, value.end) and len(text) >= 4
    return False


def _case_changes(text: str) -> int:
    """How often a capital follows a small letter: often in tokens, seldom in CamelCase."""
    return sum(a.islower() and b.isupper() for a, b in pairwise(text))


_NEXT_LABEL = re.compile(
    rb" {1,4}+[A-Za-z_\x80-\xff](?:[\w.-]|(?!\xef\xbc\x9a)[\x80-\xff]){1,40}+"
    rb"(?:[:=](?!/)|\xef\xbc\x9a)"
)


def _ends_here(data: bytes, end: int) -> bool:
    """Whether no further word of a sentence follows, but the next label at most."""
    rest = data[end : end + 2]
    if not rest or rest[:1] in b"\r\n,;\"'}]|" or rest in (b"\\n", b"\\r"):
        return True
    return _NEXT_LABEL.match(data, end) is not None


def looks_made_up(text: str) -> bool:
    """Whether a word changes between letters and digits as names of things hardly ever do.

    Stricter than `looks_random`, for where nothing but a word before it speaks for a value:
    `sha256`, `base64url` and `v2beta1` are names.
    """
    if len(text) < 8 or "/" in text:
        return False
    changes = sum(
        (a.isdigit() and b.isalpha()) or (a.isalpha() and b.isdigit()) for a, b in pairwise(text)
    )
    both = any(map(str.isupper, text[1:])) and any(map(str.islower, text))
    return changes >= 3 or (changes >= 2 and both)


_HOST_AND_PORT = compile_linear(r"^[A-Za-z][\w.-]*:\d{1,5}$")


def looks_random(text: str) -> bool:
    """Whether a word is nothing that people write: long enough, and not of letters only."""
    if len(text) < 6 or " " in text or (":" in text and _HOST_AND_PORT.search(text)):
        return False
    if not any(map(str.isalpha, text)):
        return False
    if any(map(str.isdigit, text)):
        return True
    if any(not c.isalnum() and c not in "-._/:" for c in text):
        return True
    return len(text) >= 16 and any(map(str.isupper, text[1:])) and any(map(str.islower, text))
