"""What is let in: Relay's limits on items, and what is shed first when there is too much.

Sentry SDKs do not send again what was refused, and a bare 429 silences all of their categories.
So under load the kinds of least worth are refused by name, and errors wait for room.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic

from ..pipeline.errors import RefusedPayload
from ..pipeline.payloads.document import DocumentType
from ..pipeline.payloads.envelope import Envelope
from ..pipeline.payloads.envelope_sizes import SIZES, is_too_large

CONTAINER_SIZE = 12 * 1024 * 1024  # bytes, Relay's (relay-config, 2026)
COUNTS: Mapping[DocumentType, int] = {
    "session": 100, "sessions": 100, "client_report": 100, "user_report": 100, "check_in": 100,
}  # fmt: skip
_EVENTS: tuple[DocumentType, ...] = ("event", "transaction", "feedback")

SHED: frozenset[DocumentType] = frozenset(
    {"transaction", "span", "log", "metric", "session", "sessions"}
)
SHED_CATEGORIES = (
    "transaction;span;log_item;log_byte;trace_metric;metric_bucket;session;profile;profile_chunk;"
    "replay"
)
HOLD = 10.0  # seconds for which the kinds of least worth are refused after pressure was seen


def check(envelope: Envelope) -> None:
    """Apply the limits. Raises RefusedPayload: 413 `too_large` or `too_many`, 400 `events`."""
    types = Counter(document.type for document in envelope.documents)
    for type_, limit in COUNTS.items():
        if types[type_] > limit:
            raise RefusedPayload(413, "too_many", f"more than {limit} items of type {type_}")
    if sum(types[type_] for type_ in _EVENTS) > 1:
        raise RefusedPayload(400, "events", "more than one event in an envelope")
    containers: Counter[int] = Counter()
    for document in envelope.items:
        if is_too_large(document):
            text = f"an item of type {document.type} has more than {SIZES[document.type]} bytes"
            raise RefusedPayload(413, "too_large", text)
        if document.item is not None and document.item.container:
            containers[id(document.item)] += document.size
    if any(size > CONTAINER_SIZE for size in containers.values()):
        raise RefusedPayload(413, "too_large", f"an item has more than {CONTAINER_SIZE} bytes")


class Pressure:
    """Remembers that the pipeline was too busy."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._until = 0.0

    def seen(self) -> None:
        """The pipeline had no room just now."""
        self._until = self._clock() + HOLD

    @property
    def header(self) -> str | None:
        """X-Sentry-Rate-Limits for the kinds of least worth, while they are refused."""
        left = self._until - self._clock()
        return f"{math.ceil(left)}:{SHED_CATEGORIES}:organization:busy" if left > 0 else None

    def shed(self, envelope: Envelope) -> Counter[DocumentType]:
        """Drop the documents of least worth, while there is pressure; returns how many of each."""
        dropped: Counter[DocumentType] = Counter()
        if self.header is not None:
            for document in envelope.alive:
                if document.type in SHED:
                    document.dropped = "rate_limited"
                    dropped[document.type] += 1
        return dropped
