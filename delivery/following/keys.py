"""The keys that control documents are signed with: Ed25519 (RFC 8032), as text with their role.

    online:BASE64          the public half of a collector's key: what it signs may only tighten
    release:BASE64         the public half of the key kept away from collectors: it may loosen
    online-secret:BASE64   the halves that sign, each in a file of its own
    release-secret:BASE64

The role is part of the text, so that a key cannot be configured for the other role by mistake.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Role = Literal["online", "release"]
ROLES: tuple[Role, ...] = get_args(Role)

_SIGNING = "-secret"
_BYTES = 32


class KeyUnusable(Exception):  # noqa: N818  what is wrong with what somebody gave
    """A text is no key, or one of another role. Never shows any of it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a follower has: tells whether a text was signed by the other half."""

    role: Role
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read `online:…` or `release:…`. Raises KeyUnusable."""
        return cls(*_parse(text, ""))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the secret half of this key signed the message, as a document of its role."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(self.raw)
            key.verify(signature, _separated(self.role, message))
        except (InvalidSignature, ValueError):
            return False
        return True

    def __str__(self) -> str:
        return f"{self.role}:{base64.b64encode(self.raw).decode()}"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """What signs. Its repr shows nothing of it."""

    role: Role
    raw: bytes

    @classmethod
    def new(cls, role: Role) -> SigningKey:
        """A new random key."""
        return cls(role, os.urandom(_BYTES))

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read `online-secret:…` or `release-secret:…`. Raises KeyUnusable."""
        return cls(*_parse(text, _SIGNING))

    @property
    def public(self) -> PublicKey:
        """The half to hand out."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.raw)
        return PublicKey(self.role, key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """A signature over the message as a document of this key's role."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.raw).sign(_separated(self.role, message))

    def reveal(self) -> str:
        """The key as text, for the one file that holds it."""
        return f"{self.role}{_SIGNING}:{base64.b64encode(self.raw).decode()}"

    def __repr__(self) -> str:
        return f"SigningKey({self.role})"


def write_signing_key(path: Path, key: SigningKey) -> None:
    """Create the file of a key; only the owner may read it. Raises FileExistsError, OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.reveal() + "\n")


def _separated(role: Role, message: bytes) -> bytes:
    """No signature of one role, or over something else, is one over a document of another."""
    return f"errlock control 1 {role}\n".encode() + message


def _parse(text: str, kind: str) -> tuple[Role, bytes]:
    name, _, encoded = text.strip().partition(":")
    for role in ROLES:
        if name == role + kind:
            try:
                raw = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raw = b""
            if len(raw) == _BYTES:
                return role, raw
    expected = " or ".join(f"{role}{kind}:…" for role in ROLES)
    raise KeyUnusable(f"expected {expected}, as `errlock control key` makes them")
