"""What a payload discloses of the code behind it: read when it is sanitised, of what goes out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import msgspec

from ...pipeline.errors import BrokenDocument
from ...pipeline.payloads.document import Payload
from .otlp import OtlpReader
from .sections import Section
from .sentry import SentryReader

if TYPE_CHECKING:
    from ...pipeline.payloads.envelope import Envelope
    from ...pipeline.payloads.otlp import OtlpRequest

_log = logging.getLogger("errlock.ledger")


class CodeReader:
    """Reads sanitised payloads. Safe from every thread."""

    def __init__(self) -> None:
        self._sentry = SentryReader()
        self._otlp = OtlpReader()

    def sections(self, payload: Payload, body: bytes | None = None) -> list[Section]:
        """What its documents disclose. Never raises: what cannot be read is left out and logged.

        `body` is the payload encoded, where somebody has done that.
        """
        found: dict[tuple[str, bytes], int] = {}
        try:
            self._read(payload, body, found)
        except Exception as failure:  # noqa: BLE001  the account must not hold up a delivery
            _log.error("what code a payload discloses cannot be told: %s", type(failure).__name__)
        sections: dict[tuple[str, int], list[msgspec.Raw]] = {}
        for (type_, piece), documents in found.items():
            sections.setdefault((type_, documents), []).append(msgspec.Raw(piece))
        return [Section(*key, pieces) for key, pieces in sections.items()]

    def _read(
        self, payload: Payload, body: bytes | None, found: dict[tuple[str, bytes], int]
    ) -> None:
        """Count of how many documents each piece is."""
        if payload.protocol == "otlp":
            for type_, piece, documents in self._otlp.pieces(cast("OtlpRequest", payload), body):
                found[type_, piece] = found.get((type_, piece), 0) + documents
            return
        for each in cast("Envelope", payload).items:
            if each.lost is None:
                try:
                    pieces = dict.fromkeys(self._sentry.pieces(each))
                except BrokenDocument:
                    continue  # it does not go out
                for piece in pieces:
                    found[each.type, piece] = found.get((each.type, piece), 0) + 1
