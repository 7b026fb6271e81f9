"""Inventories of logins that clients read: `.netrc`, `.pgpass`, `.git-credentials`. By host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .wanted import BadInventory, Wanted, numbered, shown

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\S+')
_NETRC = re.compile(r"\s*(?:machine\s+\S+|default\s+(?:login|password))\s")
_LOGIN = frozenset(["login", "user", "password", "account"])
_DEFAULT = "default"  # the host of all others
_FIELD = r"((?:[^:\\\n]|\\.)*)"
_PGPASS = re.compile(rf"{_FIELD}:{_FIELD}:{_FIELD}:{_FIELD}:{_FIELD}")
_PORT = re.compile(r"\*|[0-9]{1,5}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@]+@\S+")


def is_netrc(text: str) -> bool:
    """Whether it begins as one."""
    return _NETRC.match(text) is not None


def netrc(text: str) -> Iterator[Wanted]:
    """What `machine` and `default` have. Raises BadInventory.

    https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
    """
    host = ""
    waits = ""  # for its value: the name of a token
    in_macro = False
    for number, line in numbered(text):
        in_macro = in_macro and bool(line.strip())
        for token in () if in_macro else _TOKEN.findall(line):
            if waits:
                if waits == "machine":
                    host = shown(token)
                elif waits in _LOGIN:
                    yield Wanted(f"{host} {waits}" if host else f"line {number}", _bare(token))
                in_macro, waits = waits == "macdef", ""
            elif token.startswith("#"):
                break
            elif token == _DEFAULT:
                host = token
            elif token in _LOGIN or token in ("machine", "macdef"):
                waits = token
            else:
                raise BadInventory(f"not .netrc: line {number}")
            if in_macro:
                break
    if waits:
        raise BadInventory("not .netrc: it ends amid a login")


def _bare(token: str) -> str:
    if len(token) > 1 and token[0] == token[-1] == '"':
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def is_pgpass(line: str) -> bool:
    """Whether a line is one of `host:port:database:user:password`."""
    found = _PGPASS.fullmatch(line)
    return found is not None and _PORT.fullmatch(found[2]) is not None


def pgpass(text: str) -> Iterator[Wanted]:
    """https://www.postgresql.org/docs/current/libpq-pgpass.html. Raises BadInventory."""
    for number, line in numbered(text):
        if not line.strip() or line.startswith("#"):
            continue
        found = _PGPASS.fullmatch(line)
        if found is None:
            raise BadInventory(f"not .pgpass: line {number}")
        name = " ".join(filter(None, (shown(found[part]) for part in (1, 3, 4))))
        yield Wanted(name or f"line {number}", re.sub(r"\\(.)", r"\1", found[5]))


def is_login_url(line: str) -> bool:
    """Whether a line is a URL with a user."""
    return _URL.fullmatch(line.strip()) is not None


def urls(text: str) -> Iterator[Wanted]:
    """https://git-scm.com/docs/git-credential-store. What is no URL is a value of its own."""
    for number, line in numbered(text):
        host = shown(line.strip().rpartition("@")[2].partition("/")[0])
        yield Wanted(host or f"line {number}", line.strip())
