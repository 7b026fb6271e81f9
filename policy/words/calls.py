"""Passwords by their place among the arguments of well-known functions. Offsets in bytes.

PHP's stack traces show arguments without names: `mysqli_connect('db', 'app', 'x')`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from ..findings import Span
from ..keys import classify_key
from .innocence import is_innocent
from .positional import is_an_account
from .values import compile_bytes, looks_random, span_of, text_of

# Which argument it is, by the last part of the function's name.
PLACES = {
    "mysqli_connect": 3, "mysqli_real_connect": 4, "mysql_connect": 3, "mysql_pconnect": 3,
    "mysqli->__construct": 3, "mysqli->real_connect": 3, "pdo->__construct": 3, "oci_connect": 2,
    "ldap_bind": 3, "ftp_login": 3, "imap_open": 3, "ssh2_auth_password": 3, "pdo": 3, "mysqli": 3,
    "password_hash": 1, "password_verify": 1, "crypt": 1, "pgp_sym_encrypt": 2,
    "pgp_sym_decrypt": 2, "login": 2, "authenticate": 2, "attempt": 2, "signin": 2, "sign_in": 2,
    "convertto-securestring": 1, "crypt_user": 2, "check_password": 1, "checkpw": 1, "hashpw": 1,
    "set_password": 1, "hash_password": 1, "hashpassword": 1, "verify_password": 1,
    "verifypassword": 1, "checkpassword": 1, "validate_password": 1, "validatepassword": 1,
    "networkcredential": 2, "directoryentry": 3, "setbasicauth": 2,
    "httpbasicauth": 2, "basicauth": 2, "basic_auth": 2, "usernamepasswordcredentials": 2,
    "usernamepasswordcredential": 2, "passwordauthentication": 2, "simple_bind_s": 2,
    "usernamepasswordauthenticationtoken": 2, "drivermanager.getconnection": 3,
    "networkcredential]::new": 2, "pscredential]::new": 2, "pscredential": 2,
    "authenticateuser": 2, "authenticate_user": 2, "loginuser": 2, "login_user": 2, "dologin": 2,
    "checkcredentials": 2, "validatecredentials": 2, "verifycredentials": 2,
    "bcrypt.compare": 1, "bcrypt.comparesync": 1, "bcrypt.hash": 1, "bcrypt.hashsync": 1,
    "bcrypt.verify": 1, "argon2.hash": 1, "argon2.verify": 2,
    "dbi->connect": 3, "dbi.connect": 3, "personalaccesstokenauth": 2, "opendsobject": 3,
}  # fmt: skip
# What stands there is a password even if it is a word: nothing else is ever given.
_SURE = frozenset(
    """networkcredential directoryentry opendsobject mysqli_connect mysqli_real_connect
    mysql_connect mysql_pconnect mysqli->__construct mysqli->real_connect pdo->__construct
    dbi->connect oci_connect ldap_bind simple_bind_s ftp_login imap_open ssh2_auth_password
    drivermanager.getconnection httpbasicauth setbasicauth""".split()  # noqa: SIM905  reads best as text
)
# Before the password of these stands whose it is; of others the host, or a service's account.
_OF_PEOPLE = frozenset(
    """login authenticate attempt signin sign_in authenticateuser authenticate_user loginuser
    login_user dologin checkcredentials validatecredentials verifycredentials""".split()  # noqa: SIM905  reads best as text
)
_SHORTEST_WORD = 6
# PHP's stack traces, in which arguments are always values: `#1 /app/a.php(3): Auth->login('bob',`.
_TRACED = re.compile(rb"#[0-9]{1,3}+ [^\r\n#]{0,300}(?:->|::|: )\Z")
_SINGLE, _DOUBLE = rb"(?:[^'\\\r\n]|\\.){0,200}", rb'(?:[^"\\\r\n]|\\.){0,200}'
# `Resource id #5` is one argument in PHP's traces, whatever stands in it.
_OTHER = rb"(?:resource id #[0-9]{1,9}|[^\s,()'\"]{1,100}(?:\([^()'\"]{0,40}\))?)"
_PREFIX = rb"[@$bru]{0,2}"  # of a literal
_CALL = compile_bytes(
    rb"(?i)(?:^|[^\w$-])("
    + "|".join(sorted(PLACES, key=len, reverse=True)).encode()
    + rb")[( ]((?:\s*(?:%b(?:'%b'|\"%b\")|%b)\s*,?)+)" % (_PREFIX, _SINGLE, _DOUBLE, _OTHER)
)
_ARGUMENT = compile_bytes(
    rb"""(?i)\s*(?:%b(?:'(%b)'|"(%b)")|%b)\s*,?""" % (_PREFIX, _SINGLE, _DOUBLE, _OTHER)
)
_ADDRESS = re.compile(rb"""\s*+[@$bru]{0,2}["'][\w.+-]{1,64}@[\w.-]{1,200}["'],""")
_FAR = 320  # how far before a call its line of a trace may begin
_NAMES = tuple(name.rpartition(">")[2].encode() for name in PLACES)


def find_calls(data: bytes) -> Iterator[Span]:
    """Find literals where a function takes a password."""
    lowered = data.lower()
    if not any(name in lowered for name in _NAMES):
        return
    for match in _CALL.finditer(data):
        name = text_of(match.group(1)).lower()
        place = PLACES[name]
        sure = name in _SURE or _is_called_with_values(data, match)
        arguments = list(_ARGUMENT.finditer(data, *match.span(2)))
        span = _literal(arguments[place - 1]) if len(arguments) >= place else None
        if span is None:
            continue
        text = text_of(data[slice(*span)])
        given = sure and _is_word(text)
        if (given or looks_random(text)) and not is_innocent(text, "secret.password"):
            yield span_of(span, "secret.password", "words.argument")
            whose = _literal(arguments[0]) if name in _OF_PEOPLE else None
            if whose is not None and _is_a_persons(data[slice(*whose)]):
                yield span_of(whose, "pii.username", "words.argument")


def _literal(argument: re2._Match[bytes]) -> tuple[int, int] | None:
    """Where the string stands that an argument is; None if it is another thing."""
    group = 1 if argument.start(1) >= 0 else 2
    return argument.span(group) if argument.start(group) >= 0 else None


def _is_a_persons(name: bytes) -> bool:
    """Whether an account is called as people are: `bob` may be a service."""
    return b"." in name and is_an_account(name)


def _is_called_with_values(data: bytes, match: re2._Match[bytes]) -> bool:
    """Whether a call's arguments are what was given: in a trace, or behind somebody's address."""
    if _ADDRESS.match(data, match.start(2)) is not None:
        return True
    start = match.start(1)
    return _TRACED.search(data[max(0, start - _FAR) : start]) is not None


def _is_word(text: str) -> bool:
    """A word long enough for a password, and not the name of one."""
    return len(text) >= _SHORTEST_WORD and " " not in text and classify_key(text) is None
