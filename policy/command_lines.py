"""Secrets among the arguments of a command line in free text. Offsets in bytes."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from .findings import Span
from .keys import classify_key, is_innocent
from .values import BY_SHAPE, MAX_VALUE, Value, compile_bytes, reads_as_value, span_of, text_of

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
    rb"|mongo(?:sh|dump)?|zip|ldapsearch|smbclient|mosquitto_(?:pub|sub)|rabbitmqadmin|clickhouse-client|7z|unzip)\b"
    rb"[^\r\n|;]{0,200}?[\s'\"]-(?:p|a|w|P)(?:['\"],)?['\" ]?['\"]?([^\s'\",-][^\s'\"]*)"
)
_PIPED = compile_bytes(
    rb"""(?i)\becho(?: -n)? ["']?([^\s"'|]{4,200})["']? *\| *"""
    rb"""(?:sudo -S|docker login|passwd|su\b|gpg|openssl)"""
)
_KEY_OF_OPENSSL = compile_bytes(rb"\bopenssl\b[^\r\n|;]{0,200}? -[kK] ['\"]?([^\s'\"-][^\s'\"]*)")
_NET_USE = compile_bytes(
    rb"(?i)\bnet use [^\r\n]{0,100}?\\\\[^\s]{1,100} ([^\s/*][^\s]{3,100}) /user:"
)
_CURL_USER = compile_bytes(
    rb"(?i)\b(?:curl|wget|http)\b[^\r\n|;]{0,300}?[\s'\"](?:-u|--user|-U|--proxy-user)"
    rb"(?:['\"],)?[ =]?['\"]?"
    rb"[^\s:'\"]{1,100}:([^\s'\"]+)"
)


def find_in_command_lines(data: bytes) -> Iterator[Span]:
    """Find values that an option names: `--api-key x`, `mysql -px`, `curl -u bob:x`."""
    for match in _FLAG.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        value = _argument(data, match)
        if value.text(data).lower() in _NO_ARGUMENTS:
            continue
        if reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.flag")
    for pattern in (_SHORT_FLAG, _CURL_USER, _KEY_OF_OPENSSL, _NET_USE, _PIPED):
        for match in pattern.finditer(data):
            if not is_innocent(match.group(1), "secret.password"):
                yield span_of(match.span(1), "secret.password", "words.flag")


def _argument(data: bytes, match: re2._Match[bytes]) -> Value:
    """What follows a flag: a word, or all that stands in quotes on its line."""
    start, end = match.span(3)
    quote = data[start - 1 : start]
    if quote in (b'"', b"'"):
        closing = data.find(quote, end, start + MAX_VALUE)
        if closing > end and data.find(b"\n", end, closing) < 0:
            return Value(start, closing, True, "=")
    return Value(start, end, False, "=")
