"""Pseudonyms: keyed, one-way, the same for the same value within an epoch and a destination.

HMAC-SHA-256 of the normalised value, domain-separated by class and destination, cut to 12
lower-case hex digits behind `0x`, which Sentry's grouping reads as a parameter whatever stands
before them (without it, `e1:20ab…` begins with a time, and older versions see a word).

Epoch keys are random. They live either in a keyring file, wrapped with AES-256-GCM by the user's
key, which adds epochs and can destroy them; or, when there is no file, the user's key *is* the key
of epoch e0: destroying it makes its pseudonyms unlinkable too, and every collector and client
that has the key agrees without sharing a file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

KEY_BYTES = 32
_PREFIX = "errlock-key-1-"
_EPOCH = re.compile(r"e[0-9]{1,6}")


class KeyringError(Exception):
    """A key or a keyring file cannot be used. The text never shows any of it."""


def new_key() -> str:
    """A new random key, as `errlock key new` prints it."""
    return _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


def check_key(key: str) -> str | None:
    """What is wrong with a key, or None."""
    try:
        key_bytes(key)
    except KeyringError as error:
        return str(error)
    return None


def key_bytes(key: str) -> bytes:
    """The bytes of a key as `errlock key new` prints it. Raises KeyringError."""
    encoded = key.strip().removeprefix(_PREFIX)
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) < KEY_BYTES or not key.strip().startswith(_PREFIX):
        raise KeyringError("not a key: make one with `errlock key new`")
    return data


def new_keyring(path: Path, key: str) -> None:
    """Create a keyring file with one epoch, wrapped by `key`; only the owner may read it.

    Raises FileExistsError rather than replacing a keyring, and KeyringError for a bad key.
    """
    document = {"version": 1, "epochs": [_wrapped("e1", secrets.token_bytes(KEY_BYTES), key)]}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _wrapping_key(key: str) -> bytes:
    return hmac.digest(key_bytes(key), b"errlock keyring wrap", hashlib.sha256)


def _wrapped(epoch: str, epoch_key: bytes, key: str) -> dict[str, str]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_wrapping_key(key)).encrypt(nonce, epoch_key, epoch.encode())
    return {"name": epoch, "key": base64.b64encode(nonce + sealed).decode()}


class Keyring:
    """The epoch keys; the newest one makes pseudonyms. Never shows a key."""

    def __init__(self, epoch: str, key: bytes) -> None:
        self.epoch = epoch
        self._key = key
        self._by_scope: dict[str, bytes] = {}

    @classmethod
    def from_key(cls, key: str) -> Keyring:
        """A keyring without a file: the key itself is that of epoch e0. Raises KeyringError."""
        return cls("e0", hmac.digest(key_bytes(key), b"errlock pseudonyms", hashlib.sha256))

    @classmethod
    def from_file(cls, path: Path, key: str) -> Keyring:
        """Read a keyring file and unwrap its newest epoch. Raises KeyringError."""
        epochs = _read(path)
        if not epochs:
            raise KeyringError("the keyring holds no epoch: every key of it was destroyed")
        epoch = max(epochs, key=lambda name: int(name[1:]))
        return cls(epoch, _unwrapped(epoch, epochs[epoch], key))

    def pseudonym(self, class_: str, value: str, scope: str) -> str:
        """`e1:0x9f3b6c02d41a` for a value of a class at a destination (`scope`)."""
        key = self._by_scope.get(scope)
        if key is None:
            key = hmac.digest(self._key, b"scope\0" + scope.encode(), hashlib.sha256)
            self._by_scope[scope] = key
        message = class_.encode() + b"\0" + normalised(class_, value).encode("utf-8", "replace")
        return f"{self.epoch}:0x{hmac.digest(key, message, hashlib.sha256).hex()[:12]}"

    def __repr__(self) -> str:
        return f"Keyring({self.epoch})"


def _read(path: Path) -> Mapping[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyringError("the keyring file can be read by others: chmod 600 it")
        document = json.loads(path.read_text("ascii"))
        epochs = {str(entry["name"]): str(entry["key"]) for entry in document["epochs"]}
    except FileNotFoundError:
        raise KeyringError(
            "there is no keyring file: make one with `errlock key new --keyring FILE`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyringError("the keyring file cannot be read") from None
    if document.get("version") != 1 or not all(_EPOCH.fullmatch(name) for name in epochs):
        raise KeyringError("the keyring file is of an unknown version")
    return epochs


def _unwrapped(epoch: str, sealed: str, key: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        data = base64.b64decode(sealed, validate=True)
        return AESGCM(_wrapping_key(key)).decrypt(data[:12], data[12:], epoch.encode())
    except (InvalidTag, binascii.Error, ValueError):
        raise KeyringError("the keyring was not made with this key") from None


_SEPARATORS = str.maketrans("", "", " \t\r\n-.()/")


def normalised(class_: str, value: str) -> str:
    """The same text for every way to write the same value of a class."""
    value = value.strip()
    if class_ in ("pii.email", "pii.username"):
        return value.casefold()
    if class_ in ("pii.phone", "pii.imei", "financial.card", "financial.iban", "pii.national_id"):
        return value.translate(_SEPARATORS).casefold()
    if class_ == "pii.mac":
        return value.replace(":", "").replace("-", "").casefold()
    if class_ == "pii.ip":
        try:
            return str(ipaddress.ip_address(value.strip("[]").partition("%")[0]))
        except ValueError:
            return value.casefold()
    return value
