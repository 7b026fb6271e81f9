"""What a destination learns from the bytes of a payload: code, and words that could be tokens.

Nobody reads it before an attempt has sent them: what never leaves costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..pipeline.payloads.document import DocumentType, Payload

if TYPE_CHECKING:
    from .code.reading import CodeReader, Pieces
    from .needles.words import WordReader

_log = logging.getLogger("errlock.ledger")


@dataclass(frozen=True, slots=True)
class Exposed:
    """Documents of a payload that a destination can have read, by type."""

    destination: str
    payload: Payload  # nobody changes it any more
    documents: Mapping[DocumentType, int]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What stands in a payload."""

    code: Pieces = field(default_factory=dict)
    words: bytes | None = None  # their fingerprints, 8 bytes each; None: they are not read
    words_left_out: int = 0  # because there were too many
    failed: bool = False  # there may be more


class Learner:
    """Reads payloads that were sent. Safe from every thread."""

    def __init__(self, code: CodeReader | None = None, words: WordReader | None = None) -> None:
        """What there is no reader for is not read."""
        self._code = code
        self._words = words

    def __bool__(self) -> bool:
        """Whether anything is read."""
        return self._code is not None or self._words is not None

    def learn(self, payload: Payload) -> Learnt:
        """Read one. Never raises: what cannot be read is logged."""
        try:
            code = self._code.pieces(payload) if self._code is not None else {}
            if self._words is None:
                return Learnt(code)
            words = self._words.read(payload.encode(), binary=payload.protocol == "otlp")
            return Learnt(code, *words)
        except Exception as failure:  # noqa: BLE001  a foreign text may quote the document
            _log.error("what a payload tells cannot be read: %s", type(failure).__name__)
            return Learnt(failed=True)
