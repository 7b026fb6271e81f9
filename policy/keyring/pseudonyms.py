"""Pseudonyms: keyed, one-way, the same for the same value within an epoch and a destination.

HMAC-SHA-256 of the normalised value, domain-separated by class, under a key of the epoch and the
destination, cut to 12 lower-case hex digits behind `0x`, which Sentry's grouping reads as a
parameter whatever stands before them (without it, `e1:20ab…` begins with a time, and older
versions see a word).

The keys are random and live in a keyring file (keyring.py), which begins epochs and destroys keys;
or, when there is no file, the user's key *is* the key of epoch e0: every collector and client that
has the key agrees without sharing a file, and destroying it is destroying its pseudonyms' key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass

KEY_BYTES = 32
_PREFIX = "errlock-key-1-"


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


@dataclass(frozen=True, slots=True)
class Epoch:
    """What pseudonyms are made with at one destination, from one rotation to the next."""

    name: str  # `e1`
    key: bytes

    def pseudonym(self, class_: str, value: str) -> str:
        """`e1:0x9f3b6c02d41a` for a value of a class."""
        message = class_.encode() + b"\0" + normalised(class_, value).encode("utf-8", "replace")
        return f"{self.name}:0x{hmac.digest(self.key, message, hashlib.sha256).hex()[:12]}"

    def __repr__(self) -> str:
        return f"Epoch({self.name})"


class Keyring(ABC):
    """Where the keys of pseudonyms come from. Safe from every thread."""

    @abstractmethod
    def open(self, scope: str) -> None:
        """Get ready to make the pseudonyms of a destination. Raises KeyringError."""

    @abstractmethod
    def current(self, scope: str) -> Epoch:
        """The epoch that a destination (`scope`) is in now. Raises KeyringError."""


class SingleKey(Keyring):
    """The user's key as that of epoch e0. Never shows it."""

    def __init__(self, key: str) -> None:
        """Raises KeyringError for what is not a key."""
        self._key = hmac.digest(key_bytes(key), b"errlock pseudonyms", hashlib.sha256)
        self._epochs: dict[str, Epoch] = {}

    def open(self, scope: str) -> None:
        """Nothing to do: every destination's key follows from the one."""

    def current(self, scope: str) -> Epoch:
        """See `Keyring.current`. Never fails."""
        epoch = self._epochs.get(scope)
        if epoch is None:
            key = hmac.digest(self._key, b"scope\0" + scope.encode(), hashlib.sha256)
            epoch = self._epochs[scope] = Epoch("e0", key)
        return epoch


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
