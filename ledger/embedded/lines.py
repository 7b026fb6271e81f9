"""What one delivery adds to the account of an application: lines of documents, and of findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...pipeline.payloads.document import CONTEXT_TYPES
from ..account.counting import Delivered, Withheld
from ..account.figures import Series
from ..manifest import Manifest
from ..origins import UNKNOWN


class Amounts(NamedTuple):
    """What is counted, beside values."""

    documents: int
    occurrences: int = 0
    size: int = 0
    unjudged: int = 0
    sampled: int = 0


def series_of(what: Delivered | Withheld, manifest: Manifest, service: str) -> Series:
    """What all lines of it have in common; the service where its documents say none."""
    named = service if manifest.service == UNKNOWN else manifest.service
    return Series(what.destination, "", named, manifest.environment, what.policy)


def lines(
    delivered: Delivered, manifest: Manifest, base: Series
) -> Iterator[tuple[Series, Amounts, Iterable[int]]]:
    """What a delivery books, with the fingerprints of people and values."""
    base = base._replace(outcome=delivered.outcome, reason=delivered.reason or "")
    for type_, count in delivered.documents.items():
        items = manifest.items.get(type_)
        amounts, subjects = Amounts(count), list[int]()
        if items is not None:
            size, unjudged, sampled = (
                amount * count // items.count
                for amount in (items.size, items.unjudged, items.sampled)
            )
            amounts, subjects = Amounts(count, 0, size, unjudged, sampled), items.subjects
        yield base._replace(type=type_), amounts, subjects
    for line in manifest.lines:
        if line.type in delivered.documents or line.type in CONTEXT_TYPES:
            series = base._replace(
                type=line.type, class_=line.class_, form=line.form, detector=line.detector
            )
            yield series, Amounts(line.documents, line.occurrences), line.values
