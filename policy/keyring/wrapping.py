"""The user's key as what wraps the keys of a keyring file: AES-256-GCM, nonces random.

A wrapped key is bound to its epoch and destination, so that it cannot pass for another one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from .pseudonyms import KEY_BYTES, KeyringError, key_bytes

_NONCE = 12
_CHECK = b"errlock keyring 2"


class Wrapping:
    """Seals and opens keys with the user's key. Never shows one."""

    def __init__(self, key: str) -> None:
        """Raises KeyringError for what is not a key."""
        self._key = hmac.digest(key_bytes(key), b"errlock keyring wrap", hashlib.sha256)

    def new(self, epoch: str, destination: str) -> str:
        """A new random key, sealed."""
        return self._seal(secrets.token_bytes(KEY_BYTES), _bound(epoch, destination))

    def open(self, sealed: str, epoch: str, destination: str) -> bytes:
        """A key that was sealed. Raises KeyringError."""
        return self._open(sealed, _bound(epoch, destination))

    def mark(self) -> str:
        """What tells whether a keyring belongs to this key, sealed."""
        return self._seal(b"", _CHECK)

    def check(self, mark: str) -> None:
        """Raises KeyringError if a keyring belongs to another key."""
        self._open(mark, _CHECK)

    def _seal(self, data: bytes, bound: bytes) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(nonce + AESGCM(self._key).encrypt(nonce, data, bound)).decode()

    def _open(self, sealed: str, bound: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            data = base64.b64decode(sealed, validate=True)
            return AESGCM(self._key).decrypt(data[:_NONCE], data[_NONCE:], bound)
        except (InvalidTag, binascii.Error, ValueError):
            raise KeyringError("the keyring was not made with this key") from None


def _bound(epoch: str, destination: str) -> bytes:
    return f"{epoch} {destination}".encode()
