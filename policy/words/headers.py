"""What of the value of a header is sensitive: credentials behind a scheme, cookies. In bytes."""

from __future__ import annotations

import re

from ..keys import classify_key
from .innocence import is_innocent
from .values import MAX_VALUE, closing_of, compile_bytes, looks_random, read_value, text_of

SCHEME = re.compile(
    rb"(?i)(?:bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|key|jwt|oauth|hmac|hawk"
    rb"|sso-key|splunk|genie(?:key)?|aws4-hmac-sha256|goog4-rsa-sha256|sharedkey|sharedkeylite"
    rb"|kakaoak|client-id|discogs|bot|sapisidhash|dpop|hoba|vapid|scram-sha-[0-9]++)[ :=]++"
)
_HEADER_END = compile_bytes(rb"""[\r\n"'`<]|\\[nr"']| -H |, '""")
_COOKIE = rb"""(?:^|[;,])[ \t\n\f\r]*([^ \t\n\f\r=;,"']{1,80})=("[^"]*"|[^;, \t\n\f\r]*)"""
# RE2 is called for longer than `re` looks at the header of a browser, and is faster with long ones.
_COOKIES, _SHORT_COOKIES, _SHORT = compile_bytes(_COOKIE), re.compile(_COOKIE), 1024
# What schemes with several parts write in quotes: `Token token="x1"`, `Digest username="bob"`.
_PARAMETER = re.compile(rb'(?:^|[ ,])[a-z_]{2,24}="\Z')
_LONGEST_PARAMETER = 26  # and what is before it
_OPENS_WITH_PARAMETER = re.compile(rb'[a-z_]{2,24}="')
# Attributes of Set-Cookie (RFC 6265) and what sites keep in cookies openly.
OPEN_COOKIES = frozenset(
    b"""path domain expires max-age samesite secure httponly version comment priority partitioned
    theme lang language locale currency timezone tz country region color mode layout view
    consent cookieconsent cookie_consent ab variant""".split()
)


def header_value(data: bytes, at: int) -> tuple[int, int]:
    """A header's value in text: to the end of the line, or to the quote that opened it."""
    while data[at : at + 1] in (b'"', b"'", b"\\", b"[", b"`", b"b") and at < len(data):
        if data[at : at + 1] == b"b" and data[at + 1 : at + 2] not in (b'"', b"'"):
            break
        at += 1
    limit = _end_of_header(data, at, min(len(data), at + MAX_VALUE))
    if data[at - 1 : at] == b"[":  # Java prints a list of values
        closing = closing_of(data, at - 1, limit)
        limit = closing if closing >= 0 else limit
    return at, limit


def _end_of_header(data: bytes, at: int, limit: int) -> int:
    search = at
    while (end := _HEADER_END.search(data, search, limit)) is not None:
        start: int = end.start()
        before = data[max(at, start - _LONGEST_PARAMETER) : start + 1]
        named = data[start : start + 1] == b'"' and _PARAMETER.search(before)
        closing = data.find(b'"', start + 1, limit) if named else -1
        if closing < 0:
            return start
        search = closing + 1
    return limit


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
    scheme = SCHEME.match(value)
    start = scheme.end() if scheme is not None else 0
    class_ = "secret.token.bearer"
    if scheme is not None and value[:5].lower() == b"basic":
        class_ = "secret.basic_auth"
    end = len(value.rstrip())
    structured = scheme is not None and b"=" in value[start:] and b", " in value[start:]
    structured = structured or _OPENS_WITH_PARAMETER.match(value, start) is not None
    if not structured:
        end = read_value(value, start, "=", "secret.token").end
        if scheme is None and value[end : end + 1] == b" ":  # a scheme we do not know
            start = end + 1
            end = read_value(value, start, "=", "secret.token").end
    text = text_of(value[start:end])
    if is_innocent(text, class_) or (scheme is None and not looks_random(text)):
        return []
    return [(start, end, class_)]


def _cookies(value: bytes) -> list[tuple[int, int, str]]:
    parts = []
    pattern = _SHORT_COOKIES if len(value) <= _SHORT else _COOKIES
    for match in pattern.finditer(value):
        name, text = match.group(1), text_of(match.group(2)).strip('"')
        if name.lower() in OPEN_COOKIES or is_innocent(text, "secret.cookie"):
            continue
        class_ = classify_key(text_of(name))
        if class_ is None and not looks_random(text):
            continue
        found = class_ if class_ and class_.startswith("secret.") else "secret.cookie"
        parts.append((match.start(2), match.end(2), found))
    lone = text_of(value).strip()
    made_up = looks_random(lone) and any(c.isdigit() for c in lone)
    if not parts and "=" not in lone and made_up and not is_innocent(lone, "secret.cookie"):
        return [(0, len(value), "secret.cookie")]
    return parts
