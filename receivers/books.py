"""Counts what became of every document and request at the door of a receiver."""

from __future__ import annotations

from collections import Counter

from ..pipeline.component import Receipt
from ..pipeline.counters import Counters
from ..pipeline.payloads.document import DocumentType, Payload


class Books:
    """The counters of one receiver and transport."""

    def __init__(self, receiver: str, transport: str, counters: Counters) -> None:
        self._labels = {"receiver": receiver, "transport": transport}
        self._counters = counters

    def refuse_request(self, reason: str) -> None:
        """A request was turned away as a whole."""
        self._counters.add("receiver_requests_refused", 1, **self._labels, reason=reason)

    def close_connections(self, amount: int) -> None:
        """Connections made room for others."""
        if amount > 0:
            self._counters.add("receiver_connections_closed", amount, **self._labels)

    def refuse(self, type_: str, reason: str, amount: int) -> None:
        """Documents of a request that was taken were not let in."""
        if amount > 0:
            self._counters.add(
                "receiver_refused", amount, **self._labels, type=type_, reason=reason
            )

    def settle(self, payload: Payload, receipt: Receipt) -> None:
        """Book every document that was put into the sink as accepted or refused, by type."""
        left: Counter[DocumentType] = Counter(
            each.type for each in payload.documents if each.dropped != "rate_limited"
        )
        for (type_, reason), amount in receipt.refused.items():
            left[type_] -= amount
            self.refuse(type_, reason, amount)
        for type_, amount in left.items():
            self.accept(type_, amount)
        self.repair(payload.repaired)

    def accept(self, type_: str, amount: int) -> None:
        """Documents were put into the sink."""
        if amount > 0:
            self._counters.add("receiver_accepted", amount, **self._labels, type=type_)

    def repair(self, amount: int) -> None:
        """So much of a request had to be mended."""
        if amount > 0:
            receiver = self._labels["receiver"]
            self._counters.add("receiver_repaired", amount, receiver=receiver)
