"""Books for one destination what delivery tells of it."""

from __future__ import annotations

from collections.abc import Mapping

from ...pipeline.component import Outcome
from ...pipeline.errors import DropReason
from ...pipeline.payloads.document import DocumentType, Payload
from ..exposed import Exposed
from ..keeping import Ledger
from .counting import Delivered, Withheld


class Accountant:
    """Is told (`errlock.delivery.telling.Told`) and has it booked."""

    def __init__(self, ledger: Ledger, destination: str) -> None:
        """`destination` is the exporter's id."""
        self._ledger = ledger
        self._destination = destination

    def left(
        self,
        policy: str,
        manifest: bytes,
        documents: Mapping[DocumentType, int],
        outcome: Outcome,
        reason: DropReason | None,
        refused: Mapping[DocumentType, int],
    ) -> None:
        """See `Told.left`."""
        self._ledger.book(
            Delivered(self._destination, policy, manifest, documents, outcome, reason, refused)
        )

    def exposed(self, payload: Payload, documents: Mapping[DocumentType, int]) -> None:
        """See `Told.exposed`."""
        self._ledger.expose(Exposed(self._destination, payload, documents))

    def withheld(
        self, policy: str, manifest: bytes, documents: Mapping[tuple[DocumentType, DropReason], int]
    ) -> None:
        """See `Told.withheld`."""
        self._ledger.withhold(Withheld(self._destination, policy, manifest, documents))
