"""The charts of the report, from its model: what they show, whatever draws them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ....policy.findings import FORMS
from .. import wording as w
from ..counted import ZERO
from ..model import Report
from ..tallies import total
from .blocks import Bars, Mark, Series, Timeline

_SHOWN = ("secret", "financial", "pii")
_MOST_CLASSES = 12
_MOST_MARKS = 5


def over_time(report: Report) -> Timeline:
    """How much was delivered, and how much of it in clear, over time."""
    volume = report.volume
    documents = Series("documents", [each.documents.at_most for each in volume.over_time])
    sums = [total(each.documents for each in volume.over_time)]
    told = f"{w.known(sums[0], report.lacks).capitalize()} {w.agreeing(sums[0], 'document')}"
    clear = []
    for root in _SHOWN:
        counts = [each.clear.get(root, ZERO) for each in volume.over_time]
        clear.append(Series(f"{w.root(root)} in clear", [each.at_most for each in counts]))
        sums.append(total(counts))
        told += f", {w.count(sums[-1])} {clear[-1].name}"
    if any(each.at_least != each.at_most for each in sums):
        told += "; shown are the upper bounds"
    return Timeline(
        title=f"Over time, by {w.step(volume.bucket)} (UTC)",
        told=f"{told}.",
        labels=[w.when(each.start) for each in volume.over_time],
        rows=[documents, *clear],
        marks=list(_marks(report))[:_MOST_MARKS],
    )


def _marks(report: Report) -> Iterator[Mark]:
    """What explains the bars: controls that were off, and the end."""
    buckets = report.volume.over_time
    begins = buckets[0].start.timestamp()
    length = len(buckets) * report.volume.bucket

    def place(time: datetime) -> float:
        return min(1.0, max(0.0, (time.timestamp() - begins) / length))

    for off in report.withheld.controls_off:
        yield Mark(
            f"off: {w.controls(off.controls)}",
            place(off.since),
            place(off.until) if off.until else 1.0,
        )
    contained = report.clock.contained_at
    if contained is not None and begins <= contained.timestamp() <= begins + length:
        yield Mark("contained", place(contained))


def forms_by_class(report: Report) -> Bars:
    """In which form each class left."""
    sums: dict[str, dict[str, int]] = {}
    for row in report.classes:
        if not row.class_.startswith("code."):
            forms = sums.setdefault(row.class_, {})
            forms[row.form] = forms.get(row.form, 0) + row.occurrences.at_most
    # Which are left out is not for their number to say: what is in clear comes first.
    classes = sorted(
        sums, key=lambda name: (-sums[name].get("clear", 0), -sum(sums[name].values()), name)
    )[:_MOST_CLASSES]
    clear = [w.noun(name) for name in classes if sums[name].get("clear")]
    return Bars(
        title="In which form, by class",
        told=f"Partly or wholly in clear: {w.listed(clear) or 'none'}.",
        labels=classes,
        parts=[Series(w.form(f), [sums[name].get(f, 0) for name in classes]) for f in FORMS],
        share=True,
    )


def top_sources(report: Report) -> Bars:
    """Where the most left from in clear. There has to be some."""
    sources = report.comparison.sources
    first = f"First: {sources[0].service}, {w.noun(sources[0].class_)}."
    return Bars(
        title="Top sources in clear, by sensitivity",
        told=first,
        labels=[f"{each.service} {each.environment}: {w.noun(each.class_)}" for each in sources],
        parts=[Series("occurrences in clear", [each.occurrences.at_most for each in sources])],
    )
