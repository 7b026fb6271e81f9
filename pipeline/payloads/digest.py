"""Digests for records of what was refused: they say that two documents were the same, no more.

The key is random and lives as long as the process, so a digest cannot be looked up or guessed
from outside.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b

_KEY = secrets.token_bytes(32)


def keyed_digest(data: bytes) -> str:
    """16 hex digits."""
    return blake2b(data, digest_size=8, key=_KEY).hexdigest()
