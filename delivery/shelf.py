"""What waits for one destination: its queue, its records in the store and its account.

The three are moved together, here and nowhere else, so that between two awaits

    accepted = delivered + queued + dropped

for every document type.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from ..pipeline.counters import Counters
from ..pipeline.errors import DropReason
from ..pipeline.payloads.document import Document, DocumentType, Payload
from . import account
from .account import Account, Balance
from .options import MEMORY_QUEUE, STORED_QUEUE, SendingQueue
from .queue import Queue
from .retry import LONGEST_HINT
from .shortfall import Shortfall
from .store import Booking, Counts, Record, Shipment, Store
from .telling import Told, lost_in, tell_answered, tell_given_up

# Documents without an id of their own: sent twice, they count twice. All others are recognised
# by whoever gets them.
WITHOUT_ID: frozenset[DocumentType] = frozenset(
    {"session", "sessions", "client_report", "metric", "log", "log_record", "data_point"}
)


class Shelf:
    """Takes records, gives them out when they are due, and books how they end."""

    def __init__(
        self,
        destination: str,
        options: SendingQueue,
        store: Store,
        counters: Counters,
        log: logging.Logger,
    ) -> None:
        default = STORED_QUEUE if store.durable else MEMORY_QUEUE
        capacity = options.queue_size if options.queue_size is not None else default
        self.queue = Queue(options, capacity)
        self.told: Told | None = None  # who keeps account of what left
        self._id = destination
        self._store = store
        self._counters = counters
        self._account = Account(destination, counters)
        self._shortfall = Shortfall(destination, log)

    async def restore(self, now: float, longest: float) -> list[Record]:
        """Take up what the store has. Returns records whose last attempt nobody saw the end of.

        `longest` is the longest wait between two attempts that no destination has asked for.
        """
        self._account.restore(await self._store.books(self._id))
        records = await self._store.waiting(self._id)
        _set_right(records, now, longest)
        for record in records:
            self.queue.restore(record)
        begun = [record for record in records if record.begun]
        for record in begun:
            record.may_have_arrived()
        return begun

    def adopt(self, other: Shelf) -> list[Record]:
        """Go on with what another shelf of this destination has; it is not used any more.

        Returns records as `restore` does.
        """
        self._account.adopt(other._account)
        records = list(other.queue)
        for record in records:
            record.in_flight = False
            self.queue.restore(record)
        return [record for record in records if record.begun]

    def put(self, records: Sequence[Record], bookings: Sequence[Booking]) -> None:
        """Take records that were stored, with all that was booked with them."""
        self._account.book(bookings)
        for record in records:
            evicted = self.queue.put(record)
            if record not in evicted:
                for type_, amount in record.counts.items():
                    self._counters.add("exporter_enqueued", amount, exporter=self._id, type=type_)
            for one in evicted:
                self._lose(one, account.dropped(self._id, one.counts, "queue_full"))

    def expire(self, now: float, since: float) -> None:
        """Give up what waited too long; see `Queue.next_expiry`."""
        for record in self.queue.expire(now, since):
            self._lose(record, account.dropped(self._id, record.counts, "expired"))

    async def load(self, record: Record) -> Payload:
        """The payload of a record. Raises StoreFailed."""
        payload = await self._store.load(record)
        record.manifest = payload.manifest
        return payload

    async def begin(self, record: Record) -> None:
        """An attempt begins: where documents must not go twice, that is written first."""
        if not WITHOUT_ID.isdisjoint(record.counts):
            record.begun = True
            await self._store.update(record)

    def cut_off(self, record: Record) -> None:
        """An attempt ends because the process or its configuration does: it may have arrived."""
        record.may_have_arrived()
        self._store.update(record)

    def again(self, record: Record, due: float, *, last: bool = False) -> None:
        """Put a record that was in flight back, not to be taken before `due`.

        After its last chance in this process it only waits for the next one.
        """
        record.due, record.begun = due, False
        self._store.update(record)
        if last:
            self.queue.park(record)
        else:
            self.queue.again(record, due)

    def give_up_unclear(self, record: Record) -> bool:
        """Nobody knows whether it arrived: what must not go twice is given up.

        Returns whether documents are left that may go again.
        """
        lost = {type_: n for type_, n in record.counts.items() if type_ in WITHOUT_ID}
        record.begun = False
        if not lost:
            return True
        left = {type_: n for type_, n in record.counts.items() if type_ not in WITHOUT_ID}
        return self.narrow(record, left, account.dropped(self._id, lost, "unclear"))

    def narrow(self, record: Record, left: Counts, bookings: Sequence[Booking]) -> bool:
        """Leave a record these of its documents. Returns whether there are any: else it ends."""
        if not left:
            self.lose(record, bookings)
            return False
        tell_given_up(self.told, record, lost_in(bookings))
        self.queue.narrow(record, left)
        self._account.book(bookings)
        self._store.update(record, bookings)
        return True

    def give_up(self, record: Record, reason: DropReason) -> None:
        """End a record that is not delivered."""
        self.lose(record, account.dropped(self._id, record.counts, reason))

    def lose(self, record: Record, bookings: Sequence[Booking]) -> None:
        """End a record of which nothing is delivered, as these bookings say."""
        self.queue.remove(record)
        self._lose(record, bookings)

    def answered(
        self,
        record: Record,
        marked: Sequence[Document],
        bookings: Sequence[Booking],
        dropped: Sequence[Booking],
    ) -> None:
        """End a record that was sent, with what became of its documents.

        `marked` ones the exporter left out; `dropped` ones the policy before it had them.
        """
        self.queue.remove(record)
        tell_given_up(self.told, record, lost_in(dropped))
        tell_answered(self.told, record, marked, bookings)
        self._end(record, [*dropped, *bookings])

    def exposed(self, record: Record, payload: Payload, counts: Counts) -> None:
        """An attempt sent these documents, or may have: see `Told.exposed`."""
        if self.told is not None and not record.exposed:
            record.exposed = True
            self.told.exposed(payload, counts)

    def forget(self, record: Record, bookings: Sequence[Booking]) -> None:
        """Let go of a record that the store has ended already, with what that booked."""
        self.queue.remove(record)
        tell_given_up(self.told, record, lost_in(bookings))
        self._account.book(bookings)

    async def cut(
        self, record: Record, portions: Sequence[Payload], dropped: Sequence[Booking]
    ) -> None:
        """Have smaller payloads wait in the place of a record, of which some was `dropped`.

        Raises StoreFailed; then it is as it was. Not to be cancelled.
        """
        shipments = [
            Shipment(each, record.passed, {self._id: each.types}, sent=record.sent)
            for each in portions
        ]
        smaller = await self._store.replace(record, shipments, dropped)
        self.forget(record, dropped)
        for each in smaller:
            self.queue.restore(each)

    def balance(self) -> Balance:
        """The account: what is queued is counted anew, by walking over the queue."""
        queued: Counter[DocumentType] = Counter()
        for record in self.queue:
            queued.update(record.counts)
        return self._account.balance(queued)

    def _lose(self, record: Record, bookings: Sequence[Booking]) -> None:
        tell_given_up(self.told, record, lost_in(bookings))
        self._end(record, bookings)

    def _end(self, record: Record, bookings: Sequence[Booking]) -> None:
        self._account.book(bookings)
        self._store.settle(record, bookings)
        self._shortfall.tell(bookings)


def _set_right(records: Sequence[Record], now: float, longest: float) -> None:
    """Bring times of a clock that has been set back since to where they can be.

    Taken as they are, they would keep a record from being sent, and from expiring, until the
    clock is there again: for years, where it was wrong by years.
    """
    # A process does not notice when its clock is set, and goes on as it was: a bit of a difference
    # is no sign of anything. Who looks at a record's due time cannot tell a clock that was ahead
    # from a destination that asked for a day of rest, but nothing else is written beforehand.
    was_ahead = any(max(each.enqueued, each.first_attempt) > now + longest for each in records)
    latest = now + (longest if was_ahead else max(longest, LONGEST_HINT))
    for record in records:
        if record.due > latest:
            record.due = now
        record.first_attempt = min(record.first_attempt, now)
        if record.enqueued > now:
            # The first attempt is written with each attempt, and by the clock as it is by then:
            # so the age goes on where it was at the next restart.
            record.enqueued = record.first_attempt or now
