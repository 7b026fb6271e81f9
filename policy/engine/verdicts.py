"""Texts in which nothing was found, remembered: the documents of one service repeat themselves.

Kept are keyed digests, not texts, and only so many. What is remembered depends on the policy and on
nothing else than what is digested, so a text that is known need not be judged again.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b

from ..fields import Field

_REMEMBERED = 16384
_SIZE = 16  # bytes of a digest


class Verdicts:
    """The digests of harmless texts. Thread-safe."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._harmless: set[bytes] = set()

    def digest(self, text: str, key: str | None, class_: str | None, field: Field | None) -> bytes:
        """What stands for a text in its field, under a key and a class that it has by its place."""
        meaning = field and (field.kind, field.class_, field.code)
        about = repr((key, class_, meaning)).encode()  # in ASCII, and no prefix of another one
        data = about + text.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=_SIZE).digest()

    def is_harmless(self, digest: bytes) -> bool:
        """Whether it is known that nothing is found there."""
        return digest in self._harmless

    def remember(self, digest: bytes) -> None:
        """Nothing was found there, and nothing had to be decoded."""
        if len(self._harmless) >= _REMEMBERED:
            self._harmless.clear()
        self._harmless.add(digest)
