"""What people hand to `errlock control`: keys, releases and documents, by file or address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...delivery.following.document import Bundle, Refused, Signed
from ...delivery.following.keys import KeyUnusable, PublicKey, Role, SigningKey
from ...delivery.following.source import FetchFailed, FileSource, HttpSource
from ..errors import ConfigError, Problem


def signing_key(path: Path, role: Role) -> SigningKey:
    """The key in a file. Raises ConfigError when it is none of that role, and OSError."""
    try:
        key = SigningKey.parse(path.read_text())
    except (KeyUnusable, UnicodeDecodeError):
        raise ConfigError([Problem("", "no key that signs", str(path))]) from None
    if key.role != role:
        raise ConfigError([Problem("", f"expected the {role} key", str(path))])
    return key


def public_key(text: str) -> PublicKey:
    """A public key as written on a command line. Raises ConfigError."""
    try:
        return PublicKey.parse(text)
    except KeyUnusable as error:
        raise ConfigError([Problem("--key", str(error))]) from None


def signed_in(path: Path) -> Signed:
    """The release in a file; nobody has checked it. Raises ConfigError, OSError."""
    try:
        return Signed.decode(path.read_bytes())
    except Refused:
        raise ConfigError([Problem("", "no release", str(path))]) from None


def document_at(source: str, option: str) -> Bundle:
    """The document at an address or in a file; nobody has checked it. Raises ConfigError."""
    with explained(option):
        try:
            with closing(_source(source)) as there:
                return Bundle.decode(there.fetch({}))
        except FetchFailed as failure:
            raise ConfigError([Problem(option, failure.kind)]) from None
        except ValueError as error:
            raise ConfigError([Problem(option, str(error))]) from None


@contextmanager
def explained(option: str) -> Iterator[None]:
    """Say of a document that does not count which option named it."""
    try:
        yield
    except Refused as refused:
        raise ConfigError([Problem(option, f"this document does not count: {refused}")]) from None


def _source(where: str) -> HttpSource | FileSource:
    return HttpSource(where) if "://" in where else FileSource(Path(where))
