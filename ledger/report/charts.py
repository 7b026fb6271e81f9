"""The charts of the report, from its model: what they show, whatever draws them."""

from __future__ import annotations

from ...policy.findings import FORMS
from . import wording as w
from .blocks import Chart, Series
from .model import Count, Report

_SHOWN = ("secret", "financial", "pii")
_MOST_CLASSES = 12


def over_time(report: Report) -> Chart:
    """How much of what left in clear, over time."""
    volume = report.volume
    found = [
        Series(w.root(root), [each.clear.get(root, Count()).at_most for each in volume.over_time])
        for root in _SHOWN
    ]
    told = ", ".join(f"{sum(each.values):,} {each.name}" for each in found)
    busiest = max(volume.over_time, key=lambda each: each.documents.at_most, default=None)
    peak = f" Most documents: {w.moment(busiest.start)}." if busiest else ""
    return Chart(
        title=f"In clear, by {w.step(volume.bucket)}",
        told=f"Occurrences in clear: {told}.{peak}",
        labels=[w.when(each.start) for each in volume.over_time],
        series=found,
    )


def forms_by_class(report: Report) -> Chart:
    """In which form each class left."""
    sums: dict[str, dict[str, int]] = {}
    for row in report.classes:
        if not row.class_.startswith("code."):
            forms = sums.setdefault(row.class_, {})
            forms[row.form] = forms.get(row.form, 0) + row.occurrences.at_most
    classes = sorted(sums, key=lambda name: -sum(sums[name].values()))[:_MOST_CLASSES]
    clear = [w.noun(name) for name in classes if sums[name].get("clear")]
    return Chart(
        title="In which form, by class",
        told=f"Partly or wholly in clear: {w.listed(clear) or 'none'}.",
        labels=[f"{name} ({sum(sums[name].values()):,})" for name in classes],
        series=[Series(w.form(f), [sums[name].get(f, 0) for name in classes]) for f in FORMS],
        across=True,
        share=True,
    )


def top_sources(report: Report) -> Chart:
    """Where the most left from in clear."""
    sources = report.comparison.sources
    return Chart(
        title="Top sources in clear",
        told=f"First: {sources[0].service}, {w.noun(sources[0].class_)}." if sources else "None.",
        labels=[f"{each.service} {each.environment}: {w.noun(each.class_)}" for each in sources],
        series=[Series("occurrences in clear", [each.occurrences.at_most for each in sources])],
        across=True,
    )
