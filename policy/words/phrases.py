"""What sentences say: `the new password is x1`, `your code is 482193`. Offsets in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from ..findings import Span
from ..keys import SERVICES, classify_key
from .checks import find_checked, is_a_password
from .innocence import is_innocent
from .tried import find_tried
from .values import (
    Value,
    closes,
    compile_bytes,
    looks_made_up,
    looks_random,
    read_value,
    reads_as_value,
    span_of,
    text_of,
)

_LONE_SCHEME = compile_bytes(rb"(?i)\b(bearer|basic)(?: |%20|\+)+([A-Za-z0-9._~+/=\-:|]{8,})")

_WHOSE = (
    rb"(?:api|access|secret|private|auth|authentication|refresh|bearer|session|security|client"
    rb"|signing|encryption|licen[cs]e|oauth|account|shared|master|app|webhook|service)[ _-]"
)
_OF_SERVICE = rb"(?:" + "|".join(SERVICES).encode() + rb")[ _-]key"
_KEY_OF_SERVICE = re.compile(rb"(?i:" + _OF_SERVICE + rb")")
_SHORTEST, _LONG, _LONGEST = 6, 16, 512
_SECRET_NOUN = (
    rb"(?:(?:" + _WHOSE + rb"){1,2}key|" + _OF_SERVICE + rb"|(?:" + _WHOSE + rb"){0,2}"
    rb"(?:token|secret|password|passwort|pass ?phrase|passcode|passwd|pwd|credentials?|kennwort"
    rb"|mot de passe|contrase\xc3\xb1a|senha|wachtwoord|l\xc3\xb6senord)"
    rb"|[a-z\x80-\xff]{2,20}(?:passwort|kennwort|wachtwoord)"
    rb"|session[ _-]id|erlang cookie)"
)
_IS = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(" + _SECRET_NOUN + rb")s?\)?(?: (?:provided|given|supplied|received"
    rb"|used|found|detected|entered|submitted|generated|issued|value|sent|header|cookie|parameter"
    rb"|field|argument"
    rb"|for (?:(?:the|a|an|your|new) ){0,2}(?:(?:user|username|account|login|tenant|customer|client"
    rb"|project) )?[\"']?[\w@.'-]{1,60}[\"']?))?"
    rb"(?: (?:is|was) (?:too (?:short|long|weak)|invalid|not valid|malformed|wrong|unknown):"
    rb"| (?:is|was|are|were|equals|has been|will be"
    rb"|ist|lautet|war|est|es|\xc3\xa8|\xc3\xa9|\xc3\xa4r)"
    rb"(?: (?:now|currently|set to|changed to|reset to|still))?:?|(?: (?:set|changed|reset"
    rb"|updated|rotated|equal) to):?| ?:| =>?| ->"
    rb"| (?:provided|given|supplied|received|sent|was|of))[ ]+"
)
_WITH = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(?:with|using|use|and|entered|typed|tried|temporary|temp|initial|default|new|old|root|admin"
    rb"|your|my|his|her|bad|wrong|invalid|incorrect|unknown|expired|revoked)(?: the)?"
    rb"(?: [a-z]{2,12})? (" + _SECRET_NOUN + rb") "
)
_CODE_IS = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(?:([\w\x80-\xff]{2,20})[ _-])?"
    rb"(?:(?:pass)?code|[th]?otp|pin|one[- ]time[- ]password|tan)"
    rb"(?: (?:entered|typed|submitted))?(?:-code)?(?: (?:for|to) [^\d:]{1,40})?"
    rb"(?: is| was| lautet| ist| est| es|:|=| =)?:? ?[\"'`(]{0,2}"
    rb"(?:[A-Z]-)?(\d[\d -]{2,8}\d)"
)
_NO_OTP_BEFORE = frozenset(
    b"""error status exit return response zip postal country product sku reason area http
    promo discount coupon source line op key char unicode region currency language event fault state
    result message byte bar exception signal sql vendor errno swift branch dialing""".split()
)
_OTP_BEFORE = frozenset(
    b"""verification security confirmation login access auth authentication authorization sms 2fa
    mfa otp totp time one-time factor reset activation backup recovery
    your ihr dein votre""".split()
)
_IS_CODE = compile_bytes(
    rb"(?i)\b(\d{3}[ -]?\d{1,5}) (?:is|as) (?:your|the) [^\d\r\n.]{0,40}(?:code|otp|pin)\b"
)


# The name of a secret and a value that looks made up, with no more than space or an arrow between.
_APART = compile_bytes(
    rb"""(?i)([:{]?)([\w.\-\x80-\xff]{0,40}(?:password|passwd|passwort|passphrase|pwd|secret|token"""
    rb"""|session[ _\-]?id|session|(?:api|access|secret|private|signing|encryption|master"""
    rb"""|licen[cs]e|activation|product|client|account)[ _\-]?key|"""
    rb"""kennwort|mot de passe|contrase\xc3\xb1a|senha|wachtwoord|l\xc3\xb6senord))"""
    rb"""["'`]?(>>, ?<<|[ \t]*(?:->|\xe2\x86\x92|\.{4,}:?)[ \t]*"""
    rb"""|(?:[ \t]*[=:])?[ \t]*(?:\r?\n[ \t]*){1,3}|[ \t]{1,20}|,[ \t]|,(?:<<)?)"""
)


# What `_IS`, `_WITH` and `_APART` match holds this, in lower case: the name of a secret and what
# may be behind it. Most names are keys, which `:`, `=` or a quotation mark follows.
_TOLD = re.compile(
    rb"(?:key|token|secret|pass(?:word|wort| ?phrase|code|wd|e)|pwd|credentials?|kennwort"
    rb"|contrase..a|senha|wachtwoord|senord|heslo|has..?o|parola|salasana|adgangskode|passord"
    rb"|session(?:[ _\-]?id)?|erlang cookie)"
    rb"""(?:s?\)?:? |["'`]?(?:[ \t\r\n\xc2\xe2,]|[=:][ \t]*+[\r\n]|->|>>|\.{4}))"""
)


_BRACKETED = compile_bytes(
    rb"""(?:\[([^\s"'\[\](){}<>,]{8,200})\]|\(([^\s"'\[\](){}<>,]{8,200})\)"""
    rb"""|<([^\s"'\[\](){}<>,]{8,200})>)"""
)


def _in_brackets(data: bytes, at: int) -> Value | None:
    """A word between brackets: `token [a1B2c3D4] has expired`."""
    match = _BRACKETED.match(data, at)
    if match is None:
        return None
    start, end = match.span(match.lastindex or 0)
    return Value(start, end, False, " ")


def _secrets_apart(data: bytes) -> Iterator[Span]:
    """`setenv DB_PASSWORD x1y2`, `token a1B2 has expired`."""
    for match in _APART.finditer(data):
        class_ = classify_key(text_of(match.group(2)))
        if class_ is None or not class_.startswith("secret."):
            continue
        sign = match.group(3)
        value = _in_brackets(data, match.end())
        if value is None and data[match.end() : match.end() + 1] in (b"[", b"(", b"{"):
            continue
        value = value or read_value(data, match.end(), " ", class_)
        text = value.text(data)
        if sign in (b",", b",<<"):  # `{password,"x1"}` of Erlang
            given = match.group(1) == b"{" and value.quoted and " " not in text
        elif (match.group(1) == b":" or sign[:1] == b">") and value.quoted:
            given = bool(text)
        elif b"...." in sign:
            given = len(text) <= _LONGEST and "...." not in text and _is_led_to(text, class_)
        elif b"->" in sign or b"\xe2" in sign:
            said = b" " in match.group(2)  # in words, a type may be meant
            if text.endswith(")") and "(" not in text:  # it closes what the name stands in
                value, text = value._replace(end=value.end - 1), text[:-1]
            given = looks_made_up(text) if said else looks_random(text)
            if class_ == "secret.password" and not said:
                given = given or _is_in_map(data, match.start(2), value.end, text)
        elif sign[:1] == b",":  # `[token, x1]` is a pair as .NET prints it, all else a list
            pair = data[match.start(2) - 1 : match.start(2)] == b"["
            closed = data[value.end : value.end + 1] == b"]"
            given = pair and (looks_made_up(text) or (closed and _has_odd_signs(text)))
        elif _ANOTHER_PAIR.match(text) is not None:
            continue
        else:
            given = looks_made_up(text) and not _NAMED_THING.match(text.encode())
            if class_ == "secret.password":
                quote = data[value.start - 1 : value.start]
                word = quote in (b"'", b'"') and is_a_password(value, text, match.group(2))
                given = given or word or _is_mixed(text)
                given = given or (looks_random(text) and _is_put_into_environment(data, match))
            if value.quoted and data[value.end + 1 : value.end + 2] == b";":  # nginx, BIND
                given = given or _has_odd_signs(text)
        if given and not is_innocent(text, class_):
            yield Span(value.start, value.end, class_, "words.apart")


# Scala's: `Map(user -> bob, password -> wintertime)`.
_MAP = re.compile(rb"(?:Map|Map[1-4])\((?:[^()\r\n]{0,400}, )?+\"?\Z")


def _is_in_map(data: bytes, start: int, end: int, text: str) -> bool:
    """Whether a word is the value of a map that was printed."""
    if data[end : end + 1] not in (b",", b")") or not text.isalnum() or len(text) < _SHORTEST:
        return False
    return _MAP.search(data[max(0, start - 420) : start]) is not None


_SETTING = re.compile(rb"(?:^|[\s;&|\"'`])set(?:x|env)? \Z")


def _is_put_into_environment(data: bytes, match: re2._Match[bytes]) -> bool:
    """Whether a shell gives a variable a value: `setx DB_PASSWORD winter1`."""
    start = match.start(2)
    if not match.group(2).isupper() or match.group(3).strip(b" "):
        return False
    return _SETTING.search(data[max(0, start - 8) : start]) is not None


def _is_mixed(text: str) -> bool:
    """Whether a word has letters, digits and signs that no name has."""
    return _has_odd_signs(text) and any(map(str.isdigit, text)) and not _AN_ADDRESS.search(text)


def _is_led_to(text: str, class_: str) -> bool:
    """Whether dots lead to a secret rather than to what became of it."""
    return looks_random(text) if class_ == "secret.password" else looks_made_up(text)


def _has_odd_signs(text: str) -> bool:
    """Whether a word is made of more than what names are made of."""
    return looks_random(text) and any(not c.isalnum() and c not in "-._/:" for c in text)


_AS = compile_bytes(
    rb"(?i)(?:^|[\s\"'])(?://|/\*|#|;|--)?([^\s\"']{8,100})[\"']? (?:as|is) (?:the |your |my |a )?"
    rb"(?:new |temporary )?(?:password|passphrase|token|api key|secret)\b"
)

# The fewest signs of a code: in other texts nobody needs to look further.
_DIGITS = re.compile(rb"[0-9][0-9 -]{2}")
_CODE_WORDS = re.compile(rb"code|otp|pin|tan|password")

# UUIDs are ids; names of Kubernetes' secrets end in letters and digits (`default-token-x7k2p`).
_NAMED_THING = compile_bytes(rb"^[a-z0-9]+(?:-[a-z0-9]+)+$|^[A-F0-9]{8}-")


# `POST /oauth2/token client_id=x1`: what it is called stands before it.
_ANOTHER_PAIR = re.compile(r"[A-Za-z_.\-]{2,40}=[^=]")
_AN_ADDRESS = re.compile(r"[\w.]@[\w-]|[\w]=|[(){}\[\]<>|,;\\$%&]")  # or a setting, or code


def find_phrases(data: bytes) -> Iterator[Span]:
    """Find what a sentence calls a password, a token or a code."""
    lowered = data.lower()
    told = _TOLD.search(lowered) is not None
    if told and b" " in data:
        yield from _named_secrets(data)
    if b" as " in lowered or b" is " in lowered:
        yield from _named_behind(data)
    if told:
        yield from _secrets_apart(data)
    if b"bearer" in lowered or b"basic" in lowered:
        yield from _schemes(data)
    if _DIGITS.search(data) is not None and _CODE_WORDS.search(lowered) is not None:
        yield from _one_time_codes(data)


def _named_secrets(data: bytes) -> Iterator[Span]:
    for match in _IS.finditer(data):
        if b" " not in match.group(1) and not data[match.end(1) : match.end()].strip(b" :=s)"):
            continue  # `password: x` is a pair
        value = read_value(data, match.end(), " ", "secret.password")
        text = value.text(data)
        if is_innocent(text, "secret.password"):
            continue
        said = data[match.end(1) : match.end()].strip()
        if _is_given(match.group(1), said, value, text) or _is_answer(data, said, value):
            class_ = classify_key(text_of(match.group(1))) or "secret.token"
            yield Span(value.start, value.end, class_, "words.sentence")
    for match in _WITH.finditer(data):
        value = read_value(data, match.end(), " ", "secret.password")
        text = value.text(data)
        given = is_a_password(value, text, match.group(1))
        if (given or looks_random(text)) and not is_innocent(text, "secret.password"):
            class_ = classify_key(text_of(match.group(1))) or "secret.token"
            yield Span(value.start, value.end, class_, "words.sentence")
    yield from find_checked(data)
    yield from find_tried(data)


def _is_given(noun: bytes, said: bytes, value: Value, text: str) -> bool:
    """Whether a text is what a sentence calls so; of words alone only one in quotes is."""
    if _KEY_OF_SERVICE.fullmatch(noun):  # brokers, stores and SSH have keys of other kinds
        long = len(text) >= _LONG and text.isalnum() and looks_random(text)
        return ":" not in text and (long or looks_made_up(text))
    if noun[-6:].lower() == b"cookie":  # capitals only
        return len(text) >= _LONG and text.isalnum()
    if said.endswith((b"short:", b"long:", b"weak:", b"valid:", b"formed:", b"wrong:", b"known:")):
        return looks_made_up(text)  # an explanation may follow
    if said.endswith((b"->", b"=>")):  # `(token) -> HttpResponseContent` is code
        return b")" not in said and looks_made_up(text)
    about = said == b"of"  # a token of `inline` type
    quoted = value.quoted and " " not in text and not about and not closes(text)
    return quoted or looks_random(text)


def _is_answer(data: bytes, said: bytes, value: Value) -> bool:
    """Whether a word is what was typed at a prompt: `Password for bob: hunter`."""
    if not (said.startswith(b"for ") and said.endswith(b":")):
        return False
    return reads_as_value(data, value._replace(separator=": "), "secret.password")


def _named_behind(data: bytes) -> Iterator[Span]:
    """`a1B2c3D4 is the new password`."""
    for match in _AS.finditer(data):
        text = text_of(match.group(1))
        if looks_made_up(text) and not is_innocent(text, "secret.password"):
            yield span_of(match.span(1), "secret.password", "words.sentence")


def _schemes(data: bytes) -> Iterator[Span]:
    for match in _LONE_SCHEME.finditer(data):
        text = text_of(match.group(2))
        if b"=" in match.group(2).rstrip(b"="):
            continue  # the next pair of a list of pairs
        if looks_random(text) or len(text) >= 20:
            basic = match.group(1)[:2].lower() == b"ba"
            class_ = "secret.basic_auth" if basic else "secret.token.bearer"
            yield span_of(match.span(2), class_, "words.scheme")


def _one_time_codes(data: bytes) -> Iterator[Span]:
    for match in _CODE_IS.finditer(data):
        before = (match.group(1) or b"").lower()
        digits = sum(48 <= byte <= 57 for byte in match.group(2))
        if before in _NO_OTP_BEFORE or not 4 <= digits <= 8:
            continue
        noun = data[match.start() : match.start(2)].lower()
        telling = b"otp" in noun or b"pin" in noun or b"pass" in noun or before in _OTP_BEFORE
        if telling or (digits == 6 and b" is" in noun):
            yield span_of(match.span(2), "secret.otp", "words.otp")
    for match in _IS_CODE.finditer(data):
        yield span_of(match.span(1), "secret.otp", "words.otp")
