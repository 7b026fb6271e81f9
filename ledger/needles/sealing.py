"""A sum over all rows of the needles, kept with them, by which it shows that one was taken out,
changed or added.

Each row has a keyed digest of 128 bits, and the sum of all is kept (D. Clarke and others,
Incremental Multiset Hash Functions, ASIACRYPT 2003: MSet-Add-Hash, with a nonce). What comes or is
forgotten is added or taken away, in the same transaction, so that no crash makes it wrong. Rows
are taken away as they stand there: one that was changed before leaves a difference for good. On
disk the sum is hidden by a digest of a nonce that is new each time: of two of them nobody without
the key can tell what a row has added, to take it away.

An older file as a whole has a sum that is right: how far needles reach says search/coverage.py.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

SCHEMA = """
CREATE TABLE IF NOT EXISTS seal (
    id INTEGER PRIMARY KEY,  -- 1
    key TEXT NOT NULL, nonce BLOB NOT NULL, hidden BLOB NOT NULL
);
"""
_MODULUS = 1 << 128
_AT_ONCE = 50_000  # rows
_NEEDLES = ("needles", "fresh")
_OTHERS = ("series", "kept", "expired", "fresh_words", "filters")

Row = tuple[Any, ...]


class SealKey:
    """Digests of rows, under one key of the ledger."""

    def __init__(self, secret: bytes, id_: str) -> None:
        """`id_` names the key, and tells nothing of it."""
        self.id = id_
        self._needles = hmac.digest(secret, b"errlock needles seal of needles", hashlib.sha256)
        self._rows = hmac.digest(secret, b"errlock needles seal of rows", hashlib.sha256)

    def of_needles(self, rows: Sequence[Row]) -> int:
        """The sum of digests of needles: CBC-MAC of three blocks of AES-256 each."""
        try:
            flat = array("q", chain.from_iterable(rows))
        except (TypeError, OverflowError):  # no collector wrote these
            return sum(self.of_row("needles", row) for row in rows)
        numbers = np.frombuffer(flat, np.int64).reshape(-1, 5)
        found = np.zeros((len(rows), 2), np.int64)
        for block in (numbers[:, 0:2], numbers[:, 2:4], numbers[:, 4:5]):
            found[:, : block.shape[1]] ^= block
            found = self._encrypted(found)
        parts = found.view(np.uint32).sum(axis=0, dtype=np.uint64).tolist()
        return sum(part << 32 * place for place, part in enumerate(parts))

    def of_row(self, table: str, row: Row) -> int:
        """The digest of any other row."""
        content = msgspec.msgpack.encode((table, row))
        return int.from_bytes(hashlib.blake2b(content, digest_size=16, key=self._rows).digest())

    def mask(self, nonce: bytes) -> int:
        """What hides a sum."""
        return self.of_row("", (nonce,))

    def _encrypted(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        cipher = Cipher(algorithms.AES(self._needles), modes.ECB()).encryptor()  # noqa: S305
        data = bytearray(cipher.update(blocks.tobytes()))
        return np.frombuffer(data, np.int64).reshape(-1, 2)


class Seal:
    """The sum while a collector writes. Methods are for within a transaction."""

    def __init__(self, db: sqlite3.Connection, key: SealKey, previous: Iterable[SealKey]) -> None:
        """Go on from the file; reads all of it where another key made the seal, or none."""
        self._db, self._key = db, key
        found = sealed(db)
        if found is not None and found[0] == key.id:
            self._sum = _shown(found, key)
        else:
            # What was missing before is missing still: the difference goes on.
            old = next((each for each in previous if found and each.id == found[0]), None)
            missing = _shown(found, old) - total(db, old) if found and old is not None else 0
            self._sum = total(db, key) + missing
        self._written = self._sum

    def needles(self, *, added: Iterable[Row] = (), removed: Iterable[Row] = ()) -> None:
        """Needles that came or went."""
        self._sum += _of_needles(self._key, added) - _of_needles(self._key, removed)

    def rows(self, table: str, *, added: Iterable[Row] = (), removed: Iterable[Row] = ()) -> None:
        """Rows of another table that came or went."""
        self._sum += sum(self._key.of_row(table, row) for row in added)
        self._sum -= sum(self._key.of_row(table, row) for row in removed)

    def write(self) -> None:
        """Put the sum beside what it is of."""
        nonce = os.urandom(16)
        hidden = (self._sum + self._key.mask(nonce)) % _MODULUS
        row = self._key.id, nonce, hidden.to_bytes(16)
        self._db.execute("INSERT OR REPLACE INTO seal VALUES (1, ?, ?, ?)", row)

    def done(self) -> None:
        """What was written is on disk."""
        self._written = self._sum

    def undone(self) -> None:
        """What was written since is not."""
        self._sum = self._written


def sealed(db: sqlite3.Connection) -> tuple[str, bytes, bytes] | None:
    """The seal: the id of its key, its nonce, the hidden sum; None: there is none."""
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'seal'").fetchone() is None:
        return None
    found = db.execute("SELECT key, nonce, hidden FROM seal WHERE id = 1").fetchone()
    return None if found is None else (str(found[0]), _bytes(found[1]), _bytes(found[2]))


def adds_up(db: sqlite3.Connection, keys: Iterable[SealKey]) -> bool | None:
    """Whether everything is as it was sealed; None: under a key that is not among these."""
    found = sealed(db)
    if found is None:
        return False
    key = next((each for each in keys if each.id == found[0]), None)
    return None if key is None else (_shown(found, key) - total(db, key)) % _MODULUS == 0


def total(db: sqlite3.Connection, key: SealKey) -> int:
    """The sum of digests of all rows."""
    found = 0
    for table in _NEEDLES:
        rows = db.execute(f"SELECT needle, series, first, last, times FROM {table}")  # noqa: S608
        found += _of_needles(key, rows)
    for table in _OTHERS:
        rows = db.execute(f"SELECT * FROM {table}")  # noqa: S608  nothing of anybody's
        found += sum(key.of_row(table, row) for row in rows)
    return found


def _shown(found: tuple[str, bytes, bytes], key: SealKey) -> int:
    _, nonce, hidden = found
    return int.from_bytes(hidden) - key.mask(nonce)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _of_needles(key: SealKey, rows: Iterable[Row]) -> int:
    rows, found = iter(rows), 0
    while batch := list(islice(rows, _AT_ONCE)):
        found += key.of_needles(batch)
    return found
