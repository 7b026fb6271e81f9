"""Encryption at rest: bodies under a random data key a policy and day, wrapped by the master key.

AES-256-GCM throughout. Nonces are random: a counter would come again after a transaction that was
rolled back, or in a copy of the folder. A data key seals what one policy let through in one day,
far from the 2³² messages that random nonces are good for. A seal holds on to all that is kept
beside the body, and to the payload's number.

What is not encrypted: names of projects, destinations and policies, times, sizes and counts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...pipeline.host.misplaced_keys import file_with_key
from .folder import StorageError
from .packing import Damaged

KEY_BYTES = 32
_NONCE = 12


class Seals:
    """Seals and opens bodies. `seal` and what changes keys belong to the writing thread."""

    def __init__(self, master: bytes) -> None:
        self._wrapping = hmac.digest(master, b"errlock storage wrap", hashlib.sha256)
        self._keys: dict[int, bytes] = {}
        self._current: dict[str, tuple[str, int]] = {}  # the day and its data key, by policy

    def learn(self, path: Path, connection: sqlite3.Connection) -> None:
        """Unwrap the data keys of a file. Raises StorageError for the wrong master key."""
        from cryptography.exceptions import InvalidTag

        rows = connection.execute("SELECT id, policy, day, wrapped FROM keys ORDER BY id")
        found = rows.fetchall()
        self._current.clear()  # a key that the file has lost seals nothing any more
        for number, policy, day, wrapped in found:
            # One of several that does not fit was damaged, and what it sealed with it.
            with suppress(InvalidTag):
                self._keys[number] = _open(self._wrapping, wrapped, _bound(policy, day))
                self._current[policy] = (day, number)
        if found and not self._keys:
            raise StorageError(path, "is encrypted with another key")

    def key_for(self, policy: str, connection: sqlite3.Connection) -> int:
        """The number of today's data key of a policy; makes one when there is none yet.

        Not to be called within a transaction: one that is rolled back would take the key with it.
        """
        today = time.strftime("%Y-%m-%d", time.gmtime())
        day, number = self._current.get(policy, ("", 0))
        if day != today:
            key = secrets.token_bytes(KEY_BYTES)
            wrapped = _seal(self._wrapping, key, _bound(policy, today))
            number = connection.execute(
                "INSERT INTO keys (policy, day, wrapped) VALUES (?, ?, ?) RETURNING id",
                [policy, today, wrapped],
            ).fetchone()[0]
            self._keys[number] = key
            self._current[policy] = (today, number)
        return number

    def seal(self, number: int, body: bytes, bound: bytes) -> bytes:
        """Encrypt a body with a data key."""
        return _seal(self._keys[number], body, bound)

    def open(self, number: int, sealed: bytes, bound: bytes) -> bytes:
        """The reverse. Raises Damaged, also when the data key was destroyed."""
        from cryptography.exceptions import InvalidTag

        try:
            return _open(self._keys[number], sealed, bound)
        except (InvalidTag, KeyError):
            raise Damaged from None

    def forget(self, numbers: Iterable[int]) -> None:
        """Data keys are gone from the file: what they sealed cannot be opened any more."""
        for number in numbers:
            self._keys.pop(number, None)
        self._current = {
            policy: (day, number)
            for policy, (day, number) in self._current.items()
            if number in self._keys
        }


def refuse_key_inside(folder: Path, master: bytes) -> None:
    """Raises StorageError when a file of the folder holds the key that should protect it."""
    if (path := file_with_key(folder, master)) is not None:
        raise StorageError(path, "holds the key of this storage: keep it somewhere else")


def _bound(policy: str, day: str) -> bytes:
    return f"{day} {policy}".encode()


def _seal(key: bytes, data: bytes, bound: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def _open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Raises InvalidTag."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not isinstance(sealed, bytes) or len(sealed) < _NONCE:  # damage makes a text of it
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
