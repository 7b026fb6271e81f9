"""Words before a value in free text: `password=…`, `token is …`, `--api-key …`, `Bearer …`.

One vocabulary serves keys of documents and keys in text (`keys.classify_key`). What a line of
source code says about a variable (`token = tokens.get(…)`, `password=None`) is not a value.
All offsets are in bytes of the UTF-8 text; bytes from 0x80 up count as letters.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from .findings import Span
from .keys import classify_key, is_innocent, words_of
from .values import MAX_VALUE, Value, compile_bytes, read_value, reads_as_value, separator_of

_KEY = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_.\-\x80-\xff]{0,60}"

_PAIR = compile_bytes(
    rb"(" + _KEY + rb")(?:\[\])?"
    rb"""(\\{0,15}["'`]?\]?[ \t]*(?:=>|:=|={1,3}|:)[ \t]*)"""
)

# Classes whose values other detectors find by their shape; a key in free text adds nothing.
_BY_SHAPE = frozenset(["pii.ip", "pii.mac", "secret.url_credentials", "secret.connection_string"])


def find_words(data: bytes) -> list[Span]:
    """Find values that the words before them give away."""
    spans = list(_pairs(data))
    spans += _phrases(data)
    if b"</" in data or b"name" in data or b"key" in data:
        spans += _markup(data)
    if b"-" in data:
        spans += _flags(data)
    if b"'" in data or b'"' in data:
        spans += _arguments(data)
        spans += _sql(data)
    return spans


# -- key, sign, value ------------------------------------------------------------------------


def _pairs(data: bytes) -> Iterator[Span]:
    match = _PAIR.search(data)
    while match is not None:
        after = match.end()
        class_ = classify_key(_text(match.group(1)))
        if class_ is not None and class_ not in _BY_SHAPE:
            found = list(_keyed(data, after, separator_of(match.group(2)), class_))
            yield from found
            after = max([after, *(span.end for span in found)])
        match = _PAIR.search(data, after)


def _keyed(data: bytes, at: int, separator: str, class_: str) -> Iterator[Span]:
    """The sensitive part of the value at `at`, which a key of this class announced."""
    if class_ in ("secret.cookie", "secret.token.bearer"):
        if separator == " = " and data[at : at + 1] not in (b'"', b"'"):
            return  # an assignment in code
        start, end = _header_value(data, at)
        parts = sensitive_parts(data[start:end], class_)
        yield from (Span(start + a, start + b, c, "words.header") for a, b, c in parts)
        return
    if data[at : at + 1] in b"[(" and (listed := _listed(data, at, class_)) is not None:
        yield from listed
        return
    value = read_value(data, at, separator, class_)
    if value.separator == " = " and data[at : at + 1] == b"(":
        return
    if class_ == "pii.name" and not value.quoted:
        value = _name(data, value)
    if reads_as_value(data, value, class_):
        yield from _without_scheme(data, value, class_)


def _without_scheme(data: bytes, value: Value, class_: str) -> Iterator[Span]:
    """The value; behind `Bearer ` if it begins so."""
    start, end = value.start, value.end
    scheme = _SCHEME.match(data, start)
    if scheme is not None and class_.startswith("secret."):
        start = scheme.end()
        if not value.quoted:
            end = read_value(data, start, value.separator, class_).end
    if start < end:
        yield Span(start, end, class_, "words.pair")


_CAPITALISED = compile_bytes(rb"(?:[A-Z\xc3-\xc9][^\s,;=:&|\d()\[\]{}<>\"]* ?){1,4}")


def _name(data: bytes, value: Value) -> Value:
    """A name without quotes goes on over its capitalised words."""
    match = _CAPITALISED.match(data, value.start)
    if match is None or match.end() <= value.end:
        return value
    end = match.end()
    if data[end : end + 1] in b"=:" and b" " in data[value.start : end]:  # the last is a key
        end = data.rindex(b" ", value.start, end)
    end = value.start + len(data[value.start : end].rstrip())
    return Value(value.start, max(end, value.end), False, value.separator)


_ARGUMENT = compile_bytes(rb"""(""" + _KEY + rb""")(?:["']\s*,|\()\s*["']""")
_READERS = (
    "get fetch find read load lookup check delete remove clear reset generate create verify "
    "validate parse decode encode hash encrypt decrypt require request new"
)


def _arguments(data: bytes) -> Iterator[Span]:
    """`define('DB_PASSWORD', 'x1')`, `setPassword("x1")`: values that look made up only."""
    for match in _ARGUMENT.finditer(data):
        key = _text(match.group(1))
        class_ = classify_key(key)
        if class_ is None or not class_.startswith("secret.") or class_ in _BY_SHAPE:
            continue
        if words_of(key)[0] in _READERS.split():
            continue
        value = read_value(data, match.end() - 1, " ", class_)
        if class_ in ("secret.cookie", "secret.token.bearer"):
            parts = sensitive_parts(data[value.start : value.end], class_)
            for start, end, found in parts:
                yield Span(value.start + start, value.start + end, found, "words.argument")
            continue
        text = value.text(data)
        if _looks_random(text) and not is_innocent(text, class_) and classify_key(text) is None:
            yield Span(value.start, value.end, class_, "words.argument")


def _listed(data: bytes, at: int, class_: str) -> Iterator[Span] | None:
    """The strings of a list or tuple: `auth=('bob', 'x1')`; None if it is none or holds names."""
    match = _STRINGS.match(data, at)
    if match is None:
        return None
    return (
        _at(item.span(1), class_, "words.pair")
        for item in _STRING.finditer(data, match.start(1), match.end(1))
        if not is_innocent(item.group(1), class_)
    )


_STRING = compile_bytes(rb"""[bu]?["']([^"'\\]*)["']""")
_STRINGS = compile_bytes(rb"""[\[(]((?:\s*[bu]?(?:"[^"\\]*"|'[^'\\]*')\s*,?){2,20})[\])]""")


# -- headers ---------------------------------------------------------------------------------

_SCHEME = compile_bytes(
    rb"(?i)(?:bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|key|jwt|oauth|hmac|hawk"
    rb"|sso-key|splunk|genie(?:key)?|aws4-hmac-sha256|goog4-rsa-sha256|sharedkey|sharedkeylite"
    rb"|kakaoak|client-id|discogs|bot|sapisidhash|dpop|hoba|vapid|scram-sha-\d+)[ :=]+"
)
_HEADER_END = compile_bytes(rb"""[\r\n"'`<]|\\[nr"']| -H |, '""")
_LONE_SCHEME = compile_bytes(rb"(?i)\b(bearer|basic)(?: |%20|\+)+([A-Za-z0-9._~+/=\-:|]{8,})")
_COOKIE = compile_bytes(rb"""(?:^|;|,)\s*([^\s=;,"']{1,80})=("[^"]*"|[^;,\s]*)""")
# Attributes of Set-Cookie (RFC 6265) and what sites keep in cookies openly.
_OPEN_COOKIES = frozenset(
    b"""path domain expires max-age samesite secure httponly version comment priority partitioned
    theme lang language locale currency timezone tz country region color mode layout view
    consent cookieconsent cookie_consent ab variant""".split()
)


def _header_value(data: bytes, at: int) -> tuple[int, int]:
    """A header's value in text: to the end of the line, or to the quote that opened it."""
    while data[at : at + 1] in (b'"', b"'", b"\\", b"[", b"`", b"b") and at < len(data):
        if data[at : at + 1] == b"b" and data[at + 1 : at + 2] not in (b'"', b"'"):
            break
        at += 1
    end = _HEADER_END.search(data, at, min(len(data), at + MAX_VALUE))
    return at, end.start() if end is not None else min(len(data), at + MAX_VALUE)


def sensitive_parts(value: bytes, class_: str) -> list[tuple[int, int, str]]:
    """What of a value under a key of this class is to go: start, end (bytes), class.

    An authorization header keeps its scheme, a cookie header its names and its open values. For
    every other class it is the whole value. Empty where the value is innocent.
    """
    if class_ == "secret.token.bearer":
        return _credentials(value)
    if class_ == "secret.cookie":
        return _cookies(value)
    if is_innocent(value, class_):
        return []
    return [(0, len(value), class_)]


def _credentials(value: bytes) -> list[tuple[int, int, str]]:
    scheme = _SCHEME.match(value)
    start = scheme.end() if scheme is not None else 0
    class_ = "secret.token.bearer"
    if scheme is not None and value[:5].lower() == b"basic":
        class_ = "secret.basic_auth"
    end = len(value.rstrip())
    structured = scheme is not None and b"=" in value[start:] and b", " in value[start:]
    if not structured:
        end = read_value(value, start, "=", "secret.token").end
        if scheme is None and value[end : end + 1] == b" ":  # a scheme we do not know
            start = end + 1
            end = read_value(value, start, "=", "secret.token").end
    text = _text(value[start:end])
    if is_innocent(text, class_) or (scheme is None and not _looks_random(text)):
        return []
    return [(start, end, class_)]


def _cookies(value: bytes) -> list[tuple[int, int, str]]:
    parts = []
    for match in _COOKIE.finditer(value):
        name, text = match.group(1), _text(match.group(2)).strip('"')
        if name.lower() in _OPEN_COOKIES or is_innocent(text, "secret.cookie"):
            continue
        class_ = classify_key(_text(name))
        if class_ is None and not _looks_random(text):
            continue
        found = class_ if class_ and class_.startswith("secret.") else "secret.cookie"
        parts.append((match.start(2), match.end(2), found))
    lone = _text(value).strip()
    made_up = _looks_random(lone) and any(c.isdigit() for c in lone)
    if not parts and "=" not in lone and made_up and not is_innocent(lone, "secret.cookie"):
        return [(0, len(value), "secret.cookie")]
    return parts


_HOST_AND_PORT = re2.compile(r"^[A-Za-z][\w.-]*:\d{1,5}$")


def _looks_random(text: str) -> bool:
    """Whether a word is nothing that people write: long enough, and not of letters only."""
    if len(text) < 6 or " " in text or _HOST_AND_PORT.search(text):
        return False
    letters = any(c.isalpha() for c in text)
    digits = any(c.isdigit() for c in text)
    special = any(not c.isalnum() and c not in "-._/:" for c in text)
    inner = any(c.isupper() for c in text[1:]) and any(c.islower() for c in text)
    return letters and (digits or special or (inner and len(text) >= 16))


# -- sentences -------------------------------------------------------------------------------

_WHOSE = (
    rb"(?:api|access|secret|private|auth|authentication|refresh|bearer|session|security|client"
    rb"|signing|encryption|licen[cs]e|oauth|account|shared|master|app|webhook|service)[ _-]"
)
_SECRET_NOUN = (
    rb"(?:(?:" + _WHOSE + rb"){1,2}key|(?:" + _WHOSE + rb"){0,2}"
    rb"(?:token|secret|password|passwort|passphrase|passcode|passwd|pwd|credentials?|kennwort))"
)
_IS = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(" + _SECRET_NOUN + rb")s?\)?(?: (?:provided|given|supplied|received"
    rb"|used|found|value|sent|for [\w@.'-]{1,60}))?(?: (?:is|was|are|were|equals|has been|will be)"
    rb"(?: (?:now|currently|set to|changed to|reset to|still))?:?|(?: (?:set|changed|reset"
    rb"|updated|rotated|equal) to):?|:| =| (?:provided|given|supplied|received|sent|was|of))[ ]+"
)
_WITH = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(?:with|using|use|and|temporary|temp|initial|default|new|old|root|admin"
    rb"|your|my|his|her|bad|wrong|invalid|incorrect|unknown|expired|revoked)(?: the)?"
    rb"(?: [a-z]{2,12})? (" + _SECRET_NOUN + rb") "
)
_CODE_IS = compile_bytes(
    rb"(?i)(?:^|[^\w\x80-\xff])(?:([\w\x80-\xff]{2,20})[ _-])?"
    rb"(?:(?:pass)?code|otp|pin|one[- ]time[- ]password|tan)"
    rb"(?: (?:for|to) [^\d:]{1,40})?(?: is| was|:|=| =)?:? ?[\"'`(]{0,2}"
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
    your""".split()
)
_IS_CODE = compile_bytes(
    rb"(?i)\b(\d{3}[ -]?\d{1,5}) (?:is|as) (?:your|the) [^\d\r\n.]{0,40}(?:code|otp|pin)\b"
)


def _phrases(data: bytes) -> Iterator[Span]:
    for match in _IS.finditer(data):
        if b" " not in match.group(1) and not data[match.end(1) : match.end()].strip(b" :=s)"):
            continue  # `password: x` is a pair
        value = read_value(data, match.end(), " ", "secret.password")
        text = value.text(data)
        if is_innocent(text, "secret.password"):
            continue
        if (value.quoted and " " not in text) or _looks_random(text):
            class_ = classify_key(_text(match.group(1))) or "secret.token"
            yield Span(value.start, value.end, class_, "words.sentence")
    for match in _WITH.finditer(data):
        value = read_value(data, match.end(), " ", "secret.password")
        text = value.text(data)
        if _looks_random(text) and not is_innocent(text, "secret.password"):
            class_ = classify_key(_text(match.group(1))) or "secret.token"
            yield Span(value.start, value.end, class_, "words.sentence")
    for match in _LONE_SCHEME.finditer(data):
        text = _text(match.group(2))
        if b"=" in match.group(2).rstrip(b"="):
            continue  # the next pair of a list of pairs
        if _looks_random(text) or len(text) >= 20:
            basic = match.group(1)[:2].lower() == b"ba"
            class_ = "secret.basic_auth" if basic else "secret.token.bearer"
            yield _at(match.span(2), class_, "words.scheme")
    yield from _one_time_codes(data)


def _one_time_codes(data: bytes) -> Iterator[Span]:
    for match in _CODE_IS.finditer(data):
        before = (match.group(1) or b"").lower()
        digits = sum(48 <= byte <= 57 for byte in match.group(2))
        if before in _NO_OTP_BEFORE or not 4 <= digits <= 8:
            continue
        noun = data[match.start() : match.start(2)].lower()
        telling = b"otp" in noun or b"pin" in noun or b"pass" in noun or before in _OTP_BEFORE
        if telling or (digits == 6 and b" is" in noun):
            yield _at(match.span(2), "secret.otp", "words.otp")
    for match in _IS_CODE.finditer(data):
        yield _at(match.span(1), "secret.otp", "words.otp")


# -- names and values apart: XML, HTML, multipart, name/value pairs --------------------------

_ELEMENT = compile_bytes(
    rb"<(?:[\w.-]{1,40}:)?([\w.-]{1,60})(?:\s[^<>]{0,300})?>(?:<!\[CDATA\[)?([^<\]]+)"
)
_NAMED = compile_bytes(
    rb"""(?i)(?:^|[^\w])(?:name|key|id|field|param|parameter|header|variable)\\{0,15}["']?\s*[=:]"""
    rb"""\s*\\{0,15}["']?(""" + _KEY + rb""")(?:\[\])?\\{0,15}["']?"""
)
_ITS_VALUE = compile_bytes(
    rb"""(?i)^[^<>{}\r\n]{0,200}?(?:\r?\n[ \t]{0,40})?[\s,"']"""
    rb"""(?:value|val|content)\\{0,15}["']?\s*[=:]\s*"""
)
_ITS_TEXT = compile_bytes(rb"^[^<>{}\r\n]{0,200}>([^<>]+)<")
_ITS_PART = compile_bytes(
    rb"^(?:;[^\r\n]{0,200}|\\?\")?(?:(?:\r?\n|\\r\\n|\\n)[A-Za-z-]{1,40}:[^\r\n\\]{0,200}){0,4}"
    rb"(?:\r?\n\r?\n|\\r\\n\\r\\n|\\n\\n)"
)
_PART_END = compile_bytes(rb"\r?\n--|\\r\\n--|\\n--")


def _markup(data: bytes) -> Iterator[Span]:
    if b"</" in data:
        for match in _ELEMENT.finditer(data):
            class_ = classify_key(_text(match.group(1)))
            if class_ is None or class_ in _BY_SHAPE:
                continue
            if not is_innocent(match.group(2), class_):
                yield _at(match.span(2), class_, "words.element")
    for match in _NAMED.finditer(data):
        class_ = classify_key(_text(match.group(1)))
        if class_ is None or class_ in _BY_SHAPE:
            continue
        if data[match.start(1) - 1 : match.start(1)] == b" " and b'"' in match.group(0):
            continue  # `"key": cookie.key`: code
        bounds = _its_value(data, match.start(), match.end(), class_)
        if bounds and not is_innocent(data[bounds[0] : bounds[1]], class_):
            yield _at(bounds, class_, "words.named")


def _its_value(data: bytes, start: int, end: int, class_: str) -> tuple[int, int] | None:
    """Where the value stands that belongs to the name that ends at `end`."""
    ahead = data[end : end + 1200]
    if found := _ITS_VALUE.search(ahead):
        value = read_value(data, end + found.end(), "=", class_)
        return value.start, value.end
    if found := _ITS_PART.search(ahead):
        begin = end + found.end()
        stop = _PART_END.search(data, begin, min(len(data), begin + MAX_VALUE))
        return begin, stop.start() if stop else min(len(data), begin + MAX_VALUE)
    if found := _ITS_TEXT.search(ahead):
        return end + found.start(1), end + found.end(1)
    opened = data.rfind(b"<", max(0, start - 400), start)  # <input value="…" name="password">
    if opened >= 0 and data.find(b">", opened, start) < 0:
        before = _ITS_VALUE.search(data[opened + 1 : start + 1])
        if before:
            value = read_value(data, opened + 1 + before.end(), "=", class_)
            return value.start, value.end
    return None


# -- command lines ---------------------------------------------------------------------------

_FLAG = compile_bytes(
    rb"""(?:^|[\s"'\[,(])--?([A-Za-z][A-Za-z0-9_.-]{1,60})(["']?,\s*["']|\s+["']?)"""
    rb"""([^\s"',\]\-][^\s"'\],]*)"""
)
# What follows a flag that a sentence talks about.
_NO_ARGUMENTS = (
    "and", "or", "is", "are", "was", "option", "options", "flag", "flags", "argument", "arguments",
    "parameter", "parameters", "value", "to", "with", "for", "in", "the", "not", "must", "can",
)  # fmt: skip
_SHORT_FLAG = compile_bytes(
    rb"(?i)\b(?:mysql(?:dump|admin)?|mariadb|sshpass|redis-cli|docker login|htpasswd"
    rb"|mongo(?:sh|dump)?|ldapsearch|smbclient|mosquitto_(?:pub|sub)|rabbitmqadmin|clickhouse-client|7z|unzip)\b"
    rb"[^\r\n|;]{0,200}?\s-(?:p|a|w|P)['\" ]?['\"]?([^\s'\"-][^\s'\"]*)"
)
_CURL_USER = compile_bytes(
    rb"(?i)\b(?:curl|wget|http)\b[^\r\n|;]{0,300}?\s(?:-u|--user|-U|--proxy-user)[ =]?['\"]?"
    rb"[^\s:'\"]{1,100}:([^\s'\"]+)"
)


def _flags(data: bytes) -> Iterator[Span]:
    for match in _FLAG.finditer(data):
        class_ = classify_key(_text(match.group(1)))
        if class_ is None or class_ in _BY_SHAPE:
            continue
        start, end = match.span(3)
        value = Value(start, end, False, "=")
        if value.text(data).lower() in _NO_ARGUMENTS:
            continue
        if reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.flag")
    for pattern in (_SHORT_FLAG, _CURL_USER):
        for match in pattern.finditer(data):
            if not is_innocent(match.group(1), "secret.password"):
                yield _at(match.span(1), "secret.password", "words.flag")


# -- SQL -------------------------------------------------------------------------------------

_IDENTIFIED = compile_bytes(
    rb"""(?i)\b(?:identified\s+(?:with\s+['"]?\w+['"]?\s+)?(?:by|as)(?:\s+password)?\s*|password(?:\s+|\s*\(\s*))"""
    rb"""[NE]?'((?:[^'\\]|\\.|'')+)'"""
)
_COMPARED = compile_bytes(
    rb"""(?i)\b("""
    + _KEY
    + rb""")["'`\]]?\s*(?:!=|<>|\bi?like\b|\bin\b\s*\(|>=?|<=?)\s*N?'((?:[^'\\]|\\.|'')+)'"""
)
_INSERT = compile_bytes(
    rb"(?i)\b(?:insert|replace)\s[^()]{0,200}\(([^()]{1,999})\)\s*(?:values?|select)\s*"
)
_SQL_VALUE = compile_bytes(
    rb"""\s*(?:[NE]?'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.)*)"|([^,()]*(?:\([^()]*\))?))\s*"""
)


def _sql(data: bytes) -> Iterator[Span]:
    for match in _IDENTIFIED.finditer(data):
        if not is_innocent(match.group(1), "secret.password"):
            yield _at(match.span(1), "secret.password", "words.sql")
    for match in _COMPARED.finditer(data):
        class_ = classify_key(_text(match.group(1)))
        if class_ is not None and not is_innocent(match.group(2), class_):
            yield _at(match.span(2), class_, "words.sql")
    for match in _INSERT.finditer(data):
        yield from _inserted(data, match.group(1), match.end())


def _inserted(data: bytes, columns: bytes, at: int) -> Iterator[Span]:
    """The values of an INSERT under the names of their columns; several rows."""
    classes = [classify_key(_text(name.strip(b' \t\r\n`"[]'))) for name in columns.split(b",")]
    if not any(classes):
        return
    while data[at : at + 1] == b"(":
        at += 1
        for class_ in classes:
            match = _SQL_VALUE.match(data, at)
            if match is None:
                return
            group = next((g for g in (1, 2, 3) if match.start(g) >= 0), 0)
            telling = class_ is not None and group and class_ not in _BY_SHAPE
            if class_ and telling and not is_innocent(match.group(group), class_):
                yield _at(match.span(group), class_, "words.sql")
            at = match.end()
            if data[at : at + 1] != b",":
                break
            at += 1
        if data[at : at + 1] != b")":
            return
        at += 1
        while data[at : at + 1] in (b",", b" ", b"\n", b"\r", b"\t"):
            at += 1


def _at(bounds: tuple[int, int], class_: str, detector: str) -> Span:
    return Span(bounds[0], bounds[1], class_, detector)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
