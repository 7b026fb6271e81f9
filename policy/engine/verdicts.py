"""Texts in which nothing was found, remembered: the documents of one service repeat themselves.

Kept are keyed digests, not texts, and only so many. What is remembered depends on the policy and on
nothing else than what is digested, so a text that is known need not be judged again.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b

from ..fields import Field
from ..judging import Work
from .texts import IS_KEYED

_REMEMBERED = 16384
_SIZE = 16  # bytes of a digest that is made here
Digest = int | bytes


class Verdicts:
    """The digests of harmless texts. Thread-safe."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._harmless: dict[Digest, Work] = {}

    def digest(self, text: str, key: str | None, class_: str | None, field: Field | None) -> Digest:
        """What stands for a text in its field, under a key and a class that it has by its place."""
        meaning = field and (field.kind, field.class_, field.code)
        if IS_KEYED:  # under a key of the process's own; of each text it is known already
            return hash((self._key, text, key, class_, meaning))
        about = repr((key, class_, meaning)).encode()  # in ASCII, and no prefix of another one
        data = about + text.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=_SIZE).digest()

    def work(self, digest: Digest) -> Work | None:
        """What judging it took, where it is known that nothing is found there."""
        return self._harmless.get(digest)

    def remember(self, digest: Digest, work: Work) -> None:
        """Nothing was found there, all of it was read, and it took this."""
        if len(self._harmless) >= _REMEMBERED:
            self._harmless.clear()
        self._harmless[digest] = work
