"""Which documents of a payload do not go out, and what was lost in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import Document, DocumentType, Payload


@dataclass(frozen=True, slots=True)
class Losses:
    """Which documents of a payload are lost: without making any."""

    alive: int
    lost: frozenset[int]  # by identity

    @classmethod
    def of(cls, payload: Payload) -> Losses:
        """As they are now."""
        lost = frozenset(id(document) for document in payload.made if document.lost is not None)
        return cls(payload.count_alive, lost)

    def since(self, payload: Payload) -> list[Document]:
        """The documents of the same payload that were lost since then."""
        if payload.count_alive == self.alive:
            return []
        return [
            document
            for document in payload.documents
            if document.lost is not None and id(document) not in self.lost
        ]


LostCounts = Counter[tuple[DocumentType, DropReason]]


def lost_by_reason(payload: Payload) -> LostCounts:
    """How many documents of a payload are lost: comparable with those of its copies."""
    if payload.count == payload.count_alive:
        return Counter()
    return Counter(
        (document.type, document.lost)
        for document in payload.documents
        if document.lost is not None
    )


def narrow(payload: Payload, kept: Collection[DocumentType]) -> list[Document]:
    """Leave a payload only documents of these types. Returns those that are lost by it."""
    if payload.types.keys() <= set(kept):
        return []
    alive = payload.alive
    for document in alive:
        if document.type not in kept:
            document.dropped = "unsupported"
    return [document for document in alive if document.lost is not None]
