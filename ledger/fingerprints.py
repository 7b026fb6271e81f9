"""Fingerprints of what the ledger does not keep: 8 bytes of BLAKE2b under a key.

Without the key none can be made: whoever takes the storage folder could try values on them.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence

# What they are about: those of one kind cannot be compared with others.
VALUES = b"errlock ledger fingerprints"
WORDS = b"errlock ledger words"


class Fingerprints:
    """Makes them. Safe from every thread."""

    def __init__(self, key: str, about: bytes) -> None:
        """`key` is `ledger.key`."""
        secret = hmac.digest(key.encode(), about, hashlib.sha256)
        self._keyed = hashlib.blake2b(digest_size=8, key=secret)

    def of_values(self, values: Iterable[str]) -> Sequence[int]:
        """Of each value, in order, which is normalised as for pseudonyms."""
        return self.of(value.encode("utf-8", "surrogatepass") for value in values)

    def of(self, texts: Iterable[bytes]) -> Sequence[int]:
        """Of each text, in order; signed, as SQLite and sketches take them."""
        made = []
        for text in texts:
            keyed = self._keyed.copy()  # it has the key in it, which is half of the work
            keyed.update(text)
            made.append(keyed.digest())
        return struct.unpack(f">{len(made)}q", b"".join(made))
