"""Triggers of what words say: a name that tells something, and what may follow it.

Written by hand, one or several for each finder of `words.FINDERS`, because the finders are more
than one pattern each. Each must fire wherever its finder could find anything; the property tests
and the examples of the catalogue hold them to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations, pairwise

from ..bytewise import TRIGGERS as BYTES
from ..keys import GLUED, TERMS, joints
from ..named import CALLED, PEOPLE, REFERRED
from ..variants import TRIGGERS as VARIANTS
from ..views import ENCODED_WORD, EQUALS_IN_MAIL, GZIP, GZIP_IN_HEX, WIDTHLESS, ZLIB
from ..words.calls import PLACES
from ..words.checks import COMPARED
from ..words.command_lines import IN_ONE_COMMAND, SETTING, SHORT_FLAGS
from ..words.labels import ONLY_LABELS
from ..words.positional import PROCEDURES, RECORDS
from ..words.redis import COMMANDS

# Characters that are letters or digits of ASCII in another form (full-width, superscript, combined,
# `ß`, which is `ss` without case): a name with one of them can only be read whole.
ODD_BYTES = (
    r"\xcc|\xcd[\x80-\xaf\xba]|\xcf[\x90-\x96\xb0-\xb5]|\xe0\xa5[\x98-\x9f]|\xe0\xb8\xb3|\xe1[\xbd-\xbf]"
    r"|\xe2\xbe|\xef[\xac-\xae]|\xc3\x9f|\xc5[\x80\x89\xbf]|\xc2[\xaa\xb2\xb3\xb9\xba-\xbe]|\xcb[\xa1-\xa3]"
    r"|\xc4[\xb0\xb2\xb3\xbf]|\xc7[\x84-\x8c\xb0-\xb3]|\xca[\xb0-\xbb]|\xe1\xb4[\xac-\xbf]|\xe1\xb5"
    r"|\xe1\xb6[\x9c\xa0\xbb]|\xe1\xba[\x96-\x9a\x9e]|\xe1\xb2\x82|\xe1[\x84-\x87]|\xe2\x81[\x80-\x9f\xb0-\xbf]"
    r"|\xe2\x82[\x80-\x9f\xa8\xb0-\xbf]|\xe2[\x84-\x86]|\xe2[\x91-\x93]|\xe2\xb1[\xbc\xbd]|\xe3\x82[\x99\x9a]"
    r"|\xe3[\x88-\x8f]|\xea\x9a\x9d|\xea\x9f[\xb2-\xb4]|\xef\xac[\x80-\x86]|\xef[\xbc-\xbe]"
    r"|\xd9[\xb5-\xb8]|\xe2[\xbc\xbd]|\xe3\x86|\xef[\xa5\xa6\xa8-\xab\xaf-\xb7\xba]|\xe3\x83\xbf|\xef\xbb[\x80-\xbc]|\xf0\xaf\xa5"
    r"|\xf0\x90\x9e|\xf0\x9c\xb3|\xf0\x9d[\x90-\x9f]|\xf0\x9e[\x80\x81\xb8-\xba]|\xf0\x9f[\x84-\x88\xaf]"
)
# Spaces, full stops, hyphens and underscores in another form: between the parts of a name they are
# as good as these.
_ODD_SIGN = (
    r"(?:\xc2\xa0|\xe2\x80[\x80-\x8a\xa4\xaf]|\xe2\x81\x9f|\xe3\x80\x80|\xef\xb8[\xb3\xb4]"
    r"|\xef\xb9[\x8d-\x8f\x92\xa3])"
)
_NOUN = (
    r"(?i:key|token|secret|pass(?:word|wort|phrase|code|wd)?|pwd|credential|kennwort"
    r"|session(?:[ _-]?id)?|erlang cookie"
    r"|mot de passe|contrase(?:[^A-Za-z]{1,4})a|senha|wachtwoord|senord|haslo"
    r"|has(?:[^A-Za-z]{1,4})o|heslo|parola|salasana|adgangskode|passord)(?i:s)?"
)
# As long as what `phrases.py` has between a code's name and its digits.
_CODE = r"(?:^|[^A-Za-z0-9\x{80}-\x{10FFFF}])(?i:(?:pass)?code|[th]?otp|pin|password|tan)"
_CODE_DIGITS = r"[0-9][0-9 -]{2,8}[0-9]"
_TYPED_AT_PROMPTS = r"(?:pass(?:word|wort|wd|code| ?phrase)|pwd|kennwort|senha|wachtwoord)"
_ARTICLES = r"(?:(?:the|your|my|a|new|temporary) ){0,2}"
_NAMED = r"(?:password|passphrase|token|api key|secret)"
# What a value that looks made up has and words have not.
_NOT_TELLING = r"[^\x000-9\x22'`!#$%^*+=@~?\\|\x{80}-\x{10FFFF}]"
_DIGIT = r"[0-9\x{80}-\x{10FFFF}]"  # of any script
_TELLING = (
    r"""(?:[0-9"'`!#$%^*+=@~?\\|>(\[{\x01-\x08\x0b\x0e-\x1f\x7f-\x{10FFFF}]|[^\s][,;&)}\]][^\s])"""
)


_ASSIGNED = r"\\*[\"']?\s*[=:]\s*\\*[\"']?"
_CUT_KEY = r"[A-Za-z_\x{80}-\x{10FFFF}][A-Za-z0-9_.\-\x{80}-\x{10FFFF}]{60}"

_SHORT = 4  # a term of so few letters must begin a word, or it would be in every other one
_APART = r"(?:[_. -]|__)"  # what may stand between the parts of a name: keys.SEPARATORS


# The byte behind a word, in every dialect: of JSON it may be the quotation mark that ends a string.
NOT_SMALL = "[^a-z]"
# The same where the word may be in the plural and what is behind that is asked later: an optional
# letter makes an engine of what is a literal with a byte behind it.
NOT_SMALL_BUT_S = "[^a-rt-z]"
# A word of so many letters is seldom the beginning of another one: a literal, nothing behind it.
# It takes no time to compile.
_LONG = 8
# The end of a whole number of nine characters or more, and what is behind it in every dialect: ids
# of hex digits seldom end with so many.
NUMBER = r"[0-9\-][0-9]{8}"
NOT_IN_ID = "[^0-9a-z]"
# Nine characters, one of which may be a full stop: not an address or a version.
_NUMBERS = (
    r"[0-9]{5}\.[0-9]",
    r"[0-9]{4}\.[0-9]{4}",
    r"[0-9]\.[0-9]{5}",
    r"-[0-9]{3}(?:\.[0-9]{4}|[0-9]\.[0-9]{3})",
)
# The same in JSON. There most of them are times, which are no texts; and one that nothing else is
# found with tells something only in data that has quotes.
LONG_NUMBER = "(?:" + "|".join((NUMBER, *_NUMBERS)) + ")"
NUMBERS_IN_JSON = (rf"""(?:'|\\")[^"]*{LONG_NUMBER}""", rf"""{LONG_NUMBER}[^"]*(?:'|\\")""")

# Three groups of base64 for nine bytes, of which every other one is zero, from a zero on.
_ZERO_FIRST = "(?:[A][C-H][AEIMQUYcgkosw048]A|AA[ko0]A)"
_UTF16_IN_BASE64 = rf"{_ZERO_FIRST}[A-Za-f][AQgw][AB][A-Za-z0-9+/_-]{_ZERO_FIRST}"


def odd_signs() -> str:
    """Signs that stand for those between the parts of a name, before a part."""
    begins = sorted(
        {
            form.encode().decode("latin-1")
            for term in TERMS
            for at in joints(term)
            for form in (term[at].lower(), term[at].upper())
            if not form.isascii()
        }
    )
    return rf"{_ODD_SIGN}(?:_|{_ODD_SIGN})?(?:[A-Za-z0-9]|{'|'.join(map(re.escape, begins))})"


@cache
def name_triggers() -> tuple[tuple[str, str], ...]:
    """The ends of names that tell something, each with its term; names.py goes on behind them."""
    return tuple(
        (spelled, term) for term in (*_needed(TERMS), *GLUED) for spelled in _spellings(term)
    )


def plural(term: str) -> str:
    """What may stand behind a term before the word ends, where nothing asks for it later."""
    # Behind a digit a new word begins, however small: `pkcs8env`.
    return "[a-z]{0,30}" if term[-1].isdigit() else "(?i:s)?"


def stands_alone(term: str) -> bool:
    """Whether what is behind a term need not be looked for."""
    return len(term) >= _LONG or term[-1].isdigit()


def _needed(terms: Iterable[str]) -> list[str]:
    """The terms that no other one covers: `token` covers `accesstoken`."""
    kept: list[str] = []
    for term in sorted(terms, key=lambda term: (len(term), term)):
        if term not in GLUED and not any(_covers(short, term) for short in (*kept, *GLUED)):
            kept.append(term)
    return kept


def _covers(short: str, term: str) -> bool:
    """Whether every spelling of a term ends in one of a shorter one: `lname`, not `full_name`."""
    before = len(term) - len(short)
    return (
        len(short) > _SHORT
        and before > 0
        and term.endswith(short)
        and {at - before for at in joints(term) if at > before} <= joints(short)
    )


def _spellings(term: str) -> Iterator[str]:
    """A term with its parts in one or apart. A pattern each: they are literals to the engine."""
    places = sorted(joints(term))
    size = len(term) if term not in GLUED else _SHORT + 1  # a glued one ends other words
    for count in range(len(places) + 1):
        for apart in combinations(places, count):
            parts = [term[a:b] for a, b in pairwise((0, *apart, len(term)))]
            yield from where_words_begin(_APART.join(map(re.escape, parts)), size)


def where_words_begin(text: str, size: int, before: str = "A-Za-z") -> list[str]:
    """A pattern without case; a short one only where a word begins: at a capital, or not behind
    any of `before`.

    Two patterns then, because each of them has a literal as long as can be.
    """
    first = text[0]
    if size > _SHORT or not text.isascii() or not first.isalpha():
        return [f"(?i:{text})"]
    return [rf"(?:^|[^{before}])(?i:{text})", f"{first.upper()}(?i:{text[1:]})"]


def word_triggers() -> Mapping[str, tuple[str, ...]]:
    """The triggers by finder, for `patterns.whole`: those that are not names (names.py)."""
    calls = "|".join(sorted(map(re.escape, PLACES), key=len, reverse=True))
    return {
        "pairs": (rf"(?i:(?:{'|'.join(ONLY_LABELS)}) ?:)",),
        "phrases": (
            rf"{_NOUN}[^A-Za-z0-9_]{_NOT_TELLING}*{_TELLING}",
            rf"{_NOUN}(?:[^A-Za-z0-9_][^\x00]*)?[^\x00A-Za-z._/:-][A-Za-z._/:-]{{16}}",
            rf"(?i:{_DIGIT}[^\s\"']{{0,100}}[\"']? (?:as|is) {_ARTICLES}{_NAMED})",
            r"(?i:(?:bearer|basic)(?: |%20|\+){1,}[A-Za-z0-9._~+/=:|-]{8})",
            rf"{_CODE}[A-Za-z :=\"'`(-]{{0,28}}{_CODE_DIGITS}",
            rf"{_CODE}[A-Za-z -]{{0,16}}(?i: for| to) [^\x000-9]{{1,53}}{_CODE_DIGITS}",
            r"(?i:[0-9]{3}[ -]?[0-9]{1,5} (?:is|as) (?:your|the) )",
            rf"(?i:{_TYPED_AT_PROMPTS} for )[^\x00]*: ",
        ),
        # A name so long that it is cut (values.KEY): what is left of it may end within a word.
        "markup": (rf"(?i:name|key|id|field|param|header|variable){_ASSIGNED}{_CUT_KEY}",),
        "command_lines": (
            *(
                rf"(?i:(?:{tools}){IN_ONE_COMMAND}{{0,200}}[\s'\"]-{letters})"
                for letters, tools in SHORT_FLAGS.items()
            ),
            r"(?i:freerdp|mstsc|schtasks|signtool|\bhtpasswd |rabbitmqctl |wpa_passphrase |snyk )",
            r"(?i:\bmc (?:alias|config) |ngrok )",
            rf"(?i:\b{SETTING})",
            r"(?i:\becho )[^\r\n|]{4,}\|",
            r"(?i:chpasswd\b)[^\r\n|;]{0,40}<<",
            r"(?i:pass(?:word)?[_-](?:command|cmd)[= ])",
            rf"(?i:\bopenssl\b{IN_ONE_COMMAND}{{0,200}}[\s'\"]-k[\s'\",])",
            r"(?i:\bnet user? )",
            COMMANDS,
            r"[\s'\"](?i:-u|--user|--proxy-user)",  # `curl` before it, but `http` is everywhere
        ),
        "arguments": (COMPARED,),
        "calls": (
            rf"(?i:(?:^|[^A-Za-z0-9_$-])(?:{calls})[( ])[^\x00'\"]*['\"]",
            rf"{RECORDS}\([^\x00='\"]{{2,}},",
            rf"(?i:{PROCEDURES})[^A-Za-z0-9\x00]{{0,4}}\([^\x00()]*'",
        ),
        "sql": (
            r"(?i:\bidentified\s)",
            r"(?i:password[\s(]{1,}[NE]?')",
            r"(?i:\bset\s{1,}password\s)",
            r"(?i:' as [\"`\[]?[a-z_])",
            r"(?i:\b(?:insert|replace)\s[^\x00()]*\()",
            r"\)=\(",
            *("row contains ", "Zeile enth", "ligne en ", "fila que falla ", "key value is "),
        ),
        "quoted_input": (
            "input_value=",
            r"[\"'](?:loc|path)[\"']: ?[(\[]",
            "rejected value",
            "On instance",
            r"[\"'`]\\?[\"']? ?with value ",
            r"variable [^ \x00\"']{1,164} with value ",
            "Preview of field",
            r"[ (,]was:? \\?[\"'`]",
            r"Path `",
            r"converting driver\.Value",
            r"invalid (?:type|value): ",
            r"Invalid value: ",
            r"for parameter ",
            r"argument [^\r\n:]{1,80}: invalid ",
            r"dictionary value @ ",
            r"got unconvertible type ",
            r"\. Path '",
            r"The value '",
            r"Property: ",
            r"Actual value was ",
            r"for value ",
            r" for column ",
            r"Duplicate entry ",
            r"reference chain: ",
            r"variable \"[^\x00\"]{1,61}\"\s*\{",
            (
                r"[\"'] \(?(?:for |from |in |of )?(?:the )?(?:[Ee]nv|field|setting|option"
                r"|parameter|property|attribute)"
            ),
        ),
        # Data written inside a text: what its values and its numbers say (judging.py).
        "structures": (
            *people_above(
                r"[^A-Za-z0-9\x00\"'=:\[({]*[\"']?\s*(?:=>|[=:])\s*[^\s\"'=:,;\[({]*[\[({]"
            ),
            people_named(r"\\*[\"']?\s*(?:=>|[=:])\s*\\*[\"']{1,2}[A-Z\\\x{80}-\x{10FFFF}]"),
            rf"(?:{'|'.join(REFERRED)})/",
            r"[A-Za-z0-9_.\]\[%-]=[^&\s\"'<>]*\+",
            r"kind: [\"']?Secret",
        ),
        # psql's display of a row line by line
        "tables": (r"\[ [A-Z]{1,20} [0-9]{1,9} \]",),
        "rows": (r"(?i:\binsert\s[^\x00()]*\()",),
        "numbers": _NUMBERS,
        # What an earlier chain left and a stricter one may lower (placeholders.py).
        "held": (r":e[0-9]{1,6}:0x[0-9a-f]{12}\]", r"\*{12}[0-9]{4}"),
        # What an encoding may hide (views.py).
        "encoded": (
            r"%[0-9A-Fa-f]{2}",
            r"%u[0-9A-Fa-f]{4}",
            EQUALS_IN_MAIL,
            ENCODED_WORD,
            r"\\(?:[^A-Za-z1-9]|[bfnrt]|[1-3][0-7]{2}|[uxU]\{?[0-9A-Fa-f]{1,2})",
            r"&(?:#[0-9]|#[xX][0-9A-Fa-f]|[A-Za-z][A-Za-z0-9]+;)",
            r"\x1b\[[0-9;:?]{0,40}[A-Za-z]",
            WIDTHLESS,
            r"(?:[\t\n\r -~]\x00){4}",
            base64_of_text(),
            _UTF16_IN_BASE64,
            GZIP,
            GZIP_IN_HEX,
            rf"(?:^|[^A-Za-z0-9+/_-]){ZLIB}[A-Za-z0-9+/_-]{{13}}",
            *BYTES,
            *VARIANTS,
        ),
    }


def people_above(behind: str, before: str = "(?:^|[^A-Za-z0-9])") -> tuple[str, ...]:
    """Keys that make the names in what is below them those of people (named.py).

    `before` is what may stand before one that is `name` and nothing else.
    """
    return (
        rf"(?i:(?:{'|'.join(PEOPLE)})s?){behind}",
        rf"{before}(?i:names?){behind}",
    )


def people_named(behind: str) -> str:
    """Keys that have the name of a person themselves."""
    return rf"(?i:{'|'.join(CALLED)}){behind}"


def arguments(before: str) -> str:
    """An option of one letter that may name a password among the arguments of a command."""
    letters = "|".join((*SHORT_FLAGS, "[uU]", "-user", "-proxy-user"))
    return rf"{before}-(?i:{letters})"


@cache
def base64_of_text() -> str:
    """Three groups of base64 in a row that stand for three printable ASCII characters each.

    Each character of base64 has six bits: of the first byte the upper six, of the first the lower
    two and of the second the upper four, of the second the lower four and of the third the upper
    two, of the third the lower six.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    printable = [*range(0x20, 0x7F), 9, 10, 13]
    first = {byte >> 2 for byte in printable}
    second = {(a & 3) << 4 | b >> 4 for a in printable for b in printable}
    third = {(b & 15) << 2 | c >> 6 for b in printable for c in printable}
    fourth = {byte & 63 for byte in printable}

    def of(bits: Iterable[int]) -> str:
        chars = {alphabet[each] for each in bits}
        chars |= {"-"} if "+" in chars else set()
        chars |= {"_"} if "/" in chars else set()
        return "[" + "".join(re.escape(char) for char in sorted(chars)) + "]"

    return f"(?:{of(first)}{of(second)}{of(third)}{of(fourth)}){{3}}"
