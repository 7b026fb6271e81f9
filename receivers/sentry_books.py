"""Counts what became of every document and request at the door of the Sentry receiver."""

from __future__ import annotations

from collections import Counter

from ..pipeline.component import Receipt
from ..pipeline.counters import Counters
from ..pipeline.payloads.document import DocumentType
from ..pipeline.payloads.envelope import Envelope


class Books:
    """The counters of one receiver."""

    def __init__(self, receiver: str, counters: Counters) -> None:
        self._receiver = receiver
        self._counters = counters

    def refuse_request(self, reason: str) -> None:
        """A request was turned away as a whole."""
        self._counters.add(
            "receiver_requests_refused", receiver=self._receiver, transport="http", reason=reason
        )

    def refuse(self, type_: str, reason: str, amount: int) -> None:
        """Documents of a request that was taken were not let in."""
        if amount > 0:
            self._counters.add(
                "receiver_refused",
                amount,
                receiver=self._receiver,
                transport="http",
                type=type_,
                reason=reason,
            )

    def settle(self, envelope: Envelope, receipt: Receipt) -> None:
        """Book every document that was put into the sink as accepted or refused, by type."""
        left: Counter[DocumentType] = Counter(
            each.type for each in envelope.documents if each.dropped != "rate_limited"
        )
        for (type_, reason), amount in receipt.refused.items():
            left[type_] -= amount
            self.refuse(type_, reason, amount)
        for type_, amount in left.items():
            if amount > 0:
                self._counters.add(
                    "receiver_accepted",
                    amount,
                    receiver=self._receiver,
                    transport="http",
                    type=type_,
                )
        if envelope.repaired:
            self._counters.add("receiver_repaired", envelope.repaired, receiver=self._receiver)
