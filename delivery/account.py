"""What became of every document that a destination was given: nothing is lost uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..pipeline.component import Delivered
from ..pipeline.counters import Counters
from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import Document, DocumentType

# Documents by type: what is counted here.
Counts = Mapping[DocumentType, int]


def count(documents: Iterable[Document]) -> Counter[DocumentType]:
    """How many documents there are of each type."""
    return Counter(document.type for document in documents)


@dataclass(frozen=True, slots=True)
class Balance:
    """One destination's account: each figure is counted on its own, none is a remainder."""

    accepted: Counts
    delivered: Counts
    queued: Counts
    dropped: Mapping[tuple[DocumentType, DropReason], int]

    @property
    def holds(self) -> bool:
        """Whether accepted = delivered + queued + dropped, for every document type."""
        out = Counter(self.delivered) + Counter(self.queued)
        for (type_, _), amount in self.dropped.items():
            out[type_] += amount
        return Counter(self.accepted) == out


class Account:
    """Books documents of one destination, in its own figures and in the process's counters."""

    def __init__(self, exporter: str, counters: Counters) -> None:
        self.accepted: Counter[DocumentType] = Counter()
        self.delivered: Counter[DocumentType] = Counter()
        self.dropped: Counter[tuple[DocumentType, DropReason]] = Counter()
        self._exporter = exporter
        self._counters = counters

    def accept(self, counts: Counts) -> None:
        """Documents came in."""
        self.accepted.update(counts)
        for type_, amount in counts.items():
            self._counters.add("exporter_offered", amount, exporter=self._exporter, type=type_)

    def enqueue(self, counts: Counts) -> None:
        """Documents went into the queue."""
        for type_, amount in counts.items():
            self._counters.add("exporter_enqueued", amount, exporter=self._exporter, type=type_)

    def deliver(self, counts: Counts) -> None:
        """The destination has documents."""
        for type_, amount in counts.items():
            if amount:
                self.delivered[type_] += amount
                self._counters.add("exporter_sent", amount, exporter=self._exporter, type=type_)

    def drop(self, counts: Counts, reason: DropReason) -> None:
        """Documents were given up."""
        for type_, amount in counts.items():
            if amount:
                self.dropped[type_, reason] += amount
                self._counters.add(
                    "exporter_dropped",
                    amount,
                    exporter=self._exporter,
                    type=type_,
                    reason=reason,
                )

    def settle(self, counts: Counts, marked: Sequence[Document], answer: Delivered) -> None:
        """Book a payload of `counts` documents that was delivered: each of them once.

        Documents that the exporter marked as dropped are booked by their own type. What it told
        in numbers only is booked on the types with most documents, and what it left unexplained
        is `invalid`: the sums are exact whatever it answers.
        """
        left = Counter(counts)
        reasons = Counter(answer.dropped)
        untold = reasons.total() - len(marked)
        for document in marked:
            assert document.lost is not None
            reasons[document.lost] -= 1
            left[document.type] -= 1
            self.drop({document.type: 1}, document.lost)
        for reason, amount in reasons.items():
            amount = min(amount, untold)
            untold -= max(amount, 0)
            self._drop_any(left, amount, reason)
        self._drop_any(left, left.total() - answer.accepted, "invalid")
        self.deliver(left)

    def _drop_any(self, left: Counter[DocumentType], amount: int, reason: DropReason) -> None:
        for type_, available in left.most_common():
            taken = min(amount, available)
            if taken <= 0:
                return
            left[type_] -= taken
            amount -= taken
            self.drop({type_: taken}, reason)
