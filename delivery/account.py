"""What became of every document that a destination was given: nothing is lost uncounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..pipeline.component import Delivered
from ..pipeline.counters import CounterName, Counters
from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import Document, DocumentType
from .store import Booking, BookingKind, BookKey, Books, Counts

_COUNTERS: Mapping[BookingKind, CounterName] = {
    "accepted": "exporter_offered",
    "delivered": "exporter_sent",
    "dropped": "exporter_dropped",
}


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
        self._exporter = exporter
        self._counters = counters
        self._books: Counter[BookKey] = Counter()

    def restore(self, books: Books) -> None:
        """Go on from what a store has. The counters are the process's own and begin with it."""
        self._books = Counter(dict(books))

    def adopt(self, other: Account) -> None:
        """Take in the figures of an account that ends."""
        self._books.update(other._books)

    def book(self, bookings: Iterable[Booking]) -> None:
        """Take lines into the figures."""
        for line in bookings:
            self._books[line.kind, line.type, line.reason] += line.amount
            labels = {"exporter": self._exporter, "type": line.type}
            if line.reason is not None:
                labels["reason"] = line.reason
            self._counters.add(_COUNTERS[line.kind], line.amount, **labels)

    def balance(self, queued: Counts) -> Balance:
        """The figures, together with what was counted in the queue."""
        accepted: Counter[DocumentType] = Counter()
        delivered: Counter[DocumentType] = Counter()
        dropped: Counter[tuple[DocumentType, DropReason]] = Counter()
        for (kind, type_, reason), amount in self._books.items():
            if reason is not None:
                dropped[type_, reason] += amount
            elif kind == "accepted":
                accepted[type_] += amount
            else:
                delivered[type_] += amount
        return Balance(accepted, delivered, queued, dropped)


def accepted(destination: str, counts: Counts) -> list[Booking]:
    """Documents came in."""
    return [Booking(destination, "accepted", type_, n) for type_, n in counts.items() if n]


def delivered(destination: str, counts: Counts) -> list[Booking]:
    """The destination has documents."""
    return [Booking(destination, "delivered", type_, n) for type_, n in counts.items() if n]


def dropped(destination: str, counts: Counts, reason: DropReason) -> list[Booking]:
    """Documents were given up."""
    return [Booking(destination, "dropped", type_, n, reason) for type_, n in counts.items() if n]


def outcome(
    destination: str, counts: Counts, marked: Sequence[Document], answer: Delivered
) -> list[Booking]:
    """What became of a payload of `counts` documents that was delivered: each of them once.

    Documents that the exporter marked as dropped are booked by their own type. What it told in
    numbers only is booked on the types with most documents, and what it left unexplained is
    `invalid`: the sums are exact whatever it answers.
    """
    left = Counter(counts)
    bookings: list[Booking] = []
    reasons = Counter(answer.dropped)
    untold = reasons.total() - len(marked)
    for document in marked:
        assert document.lost is not None
        reasons[document.lost] -= 1
        left[document.type] -= 1
        bookings += dropped(destination, {document.type: 1}, document.lost)
    for reason, amount in reasons.items():
        amount = min(amount, untold)
        untold -= max(amount, 0)
        bookings += _drop_any(destination, left, amount, reason)
    bookings += _drop_any(destination, left, left.total() - answer.accepted, "invalid")
    return bookings + delivered(destination, left)


def _drop_any(
    destination: str, left: Counter[DocumentType], amount: int, reason: DropReason
) -> list[Booking]:
    """Drop so many documents, whichever there are most of."""
    bookings: list[Booking] = []
    for type_, available in left.most_common():
        taken = min(amount, available)
        if taken <= 0:
            break
        left[type_] -= taken
        amount -= taken
        bookings += dropped(destination, {type_: taken}, reason)
    return bookings
