"""The key that signs heads of the journal: Ed25519, in PEM, kept outside of the storage folder."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from .entries import Head


class WrongKey(Exception):  # noqa: N818  a fact about a file
    """A text is not a key of this kind. Its text never holds the key."""


class SigningKey:
    """Signs heads. Never shows itself."""

    def __init__(self, pem: str) -> None:
        """Read a private key as `new_key_files` and `openssl genpkey` write it. Raises WrongKey."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise WrongKey("expected an Ed25519 private key in PEM, without a password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise WrongKey("expected an Ed25519 key, this is of another kind")
        self._key = key
        self.public = PublicKey(key.public_key())

    @property
    def raw(self) -> bytes:
        """The private key itself, to look where it lies."""
        return self._key.private_bytes_raw()

    def sign(self, head: Head) -> str:
        """Its signature, in base64."""
        return base64.b64encode(self._key.sign(head.message)).decode()

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"


class PublicKey:
    """Checks signatures of heads."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(raw).hexdigest()[:16]
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Read a public key. Raises WrongKey."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise WrongKey("expected an Ed25519 public key in PEM") from None
        if not isinstance(key, Ed25519PublicKey):
            raise WrongKey("expected an Ed25519 key, this is of another kind")
        return cls(key)

    def signed(self, head: Head, signature: str | None) -> bool:
        """Whether a signature is this key's, of this head."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(base64.b64decode(signature or "", validate=True), head.message)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def new_key_files(path: Path) -> PublicKey:
    """Write a new key to `path`, for its owner only, and its public part to `path`.pub.

    Raises FileExistsError rather than replacing one.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    public = PublicKey(key.public_key())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_new(path, pem, 0o600)
    _write_new(path.with_name(f"{path.name}.pub"), public.pem.encode(), 0o644)
    return public


def _write_new(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
