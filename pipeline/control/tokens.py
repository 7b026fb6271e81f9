"""Who may talk to the control API: one token a person, each with a role.

`tokens.json` in the storage folder holds their SHA-256 only: 32 random bytes need no slow hash.
The first token is made at the first start and stands in `control-token` beside it, for who may
read that folder. Both files have mode 0600; where others may read them they are not used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ..errors import UNREADABLE
from ..host.private_files import NotPrivate, read_private, write_private
from ..http.token_form import problem_of
from ..options import Secret

Role = Literal["account", "read", "operate", "release"]
ROLES: tuple[Role, ...] = get_args(Role)
ACCOUNT: Role = "account"  # hands over the account of an embedded pipeline, and does nothing else

FIRST = "local"  # whose token is in `control-token`
CONFIGURED = "configured"  # whose token is `service.control.token`
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,62}")
_PREFIX = "errlock_"  # so that a secret scanner can know one


@dataclass(frozen=True, slots=True)
class Person:
    """Whose token it was, and what it allows."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the token allows what takes this role: each of people's roles includes those
        before it; that of applications is apart.
        """
        if ACCOUNT in (role, self.role):
            return role == self.role
        return ROLES.index(self.role) >= ROLES.index(role)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token as it is kept."""

    name: str
    role: Role
    sha256: str
    created: float  # seconds since the epoch


class TokensUnusable(Exception):  # noqa: N818  a fact about a file
    """A file of tokens cannot be used, or not in this way. The text names it and what to do."""


class TokensDamaged(TokensUnusable):
    """It is not what was written."""


def new_token() -> str:
    """A token that nobody can guess."""
    return _PREFIX + secrets.token_urlsafe(32)


class TokenStore:
    """The tokens of one storage folder. Changes are seen by running collectors at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first = folder / "control-token"
        self._path = folder / "tokens.json"
        self._read: tuple[tuple[int, int, int], tuple[Entry, ...]] | None = None

    def prepare(self) -> None:
        """Make the folder and its first token, unless somebody has a token already."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if not self._path.exists():
                token = new_token()
                write_private(self.first, f"{token}\n".encode())
                self._save([_entry(FIRST, "release", token)])
        self.entries()

    def entries(self) -> tuple[Entry, ...]:
        """Every token, in the order in which they were added. Raises TokensUnusable."""
        try:
            found = self._path.stat()
            stamp = (found.st_ctime_ns, found.st_ino, found.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, tuple(_decode(read_private(self._path))))
        except FileNotFoundError:
            return ()
        except NotPrivate as error:
            raise TokensUnusable(str(error)) from None
        return self._read[1]

    def add(self, name: str, role: Role) -> str:
        """Make a token for somebody and return it: it is kept nowhere. Raises TokensUnusable."""
        if not _NAME.fullmatch(name):
            raise TokensUnusable("expected a name of letters, digits and _.@+-, at most 63")
        if name == CONFIGURED:
            raise TokensUnusable(f"{name!r} is the name of service.control.token")
        self.prepare()
        token = new_token()
        with self._locked():
            entries = self.entries()
            if any(each.name == name for each in entries):
                raise TokensUnusable(f"{name!r} has a token already: remove it first")
            self._save([*entries, _entry(name, role, token)])
        return token

    def remove(self, name: str) -> bool:
        """Make a token worthless. Returns whether there was one. Raises TokensUnusable."""
        if not self._path.exists():
            return False
        with self._locked():
            entries = self.entries()
            kept = [each for each in entries if each.name != name]
            if len(kept) == len(entries):
                return False
            self._save(kept)
            if name == FIRST:
                self.first.unlink(missing_ok=True)
        return True

    def _save(self, entries: list[Entry]) -> None:
        write_private(
            self._path, msgspec.json.format(msgspec.json.encode({"tokens": entries})) + b"\n"
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time, whichever process makes it."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


class Tokens:
    """Every token that a collector accepts: those of its folder and the configured one."""

    def __init__(self, store: TokenStore | None, configured: Secret | None) -> None:
        self._store = store
        self._configured = configured

    def prepare(self) -> None:
        """Make the first token if nobody has one. Raises OSError, TokensUnusable."""
        if self._store is not None:
            self._store.prepare()

    def person(self, token: str) -> Person | None:
        """Whose token it is; None for nobody's. Raises TokensUnusable.

        Takes as long for a wrong token as for a right one: it is compared with all of them.
        """
        entries = list(self._store.entries()) if self._store is not None else []
        if self._configured is not None:
            entries.append(_entry(CONFIGURED, "release", self._configured.reveal()))
        digest = _digest(token)
        found = None
        for entry in entries:
            if hmac.compare_digest(entry.sha256, digest):
                found = Person(entry.name, entry.role)
        return found


def token_in(file: Path) -> str:
    """The token that a file holds. Raises OSError, TokensUnusable."""
    try:
        token = read_private(file).decode("utf-8", "replace").strip()
    except NotPrivate as error:
        raise TokensUnusable(str(error)) from None
    if problem := problem_of(token):
        raise TokensUnusable(f"{file}: {problem}")
    return token


def _decode(content: bytes) -> list[Entry]:
    try:
        return msgspec.json.decode(content, type=dict[str, list[Entry]]).get("tokens", [])
    except UNREADABLE:
        raise TokensDamaged("tokens.json is damaged: remove it, a new token is made") from None


def _entry(name: str, role: Role, token: str) -> Entry:
    return Entry(name=name, role=role, sha256=_digest(token), created=time.time())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
