"""What a payload discloses of the code behind it: read when it is sanitised, of what goes out."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator

import msgspec

from ...pipeline.errors import BrokenDocument
from ...pipeline.payloads.document import Payload
from ...pipeline.payloads.envelope import Envelope
from ...pipeline.payloads.otlp import OtlpRequest
from .otlp import OtlpReader
from .sections import Section
from .sentry import SentryReader

_log = logging.getLogger("errlock.ledger")


class CodeReader:
    """Reads sanitised payloads. Safe from every thread."""

    def __init__(self) -> None:
        self._sentry = SentryReader()
        self._otlp = OtlpReader()

    def sections(self, payload: Payload) -> list[Section]:
        """What its documents disclose. Never raises: what cannot be read is left out and logged."""
        found: Counter[tuple[str, bytes]] = Counter()
        try:
            for type_, mentions, documents in self._read(payload):
                if mentions:
                    found[type_, mentions] += documents
        except Exception as failure:  # noqa: BLE001  the account must not hold up a delivery
            _log.error("what code a payload discloses cannot be told: %s", type(failure).__name__)
        return [
            Section(type_, documents, msgspec.Raw(mentions))
            for (type_, mentions), documents in found.items()
        ]

    def _read(self, payload: Payload) -> Iterator[tuple[str, bytes, int]]:
        if isinstance(payload, OtlpRequest):
            yield from self._otlp.sections(payload)
        elif isinstance(payload, Envelope):
            for each in payload.items:
                if each.lost is None:
                    # What turns out to be unreadable does not go out.
                    with contextlib.suppress(BrokenDocument):
                        for section in self._sentry.sections(each):
                            yield each.type, section, 1
