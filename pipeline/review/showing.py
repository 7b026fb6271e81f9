"""What a review says, for people and for scripts. Names of fields and classes, never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..payloads.document import DocumentType
from ..terminal import escape, paint, table
from .candidates import Candidate, Unclaimed, rows
from .proposing import covered
from .reviewing import Review
from .tally import Row, Times

# What documents have in common: counted, but nothing that is sent on its own.
_CONTEXTS: tuple[DocumentType, ...] = ("envelope", "resource", "scope", "otlp_metric")
_SHOWN = 30  # rows of a table


def lines(review: Review, proposed: str | None, colours: bool, all_: bool) -> Iterator[str]:
    """The report for people, ready for a terminal."""
    yield paint(_headline(review), "bold", colours)
    yield from _section("found", _found_table(review), colours, all_)
    leaving = review.leaving
    yield from _section(
        "leaves in clear: no processor claims it",
        _class_rows(leaving.unclaimed),
        colours,
        all_,
        "red",
    )
    yield from _section(
        "leaves in clear and looks sensitive",
        _candidate_table(leaving.candidates),
        colours,
        all_,
        "red",
    )
    yield from _section(
        "stays, as the policy says",
        [*_class_rows(leaving.kept), *_safe_rows(review)],
        colours,
        all_,
    )
    yield from _section(
        "free text: names, addresses and illnesses are not found in it",
        [(name.label, _times(count, "value")) for name, count in leaving.prose], colours, all_,
    )  # fmt: skip
    yield from _section("does not go out", _dropped_rows(review), colours, all_)
    if proposed is not None:
        yield ""
        yield paint("proposed", "bold", colours)
        yield from (f"  {escape(line)}" for line in proposed.splitlines())
    yield ""
    yield _verdict(review, colours)


def as_json(review: Review, proposed: str | None) -> dict[str, Any]:
    """The report for scripts."""
    leaving = review.leaving
    return {
        "policy": {"pipeline": review.policy.pipeline, "exporter": review.policy.exporter},
        "files": len(review.files),
        "documents": dict(review.tally.documents),
        "unreadable": [
            {"file": each.file, "line": each.line, "kind": each.kind}
            for each in review.unreadable
        ],
        "found": [_found_json(row, times) for row, times in _found(review)],
        "unclaimed": [_class_json(each) for each in leaving.unclaimed],
        "kept": [_class_json(each) for each in leaving.kept],
        "candidates": [_candidate_json(each) for each in leaving.candidates],
        "not_looked_into": {str(name): count for name, count in review.tally.safe.items()},
        "free_text": {str(name): count for name, count in leaving.prose},
        "dropped": [
            {"type": type_, "reason": reason, "by": by, "documents": count}
            for (type_, reason, by), count in review.tally.dropped.most_common()
        ],
        "proposal": proposed,
    }  # fmt: skip


def _found_json(row: Row, times: Times) -> dict[str, Any]:
    return {
        "field": str(row.field), "class": row.class_, "form": row.form, "by": row.by,
        "documents": times.documents, "times": times.times, "detectors": dict(times.detectors),
    }  # fmt: skip


def _candidate_json(each: Candidate) -> dict[str, Any]:
    return {
        "field": str(each.field), "documents": each.documents, "values": each.values,
        "compared": each.compared, "different": each.different,
        "reasons": list(each.reasons), "proposed": covered(each),
    }  # fmt: skip


def _class_json(each: Unclaimed) -> dict[str, Any]:
    return {
        "class": each.class_, "fields": [str(name) for name in each.fields],
        "documents": each.documents, "times": each.times,
    }  # fmt: skip


def _headline(review: Review) -> str:
    counts = Counter({t: n for t, n in review.tally.documents.items() if t not in _CONTEXTS})
    kinds = ", ".join(f"{type_} {count:,}" for type_, count in counts.most_common())
    total = f"{_times(counts.total(), 'document')} in {_times(len(review.files), 'file')}"
    policy = f"pipeline {review.policy.pipeline}, exporter {review.policy.exporter}"
    unread = f"; {len(review.unreadable):,} not read" if review.unreadable else ""
    return f"{total} ({kinds or 'nothing'}){unread}; {policy}"


def _section(
    title: str,
    cells: Sequence[tuple[str, ...]],
    colours: bool,
    all_: bool,
    colour: str = "bold",
) -> Iterator[str]:
    if not cells:
        return
    shown = cells if all_ else cells[:_SHOWN]
    yield ""
    yield paint(title, colour, colours)
    for line in table([tuple(escape(cell) for cell in row) for row in shown]):
        yield f"  {line}".rstrip()
    if len(cells) > len(shown):
        yield f"  ... and {len(cells) - len(shown):,} more: --all shows them"


def _found(review: Review) -> list[tuple[Row, Times]]:
    found: Mapping[Row, Times] = rows(review.tally)
    return sorted(
        found.items(), key=lambda each: (str(each[0].field), -each[1].documents, each[0].class_)
    )


def _found_table(review: Review) -> list[tuple[str, ...]]:
    found = _found(review)
    if not found:
        return []
    head = ("field", "class", "documents", "times", "becomes", "detectors")
    return [head, *(_found_row(row, times) for row, times in found)]


def _found_row(row: Row, times: Times) -> tuple[str, ...]:
    detectors = ", ".join(name for name, _ in times.detectors.most_common(3))
    more = len(times.detectors) - 3
    return (
        row.field.label,
        row.class_,
        f"{times.documents:,}",
        f"{times.times:,}",
        f"{row.form} by {row.by}" if row.by else row.form,
        f"{detectors} and {more} more" if more > 0 else detectors,
    )


def _class_rows(found: Sequence[Unclaimed]) -> list[tuple[str, ...]]:
    return [
        (
            each.class_,
            _times(each.documents, "document"),
            ", ".join(name.label for name in each.fields[:5]),
        )
        for each in found
    ]


def _safe_rows(review: Review) -> list[tuple[str, ...]]:
    return [
        ("not looked into", _times(count, "value"), name.label)
        for name, count in review.tally.safe.most_common()
    ]


def _candidate_table(candidates: Sequence[Candidate]) -> list[tuple[str, ...]]:
    if not candidates:
        return []
    head = ("field", "documents", "values", "why")
    return [
        head,
        *(
            (c.field.label, f"{c.documents:,}", f"{c.values:,}", "; ".join(c.reasons))
            for c in candidates
        ),
    ]


def _dropped_rows(review: Review) -> list[tuple[str, ...]]:
    return [
        (type_, _times(count, "document"), f"{reason} ({by})" if by else reason)
        for (type_, reason, by), count in review.tally.dropped.most_common()
    ]


def _times(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _verdict(review: Review, colours: bool) -> str:
    if not review.files:
        return paint("nothing could be read, so nothing was reviewed", "red", colours)
    leaving = review.leaving
    if not review.anything_leaves:
        return paint("nothing leaves in clear that looks sensitive", "green", colours)
    told = []
    if classes := len(leaving.unclaimed):
        told.append(f"{classes:,} class{'' if classes == 1 else 'es'}")
    if fields := len(leaving.candidates):
        told.append(f"{_times(fields, 'field')} that look{'s' if fields == 1 else ''} sensitive")
    return paint(f"leaves in clear: {' and '.join(told)}", "red", colours)
