"""What the account counts, and apart from what. Distinct values are estimated with sketches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...pipeline.component import Outcome
from ..manifest import Items
from .sketches import Sketch, union

# Thousandths of documents that one may stand for: more is not believed, whoever noted it. Numbers
# that the store cannot hold would end the account.
_MOST_SAMPLED = 10**9

SEEN: tuple[Outcome, ...] = ("delivered", "refused")


class Series(NamedTuple):
    """What is counted apart. Without a class it is the documents themselves."""

    destination: str
    type: str
    service: str
    environment: str
    policy: str
    class_: str = ""
    form: str = ""
    detector: str = ""
    outcome: str = "delivered"  # an Outcome
    reason: str = ""  # why they were given up, in the words of errlock_exporter_dropped_total


@dataclass(slots=True)
class Figures:
    """What is counted. Of documents, distinct values are the people they are about."""

    documents: int = 0
    occurrences: int = 0
    size: int = 0  # bytes as received
    unjudged: int = 0  # bytes of text that no detector could judge in full
    sampled: int = 0  # thousandths of documents that these stand for beside themselves
    first: float = 0.0
    last: float = 0.0
    values: set[int] = field(default_factory=set)  # fingerprints, not in a sketch yet
    sketch: bytes | None = None

    @classmethod
    def stored(
        cls,
        documents: int,
        occurrences: int,
        size: int,
        unjudged: int,
        sampled: int,
        first: float,
        last: float,
        sketch: bytes | None,
    ) -> Figures:
        """As they lie in the store."""
        return cls(documents, occurrences, size, unjudged, sampled, first, last, set(), sketch)

    def add(
        self, documents: int, occurrences: int, size: int, when: float, values: Iterable[int]
    ) -> None:
        """Count something more, at this time."""
        self.first = when if not self.documents else min(self.first, when)
        self.last = max(self.last, when)
        self.documents += documents
        self.occurrences += occurrences
        self.size += size
        self.values.update(values)

    def add_documents(self, documents: int, items: Items | None, when: float) -> None:
        """Count so many of the documents that a payload has of one type."""
        if items is None or not items.count:
            self.add(documents, 0, 0, when, ())
            return
        self.add(documents, 0, items.size * documents // items.count, when, items.subjects)
        self.unjudged += items.unjudged * documents // items.count
        self.sampled += min(items.sampled * documents // items.count, _MOST_SAMPLED * documents)

    def merge(self, other: Figures) -> None:
        """Count what the other one counted. Raises BrokenSketch."""
        self.first = min(self.first, other.first) if self.documents else other.first
        self.last = max(self.last, other.last)
        self.documents += other.documents
        self.occurrences += other.occurrences
        self.size += other.size
        self.unjudged += other.unjudged
        self.sampled += other.sampled
        self.values |= other.values
        if other.sketch is not None:
            self.sketch = union([self.sketch, other.sketch])

    def sealed(self) -> bytes | None:
        """The sketch with every value in it. Raises BrokenSketch."""
        if self.values:
            sketch = Sketch() if self.sketch is None else Sketch(self.sketch)
            sketch.add(self.values)
            self.sketch = bytes(sketch)
            self.values = set()
        return self.sketch
