"""What the account counts, and apart from what. Distinct values are estimated with sketches.

The sketches are HyperLogLog of Apache DataSketches: those of several minutes, services or classes
can be merged, and the error does not grow. (https://datasketches.apache.org/docs/HLL/HLL.html)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...pipeline.component import Outcome
from ..manifest import Items

# 2^12 registers: the standard error of an estimate is 1.04 / 2^6, 1.6 %.
SKETCH_SIZE = 12

# Thousandths of documents that one may stand for: more is not believed, whoever noted it. Numbers
# that the store cannot hold would end the account.
_MOST_SAMPLED = 10**9

SEEN: tuple[Outcome, ...] = ("delivered", "refused")


class BrokenSketch(Exception):  # noqa: N818  a fact about a file
    """What lies in the store as a sketch is none: it is damaged."""


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
            self.sketch = union([self.sketch, sketch_of(self.values)])
            self.values = set()
        return self.sketch


def sketch_of(values: Iterable[int]) -> bytes:
    """A sketch of fingerprints."""
    from datasketches import hll_sketch, tgt_hll_type

    sketch = hll_sketch(SKETCH_SIZE, tgt_hll_type.HLL_8)
    for value in values:
        sketch.update(value)
    return bytes(sketch.serialize_compact())


def union(sketches: Iterable[bytes | None]) -> bytes | None:
    """One sketch of everything in several; None of none. Raises BrokenSketch."""
    from datasketches import hll_sketch, hll_union, tgt_hll_type

    some = [sketch for sketch in sketches if sketch is not None]
    if len(some) < 2:
        return some[0] if some else None
    joined = hll_union(SKETCH_SIZE)
    try:
        for sketch in some:
            joined.update(hll_sketch.deserialize(sketch))
    except Exception:  # noqa: BLE001  whatever the library makes of such bytes
        raise BrokenSketch from None
    return bytes(joined.get_result(tgt_hll_type.HLL_8).serialize_compact())


def estimate(sketch: bytes | None) -> tuple[float, float, float]:
    """How many distinct values a sketch has seen: the estimate, and bounds that hold in 95 %."""
    from datasketches import hll_sketch

    if sketch is None:
        return 0.0, 0.0, 0.0
    found: hll_sketch = hll_sketch.deserialize(sketch)
    return found.get_estimate(), found.get_lower_bound(2), found.get_upper_bound(2)
