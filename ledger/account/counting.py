"""What one delivery books: counts by the minute, and what it discloses of code."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...pipeline.component import Outcome
from ...pipeline.errors import DropReason
from ...pipeline.payloads.document import CONTEXT_TYPES, DocumentType
from ..code.booking import Booked, Bookings
from ..code.tables import Place
from ..exposed import Exposed, Learnt
from ..manifest import Manifest, read_manifest
from ..needles.needles import Needles
from ..needles.store import NeedleSeries
from ..origins import OTHER, UNKNOWN
from .figures import SEEN, Figures, Series
from .store import DAY

_MOST_LABELS = 256  # of services, and of environments; more are `other`
_MOST_ROWS = 100_000  # in memory, while they cannot be written

NOBODY_NOTED = Manifest(UNKNOWN, UNKNOWN, {})


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a destination has now, has seen or may have: documents of a payload, by type."""

    destination: str
    policy: str  # the version that they passed
    manifest: bytes
    documents: Mapping[DocumentType, int]
    outcome: Outcome = "delivered"
    reason: DropReason | None = None  # why they were given up, unless they were delivered
    refused: Mapping[DocumentType, int] = field(default_factory=dict)  # more, that it took not


@dataclass(frozen=True, slots=True)
class Withheld:
    """What did not leave for a destination: documents of a payload, by type and reason."""

    destination: str
    policy: str
    manifest: bytes  # of what was left of the payload; empty where nobody has read it
    documents: Mapping[tuple[DocumentType, DropReason], int]


@dataclass(slots=True)
class Unbooked:
    """What the account lacks, until the journal has been told."""

    documents: int = 0
    since: float = 0.0
    why: set[str] = field(default_factory=set)

    def add(self, documents: int, why: str) -> None:
        """So many documents more."""
        self.since = self.since or time.time()
        self.documents += documents
        self.why.add(why)

    def merge(self, other: Unbooked) -> None:
        """Put what came later with it."""
        self.documents += other.documents
        self.why |= other.why


Rows = dict[tuple[int, Series], Figures]


class Counts:
    """Adds up what was delivered until it is written. For one thread at a time."""

    def __init__(self, needles: Needles | None) -> None:
        """Tells these of values and words."""
        self._needles = needles
        self.labels: dict[str, set[str]] = {"service": set(), "environment": set()}
        self.rows: Rows = {}
        self._code = Bookings()
        self._unbooked = Unbooked()

    def add(self, what: Delivered | Withheld, now: float, minute: int) -> None:
        """Count what was delivered, or did not leave, in a minute. Never raises."""
        if isinstance(what, Delivered):
            self._delivered(what, now, minute)
        else:
            self._withheld(what, now, minute)

    def learn(self, exposed: Exposed, learnt: Learnt, now: float, minute: int) -> None:
        """Count what a destination could read. Never raises."""
        manifest = _read(exposed.payload.manifest) or NOBODY_NOTED
        day = minute // DAY * DAY  # one that is not closed
        place = Place(day, exposed.destination, *self._origin(manifest))
        if not self._code.add(place, learnt.code, exposed.documents, now):
            self.miss(exposed.documents, "the code that they disclose could not be written")
        if learnt.failed:
            self.miss(exposed.documents, "what they disclose could not be read")
        if self._needles is not None and learnt.words is not None:
            words = self._needles.words
            words.note(exposed.destination, learnt.words, learnt.words_left_out, now)

    def miss(self, documents: Mapping[Any, int], why: str) -> None:
        """Something is not known of these."""
        self._unbooked.add(sum(documents.values()), why)

    def take(self) -> tuple[Rows, Booked]:
        """All that was counted, and the code; there is nothing left."""
        rows, self.rows = self.rows, {}
        return rows, self._code.take()

    def give_back(self, rows: Rows, code: Booked) -> None:
        """They could not be written."""
        self._code.give_back(code)
        for key, figures in rows.items():
            self.rows.setdefault(key, Figures()).merge(figures)

    def take_unbooked(self) -> Unbooked:
        """What is missing, to be told."""
        unbooked, self._unbooked = self._unbooked, Unbooked()
        return unbooked

    def give_back_unbooked(self, unbooked: Unbooked) -> None:
        """It could not be told."""
        unbooked.merge(self._unbooked)
        self._unbooked = unbooked

    def _delivered(self, delivered: Delivered, now: float, minute: int) -> None:
        documents = sum(delivered.documents.values()) + sum(delivered.refused.values())
        if not documents:
            return
        manifest = _read(delivered.manifest)
        if len(self.rows) >= _MOST_ROWS:
            self._unbooked.add(documents, "the account could not be written")
            return
        if manifest is None:
            self._unbooked.add(documents, "nobody noted what was in them")
        self._count(delivered, manifest or NOBODY_NOTED, now, minute)

    def _withheld(self, withheld: Withheld, now: float, minute: int) -> None:
        manifest = _read(withheld.manifest) or NOBODY_NOTED
        if len(self.rows) >= _MOST_ROWS:
            self.miss(withheld.documents, "the account could not be written")
            return
        base = self._series(withheld.destination, manifest, withheld.policy)
        for (type_, reason), documents in withheld.documents.items():
            series = base._replace(type=type_, outcome="withheld", reason=reason)
            self._figures(minute, series).add(documents, 0, 0, now, ())

    def _count(self, delivered: Delivered, manifest: Manifest, now: float, minute: int) -> None:
        base = self._series(delivered.destination, manifest, delivered.policy)
        if delivered.outcome != "delivered":
            base = base._replace(outcome=delivered.outcome, reason=delivered.reason or "")
        for type_, documents in delivered.documents.items():
            figures = self._figures(minute, base._replace(type=type_))
            figures.add_documents(documents, manifest.items.get(type_), now)
        for type_, documents in delivered.refused.items():
            series = base._replace(type=type_, outcome="refused", reason="invalid")
            self._figures(minute, series).add_documents(documents, manifest.items.get(type_), now)
        for line in manifest.lines:
            # Which documents of a type were refused nobody says: then all their findings count.
            if (
                line.type in delivered.documents
                or line.type in CONTEXT_TYPES
                or line.type in delivered.refused
            ):
                series = base._replace(
                    type=line.type, class_=line.class_, form=line.form, detector=line.detector
                )
                figures = self._figures(minute, series)
                figures.add(line.documents, line.occurrences, 0, now, line.values)
                if self._needles is not None:
                    certain = delivered.outcome in SEEN
                    needles = NeedleSeries(
                        base.destination, line.class_, line.form, base.service, certain
                    )
                    self._needles.note(needles, [*line.values, *line.parts], now)

    def _series(self, destination: str, manifest: Manifest, policy: str) -> Series:
        return Series(destination, "", *self._origin(manifest), policy)

    def _origin(self, manifest: Manifest) -> tuple[str, str]:
        service = self._label("service", manifest.service)
        return service, self._label("environment", manifest.environment)

    def _figures(self, minute: int, series: Series) -> Figures:
        return self.rows.setdefault((minute, series), Figures())

    def _label(self, dimension: str, label: str) -> str:
        known = self.labels[dimension]
        if label not in known:
            if len(known) >= _MOST_LABELS:
                return OTHER
            known.add(label)
        return label


def _read(manifest: bytes) -> Manifest | None:
    try:
        return read_manifest(manifest)
    except msgspec.MsgspecError:
        return None
