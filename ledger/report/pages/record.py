"""What the record itself is, and what it tells of what was done: A, B, C, L and N."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from .. import wording as w
from ..counted import ZERO
from ..facts import VendorWindow
from ..model import Evidence, Measure, Report
from .blocks import Block, Bullets, Code, Mono, Pairs, Para, Table, Title

_NOT_DONE = ("process", "gap")  # by anybody


def identity(report: Report) -> list[Block]:
    """A. What this report is."""
    identity = report.identity
    span = f"{w.moment(identity.recorded_since)} to {w.moment(identity.recorded_until)}"
    return [
        Pairs(
            [
                ("Report", [Mono(identity.id)]),
                ("Format", [identity.format]),
                (w.plural(len(report.evidence), "record").capitalize(),
                 [f"{identity.entries:,} entries, {span}"]),
                ("Head of the record", [Mono(head) for head in identity.heads or ["none"]]),
            ]
        ),
        *_several(report),
        Para(
            "How to read numbers: a single number is exact. “1,200 to 1,234” are bounds: the true "
            "number lies in between. “about 1,200 (1,190 to 1,210)” is an estimate of different "
            "values; its bounds hold in 95 of 100 cases. Times are UTC.",
            "small",
        ),
    ]  # fmt: skip


def _several(report: Report) -> list[Block]:
    number = len(report.evidence)
    if number == 1:
        return []
    text = (
        f"This is one answer of {number} collectors, each with a record of its own (section N). "
        "Entry 2/17 is entry 17 of the second one. A person or value that several of them saw "
        "counts once where they have the same key (service.ledger.key)."
    )
    return [Para(text, "small")]


def clock(report: Report) -> list[Block]:
    """B. When what became known and was done."""
    clock, facts, window = report.clock, report.facts, report.clock.window
    return [
        Pairs(
            [
                ("Window of this report", [_span(window.since, window.until)]),
                ("Vendor's window", [_vendors(facts.vendor_window)]),
                ("Notice received", [w.moment(facts.notice_received_at)]),
                ("Awareness", [w.moment(facts.aware_at)]),
                ("First delivery", [w.moment(clock.first_delivery, "none")]),
                ("Last delivery", [w.moment(clock.last_delivery, "none")]),
                ("Contained", [_contained(report)]),
            ]
        ),
        Table(
            "Deadlines, where the rule applies to you",
            ["Rule", "Duty", "Term", "From", "Due (UTC)", "Left"],
            [
                [each.regime, each.duty, each.term, each.starts,
                 w.when(each.due) if each.due else "only you know",
                 "–" if each.left is None else
                 f"{w.duration(each.left)}{' ago' if each.left < 0 else ''}"]
                for each in clock.deadlines
            ],
        ),
    ]  # fmt: skip


def _vendors(window: VendorWindow) -> str:
    if window.since is None and window.until is None:
        return "not known"
    return f"{_span(window.since, window.until)}; source: {window.source or 'not known'}"


def _span(since: datetime | None, until: datetime | None) -> str:
    return f"{w.moment(since)} to {w.moment(until)}"


def _contained(report: Report) -> str:
    clock = report.clock
    if clock.contained_at is None:
        return "no: documents may still be sent there"
    after = clock.after_containment or ZERO
    return (
        f"{w.moment(clock.contained_at)} by {clock.contained_by} (entry "
        f"{w.entry(report, clock.contained_record, clock.contained_entry)}); "
        f"delivered after that: {w.count(after)} documents"
    )


def backends(report: Report) -> list[Block]:
    """C. The destinations."""
    theirs = report.facts.operator
    rows = [
        [Mono(each.destination), each.type or "–", w.listed(each.hosts) or "–",
         w.listed(each.operators) or "–", each.standby_for or "–"]
        for each in report.backends
    ]  # fmt: skip
    held = theirs.credentials
    return [
        Table("As errlock is configured now", ["Exporter", "Type", "Hosts", "Operators",
              "Standby for"], rows),
        Pairs(
            [
                ("Operator", [theirs.name or "only you know"]),
                ("Role", [theirs.role or "only you know"]),
                ("Region in the contract", [theirs.region or "only you know"]),
                ("Contract", [theirs.contract or "only you know"]),
                ("How long they keep it", [theirs.retention or "only you know"]),
                ("Credentials that they held from you",
                 ["only you know"] if held is None else held or ["none"]),
            ]
        ),
    ]  # fmt: skip


def measures(report: Report) -> list[Block]:
    """L. What was done."""
    return [
        Table(
            "What was done, as the journal tells it",
            ["Time (UTC)", "What", "By", "Why", "Entry", "Hash"],
            [
                [w.moment(each.time).removesuffix(" UTC"), text, each.by or "–",
                 each.why or "–", w.entry(report, each.record, each.entry),
                 Mono(each.entry_hash[:16])]
                for each, text in _done(report.measures)
            ],
        ),
        Para(
            "What is missing from the record is in section J. Each start of an application that "
            "embeds errlock is in the journal only.", "small",
        ),
        Title("Other measures"),
        Bullets(report.facts.measures or ["Only you know."]),
    ]  # fmt: skip


def _done(measures: Sequence[Measure]) -> Iterator[tuple[Measure, str]]:
    """What somebody did; the same search, which a fleet has in each record, once."""
    searches: dict[tuple[str, str | None], list[Measure]] = {}
    for each in measures:
        if each.kind == "search":
            searches.setdefault((each.text, each.by), []).append(each)
    for each in measures:
        text, alike = each.text, searches.get((each.text, each.by), [each])
        if each.kind in _NOT_DONE or each is not alike[0]:
            continue
        if (times := len({str(one.body.get("time")) for one in alike})) > 1:
            text += f" ({times} times, last {w.moment(alike[-1].time)})"
        yield each, text


def evidence(report: Report) -> list[Block]:
    """N. What the report stands on."""
    blocks: list[Block] = []
    for number, proof in enumerate(report.evidence, 1):
        if len(report.evidence) > 1:
            blocks.append(Title(f"Record {number}"))
        blocks += _proof(proof)
    return [*blocks, Para("Make this report again:"), Code(report.identity.query)]


def _proof(proof: Evidence) -> list[Block]:
    compared = "not compared"
    if proof.account_minutes is not None:
        minutes = proof.account_minutes - proof.account_forgotten
        compared = f"{w.plural(minutes, 'minute')} as the journal says"
        if proof.account_open:
            compared += f", {proof.account_open:,} not compared: open since a restart"
    vouched = "none: no head from elsewhere and no key was given"
    if proof.vouched_to:
        vouched = f"{proof.vouched_from:,} to {proof.vouched_to:,}, by {proof.vouched_by}"
    return [
        Pairs(
            [
                ("Journal", [f"{proof.journal}, {proof.entries:,} entries"]),
                ("Head", [Mono(proof.head or "none")]),
                ("Entries vouched for", [vouched]),
                ("Account", [f"{proof.account}: {compared}"]),
                ("Findings", proof.findings or ["nothing wrong was found"]),
            ]
        ),
        Para("Check it again:"),
        Code(proof.command),
    ]
