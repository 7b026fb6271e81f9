"""What a payload discloses of the code behind it: read from what went out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from ...pipeline.errors import BrokenDocument
from ...pipeline.payloads.document import DocumentType, Payload
from .otlp import OtlpReader
from .sentry import SentryReader

if TYPE_CHECKING:
    from ...pipeline.payloads.envelope import Envelope
    from ...pipeline.payloads.otlp import OtlpRequest

# Of how many documents of a type each piece is.
Pieces: TypeAlias = Mapping[tuple[DocumentType, bytes], int]


class CodeReader:
    """Reads sanitised payloads. Safe from every thread."""

    def __init__(self) -> None:
        self._sentry = SentryReader()
        self._otlp = OtlpReader()

    def pieces(self, payload: Payload) -> Pieces:
        """What its documents disclose; of each document at most once."""
        found: dict[tuple[DocumentType, bytes], int] = {}
        if payload.protocol == "otlp":
            for type_, piece, documents in self._otlp.pieces(cast("OtlpRequest", payload)):
                found[type_, piece] = found.get((type_, piece), 0) + documents
            return found
        for each in cast("Envelope", payload).items:
            if each.lost is None:
                try:
                    pieces = dict.fromkeys(self._sentry.pieces(each))
                except BrokenDocument:
                    continue  # it did not go out
                for piece in pieces:
                    found[each.type, piece] = found.get((each.type, piece), 0) + 1
        return found
