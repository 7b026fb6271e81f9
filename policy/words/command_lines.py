"""Secrets among the arguments of a command line in free text. Offsets in bytes."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence, Set

import re2

from ..findings import Span
from ..keys import classify_key
from ..named import SPAWNED, unquoted
from .innocence import is_innocent
from .values import (
    BY_SHAPE,
    MAX_VALUE,
    Value,
    compile_bytes,
    looks_random,
    reads_as_value,
    span_of,
    text_of,
)

_FLAG = compile_bytes(
    rb"""(?:^|[\s"'\[,(])--?([A-Za-z][A-Za-z0-9_.-]{1,60})(["']?,\s*["']|\s+["']?)"""
    rb"""([^\s"',\]\-][^\s"'\],]*)"""
)
# As Java prints a list. What a sentence lists stands in no brackets, or has flags only.
_LISTED = compile_bytes(
    rb"""[\[,] ?--?([A-Za-z][A-Za-z0-9_.-]{1,60})(, )([^\s"',\]\-][^\s"'\],]*)(?:, |\])"""
)
# What follows a flag that a sentence talks about.
_NO_ARGUMENTS = (
    "and", "or", "is", "are", "was", "option", "options", "flag", "flags", "argument", "arguments",
    "parameter", "parameters", "value", "to", "with", "for", "in", "the", "not", "must", "can",
)  # fmt: skip
# What stands between two arguments in a list as Python, Go, Node, Ruby or Rust prints it, and in a
# call that runs it: `['docker', 'login']`, `"docker" "login"`, `run("docker", ["login"])`.
_QUOTED = r"['\"],?\s*(?:spawnargs: )?[\[(]?\s*[bu]?['\"]"
_BETWEEN = rf"(?:{_QUOTED}|,? )"  # or in a line, or in a list of Java's
# A backslash at the end of a line joins the next one, and in a list it goes on there.
IN_ONE_COMMAND = r"(?:[^\r\n|;]|[\\,\[(]\r?\n)"
# Between a tool and what it is to do may be options of its own: `docker --debug login`.
_WITH_OPTIONS = rf"(?:{_BETWEEN}|{_BETWEEN}-{IN_ONE_COMMAND}{{0,100}}[\s'\"])"
# Tools whose password is an option of one letter, by these letters: in the other case they may be
# a port.
_TOOLS = {
    "p": "mysql(?:dump|admin|import|check|show|sh)?|mariadb|sshpass|(?:docker|az|oc|podman) login"
    "|helm registry login|mongo(?:sh|dump|restore|export|import)?|rabbitmqadmin|7z|unrar|isql"
    "|clickhouse-client|cqlsh|psexec|useradd|usermod|twine upload"
    "|security (?:unlock|create)-keychain",
    "P": "zip|unzip|ssh-keygen|mosquitto_(?:pub|sub)|sqlcmd|bcp|isql",
    "a": "redis-cli|valkey-cli",
    "N": "ssh-keygen",
    "w": "ldap(?:search|add|modify|delete|passwd|whoami)",
    "t": "doctl auth init",
    "k": "security set-key-partition-list|nuget (?:push|delete)",
    "(?:b|-body)=?": "gh secret set",
    "-value=?": "az keyvault secret set|aws ssm put-parameter",
    **dict.fromkeys(
        ("A", "X"), "snmp(?:get|getnext|walk|set|trap|bulkget|bulkwalk|inform|table|usm)"
    ),
}
SHORT_FLAGS = {letters: tools.replace(" ", _WITH_OPTIONS) for letters, tools in _TOOLS.items()}
_ON = IN_ONE_COMMAND.encode()


def _named_by(letters: str, tools: str, apart: str) -> re2._Regexp[bytes]:
    """A password behind an option; how it is set apart from it in a line."""
    option = rf"(?i)\b(?:{tools})\b{IN_ONE_COMMAND}{{0,200}}?[\s'\"]-(?-i:{letters})"
    value = rf"(?:{_QUOTED}|{apart})([^\s'\",-][^\s'\"]*)"
    of_java = r", ([^\s'\",\]-][^\s'\"]*)(?:,\s|\])"
    return compile_bytes(f"{option}(?:{value}|{of_java})".encode())


_SHORT_FLAGS = [_named_by(*each, r"['\" ]?['\"]?") for each in SHORT_FLAGS.items()]
# Behind these letters other options of it go on: `-keyout`.
_KEY_OF_OPENSSL = _named_by("[kK]", "openssl", r" ['\"]?")
_PIPED = compile_bytes(
    rb"""(?i)\becho(?: -n)? ["']?(?:[a-z_][\w-]{0,31}:)?([^\s"'|:][^\s"'|]{3,199})["']? *\|"""
    rb""" *(?:sudo +)?(?:-S|docker login|(?:ch)?passwd|su\b|gpg|openssl)"""
)
# `consul kv put db/password x1`, `pulumi config set dbPassword x1`
SETTING = (
    r"(?:kv|config|env|variables?|vars?|param(?:eter)?s?|settings?) "
    r"(?:put|set|create|add|write) "
)
_SET = compile_bytes(
    rb"(?i)\b" + SETTING.encode() + rb"(?:--?[a-z][\w=-]{0,40} ){0,4}[\"']?"
    rb"(?:[\w.-]{1,60}[/:.]){0,8}([A-Za-z_][\w-]{1,60})[\"']?[ =][\"']?([^\s\"'-][^\s\"']{3,200})"
)
_GIVEN_TO_CHPASSWD = compile_bytes(
    rb"""(?i)\bchpasswd\b[^\r\n|;]{0,40}?<<<? *["']?[a-z_][\w.-]{0,31}:([^\s"']{4,200})"""
)
_GIVEN_TO_LOGIN = compile_bytes(
    rb"""(?i)\b(?:snyk (?:auth|config set api=)|ngrok (?:config add-)?authtoken) ?"""
    rb"""([^\s'"-][^\s'"]{15,200})"""
)
_PASSWORD_COMMAND = compile_bytes(
    rb"""(?i)pass(?:word)?[_-](?:command|cmd)[= ]["']{0,2}(?:echo|printf)(?: -n)? """
    rb"""["']?([^\s"']{4,200})"""
)
_NET_USE = compile_bytes(
    rb"(?i)\bnet (?:use [^\r\n]{0,100}?\\\\[^\s]{1,100} ([^\s/*][^\s]{3,100}) /user:"
    rb"|use [^\r\n]{0,100}?/user:[^\s]{1,100} ([^\s/*][^\s]{3,100})"
    rb"|user [^\s/]{1,100} ([^\s/*][^\s]{3,100}) /(?:add|domain))"
)
_OF_WINDOWS = compile_bytes(
    rb"(?i)\b(?:x?freerdp|mstsc|schtasks|signtool)\b[^\r\n|;]{0,200}? /r?p[: ]['\"]?([^\s'\"/]+)"
)
_SAMBA_USER = compile_bytes(
    rb"(?i)\b(?:smbclient|rpcclient|smbmap|net rpc)\b%b{0,200}?[\s'\"]-U['\"]?,?\s{0,20}b?['\"]?"
    rb"[^\s%%'\"]{1,100}%%([^\s'\"]+)" % _ON
)
# Where the file, or `n` for none, and the user stand before it; and other tools' users.
_FILE_OF_PASSWORDS = compile_bytes(
    rb"(?i)\b(?:htpasswd -(?:[a-zA-Z]{0,4}n[a-zA-Z]{0,4}b[a-zA-Z]{0,4}|[a-zA-Z]{0,4}b[a-zA-Z]{0,4}"
    rb"n[a-zA-Z]{0,4}|[a-zA-Z]{0,4}b[a-zA-Z]{0,4} [^\s]{1,200})"
    rb"|rabbitmqctl (?:add_user|change_password|authenticate_user)|wpa_passphrase"
    rb"|mc (?:alias set|config host add) [^\s]{1,100} [^\s]{1,200})"
    rb" [^\s]{1,100} ['\"]?([^\s'\"]+)"
)
_CURL_USER = compile_bytes(
    rb"(?i)\b(?:curl|wget|https?|xh|lftp|etcdctl|jfrog)\b%b{0,300}?[\s'\"](?:-u|--user|-U|--proxy-user)"
    rb"['\"]?,?[\s=]{0,20}b?['\"]?[^\s:,'\"<]{0,100}['\"]?[:,]['\"]?([^\s'\"<>]+)" % _ON
)
# The name is the secret, and there is no password: `curl -u sk_1a2b3c: …`.
_CURL_TOKEN = compile_bytes(
    rb"(?i)\bcurl\b%b{0,300}?[\s'\"](?:-u|--user)['\"]?,?[\s=]{0,20}b?['\"]?"
    rb"([^\s:'\"<]{8,200}):['\"\s]" % _ON
)


_BY_LETTERS = (*_SHORT_FLAGS, _CURL_USER, _CURL_TOKEN, _SAMBA_USER, _KEY_OF_OPENSSL)
_SEPARATES = re.compile(r"[\s'\"]")  # one argument from another
# Each with what of a text in lower case it needs, if that is not an option.
_PATTERNS = (
    *((pattern, None) for pattern in _BY_LETTERS),
    (_NET_USE, b"net use"),
    (_OF_WINDOWS, b" /"),
    (_FILE_OF_PASSWORDS, b" "),
    (_PIPED, b"echo"),
    (_GIVEN_TO_CHPASSWD, b"chpasswd"),
    (_PASSWORD_COMMAND, b"pass"),
    (_GIVEN_TO_LOGIN, b" "),
)
_PUBLISHED = re.compile(r"(?:[0-9.]{7,15}:)?[0-9]{1,5}:[0-9]{1,5}(?:/tcp|/udp)?")
_LONGEST_PORT = 5
_REMOTE = re.compile(rb"sshpass\b.*[\s'\"/](?:ssh|scp|sftp)[\s'\",]", re.DOTALL)
_OPTION = re.compile(rb"(?:^|[ \t\n\f\r\"'\[,(])--?[A-Za-z]")


def find_in_command_lines(data: bytes) -> Iterator[Span]:
    """Find values that an option names: `--api-key x`, `mysql -px`, `curl -u bob:x`."""
    optional = _OPTION.search(data) is not None
    for match in _flags(data) if optional else ():
        class_ = classify_key(text_of(match.group(1)))
        if class_ is None or class_ in BY_SHAPE:
            continue
        value = _argument(data, match.span(3))
        if value.text(data).lower() in _NO_ARGUMENTS:
            continue
        if reads_as_value(data, value, class_):
            yield Span(value.start, value.end, class_, "words.flag")
    for match in _SET.finditer(data):
        class_ = classify_key(text_of(match.group(1)))
        text = text_of(match.group(2))
        if class_ is None or not class_.startswith("secret.") or classify_key(text) is not None:
            continue
        # `config set password policy` may be a sentence: a word counts behind a name of several.
        part = data[match.start(1) - 1 : match.start(1)] in (b"/", b":", b".")
        given = looks_random(text) or part or not match.group(1).islower()
        if given and text.lower() not in _NO_ARGUMENTS and not is_innocent(text, class_):
            yield span_of(match.span(2), class_, "words.flag")
    lowered = data.lower()
    for pattern, needed in _PATTERNS:
        if optional if needed is None else needed in lowered:
            yield from _passwords(pattern, data)


def _passwords(pattern: re2._Regexp[bytes], data: bytes) -> Iterator[Span]:
    for match in pattern.finditer(data):
        value = _argument(data, match.span(match.lastindex or 1))
        text = value.text(data)
        named = text.lower() in _NO_ARGUMENTS or _is_port(text, data[match.start() : match.end()])
        if not named and not is_innocent(text, "secret.password"):
            yield Span(value.start, value.end, "secret.password", "words.flag")


def _is_port(text: str, command: bytes) -> bool:
    """Whether it is a port of a container that has a tool's name, or that `sshpass` has ssh use."""
    if text.isdigit() and len(text) <= _LONGEST_PORT:
        return _REMOTE.search(command) is not None
    return _PUBLISHED.fullmatch(text) is not None


def passwords_among(arguments: Sequence[object], key: str | None = None) -> Set[int]:
    """Which arguments of a command hold a password by what its tool calls it: `["mysql", "-px"]`.

    What a longer option names (`--password`) is not among them. The tool may stand in the `key`.
    """
    if key is not None and key.endswith(SPAWNED):
        whole = passwords_among([unquoted(key.removesuffix(SPAWNED)), *arguments])
        return {index - 1 for index in whole}
    if not arguments or not isinstance(arguments[0], str):
        return frozenset()
    words = [unquoted(each) if isinstance(each, str) else "" for each in arguments]
    if not any(word.startswith("-") for word in words):
        return frozenset()
    line, ends = bytearray(), []
    for word in words:
        line += _SEPARATES.sub("_", word).encode("utf-8", "replace") + b" "
        ends.append(len(line))
    command = bytes(line)
    found = (span for pattern in _BY_LETTERS for span in _passwords(pattern, command))
    return {bisect(ends, span.start) for span in found}


def _flags(data: bytes) -> Iterator[re2._Match[bytes]]:
    yield from _FLAG.finditer(data)
    yield from _LISTED.finditer(data) if b"[" in data else ()


def _argument(data: bytes, word: tuple[int, int]) -> Value:
    """What follows a flag: a word, or all that stands in quotes on its line."""
    start, end = word
    quote = data[start - 1 : start]
    if quote in (b'"', b"'"):
        closing = data.find(quote, end, start + MAX_VALUE)
        if closing > end and data.find(b"\n", end, closing) < 0:
            return Value(start, closing, True, "=")
    return Value(start, end, False, "=")
