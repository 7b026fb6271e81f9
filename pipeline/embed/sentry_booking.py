"""Books what sentry-sdk's transports really send, by what the backend answers."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, get_args
from weakref import WeakKeyDictionary

from sentry_sdk.transport import Http2Transport, HttpTransport
from urllib3.exceptions import NewConnectionError

from ..payloads.document import DocumentType

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope, Item

    from ..component import Outcome
    from ..errors import DropReason
    from .ledger import Ledger, Note

_TYPES = frozenset(get_args(DocumentType))


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


def _documents(note: Note, items: list[Item]) -> Counter[DocumentType]:
    """How many documents some items of an envelope are: the others were over quota."""
    found: Counter[DocumentType] = Counter()
    for item in items:
        type_: Any = item.headers.get("type")
        if type_ in _TYPES and note.documents[type_]:
            count = item.headers.get("item_count")
            found[type_] += count if isinstance(count, int) else 1
    return found


def _never_left(failure: BaseException | None) -> bool:
    """Whether there was not even a connection."""
    reason = getattr(failure, "reason", failure)  # of urllib3's MaxRetryError
    return isinstance(reason, NewConnectionError)


class _Booking:
    """What both of the SDK's transports have to be told."""

    books: Books | None = None
    destination = "sentry"
    _answered = False

    def _handle_response(self, response: Any, envelope: Envelope | None) -> None:
        """The backend has the envelope, or has seen it and said no."""
        if self.books is not None:
            if 200 <= response.status < 300:
                self.books.sent(self.destination, envelope, "delivered")
            else:
                self.books.sent(self.destination, envelope, "refused", "invalid")
        self._answered = True
        try:
            super()._handle_response(response, envelope)  # type: ignore[misc]  # of the SDK's
        finally:
            self._answered = False

    def _handle_request_error(
        self, envelope: Envelope | None, *arguments: Any, **more: Any
    ) -> None:
        """Nobody knows what of it arrived, unless there was an answer."""
        if self.books is not None and not self._answered and not _never_left(sys.exception()):
            self.books.sent(self.destination, envelope, "perhaps", "unclear")
        super()._handle_request_error(envelope, *arguments, **more)  # type: ignore[misc]  # as above


class BookedHttpTransport(_Booking, HttpTransport):
    """The SDK's transport, with `books`."""


class BookedHttp2Transport(_Booking, Http2Transport):
    """The SDK's transport, with `books`."""
