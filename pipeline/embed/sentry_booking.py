"""Books what sentry-sdk's transports really send, by what the backend answers."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, get_args
from weakref import WeakKeyDictionary

from sentry_sdk.consts import VERSION
from urllib3.exceptions import NewConnectionError

from ..errors import DropReason
from ..payloads.document import DocumentType

if TYPE_CHECKING:
    from sentry_sdk._types import EventDataCategory
    from sentry_sdk.envelope import Envelope, Item

    from ..api import Pipeline
    from ..component import Outcome
    from .ledger import Ledger, Note

try:
    from sentry_sdk.transport import Http2Transport, HttpTransport
except ImportError:
    raise ImportError(f"expected sentry-sdk 2.16 or newer, this is {VERSION}") from None

_TYPES = frozenset(get_args(DocumentType))
# What the SDK says of items that it drops before it sends them. All else it says of attempts, which
# are booked by their answers, or of what never came here.
_UNSENT: dict[str, DropReason] = {
    "queue_overflow": "queue_full",
    "ratelimit_backoff": "rate_limited",
}


class Books:
    """What the items of envelopes that wait hold, for the account."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # The SDK puts items into other envelopes on their way; the items stay the same objects.
        self._notes: WeakKeyDictionary[Item, tuple[Note, int]] = WeakKeyDictionary()

    def note(self, note: Note, envelope: Envelope) -> None:
        """Remember what the items of an envelope hold."""
        for item in envelope.items:
            self._notes[item] = (note, len(envelope.items))

    def sent(
        self,
        destination: str,
        envelope: Envelope | None,
        outcome: Outcome,
        reason: DropReason | None = None,
    ) -> None:
        """Book what an attempt came to."""
        items: dict[int, list[Item]] = {}
        for item in envelope.items if envelope is not None else ():
            if item in self._notes:
                items.setdefault(id(self._notes[item][0]), []).append(item)
        for group in items.values():
            note, amount = self._notes[group[0]]
            documents = None if len(group) == amount else _documents(note, group)
            self._ledger.book(destination, note, outcome, reason, documents)

    def withheld(self, destination: str, item: Item, reason: DropReason) -> None:
        """Book that an item does not leave after all."""
        if item in self._notes:
            note, amount = self._notes[item]
            documents = note.documents if amount == 1 else _documents(note, [item])
            lost = {(type_, reason): count for type_, count in documents.items()}
            self._ledger.withhold(destination, note, lost)

    def unjudged(self, destination: str, pipeline: Pipeline, envelope: Envelope) -> None:
        """Book that nobody could judge an envelope, so that nothing of it leaves."""
        lost: Counter[tuple[DocumentType, DropReason]] = Counter()
        for item in envelope.items:
            type_: Any = item.headers.get("type")
            known = isinstance(type_, str) and type_ in _TYPES
            lost[type_ if known else "unknown", "processor_failed"] += 1
        self._ledger.withhold(destination, self._ledger.note(pipeline, None), lost)


def _documents(note: Note, items: list[Item]) -> Counter[DocumentType]:
    """How many documents some items of an envelope are: the others were over quota."""
    found: Counter[DocumentType] = Counter()
    for item in items:
        type_: Any = item.headers.get("type")
        if type_ in _TYPES and note.documents[type_]:
            count = item.headers.get("item_count")
            found[type_] += count if isinstance(count, int) else 1
    return found


def _never_left(failure: BaseException) -> bool:
    """Whether there was not even a connection."""
    reason = getattr(failure, "reason", failure)  # of urllib3's MaxRetryError
    return isinstance(reason, NewConnectionError)


class _Booking:
    """What both of the SDK's transports have to be told."""

    books: Books | None = None
    destination = "sentry"
    # Of the request under way, until it is booked: each transport sends from one thread.
    _envelope: Envelope | None = None

    def record_lost_event(
        self,
        reason: str,
        data_category: EventDataCategory | None = None,
        item: Item | None = None,
        *,
        quantity: int = 1,
    ) -> None:
        """Something is not sent."""
        if self.books is not None and item is not None and reason in _UNSENT:
            self.books.withheld(self.destination, item, _UNSENT[reason])
        super().record_lost_event(  # type: ignore[misc]  # of the SDK's
            reason, data_category, item, quantity=quantity
        )

    # These two are the same in all versions since 2.16; between them, each has other steps.

    def _send_request(self, *arguments: Any, envelope: Envelope | None = None, **more: Any) -> None:
        self._envelope = envelope
        super()._send_request(*arguments, envelope=envelope, **more)  # type: ignore[misc]  # of the SDK

    def _request(self, *arguments: Any, **more: Any) -> Any:
        """Send. With an answer, the backend has the envelope, or has seen it and said no."""
        try:
            response = super()._request(*arguments, **more)  # type: ignore[misc]  # of the SDK
        except Exception as failure:
            if not _never_left(failure):
                self._book("perhaps", "unclear")
            raise
        if 200 <= response.status < 300:
            self._book("delivered")
        else:
            self._book("refused", "invalid")
        return response

    def kill(self) -> None:
        """Stop sending. Nobody waits any more for what a slow backend answers."""
        self._book("perhaps", "unclear")
        super().kill()  # type: ignore[misc]  # of the SDK

    def _book(self, outcome: Outcome, reason: DropReason | None = None) -> None:
        if self.books is not None:
            envelope = vars(self).pop("_envelope", None)  # in one step: of two threads, one has it
            self.books.sent(self.destination, envelope, outcome, reason)


class BookedHttpTransport(_Booking, HttpTransport):
    """The SDK's transport, with `books`, to where the DSN says and nowhere else."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        # urllib3 would follow a redirect, with all that is sent: to somebody distrusted, maybe.
        self._pool.urlopen = partial(self._pool.urlopen, redirect=False)  # type: ignore[method-assign]


class BookedHttp2Transport(_Booking, Http2Transport):
    """The SDK's transport, with `books`."""
