"""What left, and what did not: D to I."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...search.sightings import WORD
from .. import wording as w
from ..counted import ZERO, Amount, ClassRow, PseudonymKey, Rotate, Secret
from ..model import Report
from .blocks import Block, Mono, Pairs, Para, Table


def volume(report: Report) -> list[Block]:
    """D. How much."""
    volume = report.volume
    return [
        Pairs(
            [
                ("Documents", [w.count(volume.documents)]),
                ("Bytes, as they came in", [w.size(volume.bytes)]),
                ("Refused by the destination, which has seen them", [w.count(volume.refused)]),
                ("Unclear: sent, never answered, given up", [w.count(volume.perhaps)]),
                ("Text that no detector could judge in full", [w.size(volume.unjudged_bytes)]),
                ("Left out by sampling here", [w.count(volume.sampled)]),
                ("Before any sampling, by the weights of what was kept, about",
                 [f"{volume.before_sampling:,}"]),
            ]
        ),
        _amounts("By type of document", ["Type"], volume.by_type),
        _amounts("By service and environment", ["Service", "Environment"], volume.by_origin),
        *(
            [_amounts("By destination", ["Destination"], volume.by_destination)]
            if len(volume.by_destination) > 1
            else []
        ),
        Table(
            f"Over time, by {w.step(volume.bucket)}",
            ["From (UTC)", "Documents", "Secrets in clear", "Financial", "Personal"],
            [
                [w.when(each.start), w.count(each.documents),
                 *(w.count(each.clear.get(root, ZERO)) for root in ("secret", "financial", "pii"))]
                for each in volume.over_time
                if each.documents.at_most
            ],
            numbers=(1, 2, 3, 4),
        ),
    ]  # fmt: skip


def _amounts(caption: str, heads: list[str], amounts: Sequence[Amount]) -> Table:
    return Table(
        caption,
        [*heads, "Documents", "Bytes", "People", "First (UTC)", "Last (UTC)"],
        [
            [*each.names, w.count(each.documents), w.size(each.bytes),
             "–" if each.people is None else w.estimate(each.people),
             w.when(each.first), w.when(each.last)]
            for each in amounts
        ],
        numbers=range(len(heads), len(heads) + 3),
    )  # fmt: skip


def classes(report: Report) -> list[Block]:
    """E. Kinds of data."""
    left = [row for row in report.classes if row.form != "removed"]
    return [
        _class_table("What left, by class and form", left),
        Table(
            "How it was recognised",
            ["Class", "Form", "Detectors", "What they go by", "Policies"],
            [
                [Mono(row.class_), w.form(row.form, row.epoch), w.listed(row.detectors, 8),
                 w.listed(row.evidence), w.listed(row.policies, 4)]
                for row in left
            ],
        ),
        Para("Values are never kept: there is none to show.", "small"),
    ]  # fmt: skip


def _class_table(caption: str, rows: Iterable[ClassRow]) -> Table:
    return Table(
        caption,
        ["Class", "Form", "Rules", "Occurrences", "Documents", "Different values",
         "First (UTC)", "Last (UTC)"],
        [
            [Mono(row.class_), w.form(row.form, row.epoch), w.tags(row.tags) or "–",
             w.count(row.occurrences), w.count(row.documents), w.estimate(row.distinct),
             w.when(row.first), w.when(row.last)]
            for row in rows
        ],
        numbers=(3, 4, 5),
    )  # fmt: skip


def subjects(report: Report) -> list[Block]:
    """F. People."""
    facts, subjects = report.facts, report.subjects
    return [
        Pairs(
            [
                ("Different people", [w.estimate(subjects.about)]),
                ("Identifiable by a value in clear", [w.estimate(subjects.identifiable)]),
                ("Categories", [w.listed(facts.subject_categories or []) or "only you know"]),
                ("Countries", [w.listed(facts.subject_countries or []) or "only you know"]),
            ]
        ),
        Para(
            "A document is about the user id, e-mail address or user name in it, whatever became "
            "of it. Who is identifiable: at least the most different values of one class in clear, "
            "at most their sum, since one person may have left one of each.",
            "small",
        ),
        _amounts("By service", ["Service"], subjects.by_service),
        _class_table("What identifies people", subjects.by_class),
    ]


def secrets(report: Report) -> list[Block]:
    """G. Secrets to replace."""
    return [
        Table(
            "What left in clear, the most urgent first",
            ["Rank", "Class", "Detector", "Service", "Times",
             "Different", "First (UTC)", "Last (UTC)", "Why"],
            [_secret(each) for each in report.secrets],
            numbers=(4, 5),
            empty="No secret left in clear, as far as detectors know.",
        ),
        *inventory(report),
        Table(
            "Replaced, as stated",
            ["What", "When (UTC)", "By", "Old one dead"],
            [
                [each.what, w.when(each.at), each.by or "–", "yes" if each.verified else "?"]
                for each in report.facts.rotated
            ],
            empty="Nothing was stated.",
        ),
    ]  # fmt: skip


def _secret(each: Secret) -> list[str]:
    return [
        str(each.priority),
        Mono(each.class_),
        Mono(each.detector),
        f"{each.service} ({each.environment})",
        w.count(each.occurrences),
        w.estimate(each.distinct),
        w.when(each.first),
        w.when(each.last),
        each.why,
    ]


def _destroyed(key: PseudonymKey) -> str:
    if key.left_in:
        return f"not in record {w.listed([str(each) for each in key.left_in])}"
    return w.when(key.destroyed_at)


def withheld(report: Report) -> list[Block]:
    """I. What was withheld."""
    withheld = report.withheld
    return [
        _class_table("What was found and did not leave as it was", withheld.by_class),
        Table(
            "Documents that did not leave at all",
            ["Type", "Reason", "Documents"],
            [[e.type, e.reason, w.count(e.documents)] for e in withheld.whole_documents],
            numbers=(2,),
        ),
        Table(
            "Keys of pseudonyms: once destroyed, nobody can tell what they stand for",
            ["Epoch", "Destination", "Made (UTC)", "Destroyed (UTC)", "By", "Why", "Entry"],
            [
                [Mono(each.epoch), each.destination or "all", w.when(each.made_at),
                 _destroyed(each), each.by or "–", each.why or "–",
                 w.entry(report, each.record, each.entry)]
                for each in withheld.pseudonym_keys
            ],
        ),
        Table(
            "Controls that were off, and documents that were delivered meanwhile",
            ["Controls", "On the way to", "From (UTC)", "Until (UTC)", "Documents", "Entry",
             "Hash"],
            [
                [w.controls(each.controls), f"{each.destination}, by {each.pipeline}",
                 w.when(each.since), w.when(each.until) if each.until else "now",
                 w.count(each.documents), w.entry(report, each.record, each.entry),
                 Mono(each.entry_hash[:16])]
                for each in withheld.controls_off
            ],
            numbers=(4,),
            empty="None, as far as the journal tells.",
        ),
        Table(
            "Policies in force",
            ["From (UTC)", "Until (UTC)", "Policy", "What changed", "By", "Why", "Entry"],
            [
                [w.when(each.since), w.when(each.until) if each.until else "in force",
                 Mono((each.sha256 or "–")[:16]), "; ".join(each.changes) or "–", each.by or "–",
                 each.why or "–", w.entry(report, each.record, each.entry)]
                for each in withheld.policies
            ],
        ),
    ]  # fmt: skip


def inventory(report: Report) -> list[Block]:
    """G. Your own secrets, by name."""
    held = report.inventory
    if held is None:
        text = "Give an inventory (--inventory: .env, JSON of a vault, YAML of Kubernetes) and "
        told = "your secrets are told apart by name: sent, masked, or claimed by no detector."
        return [Para(text + told, "small")]
    kept = f"{w.moment(held.kept_since)} to {w.moment(held.kept_until)}"
    return [
        Table(
            f"Your inventory of {held.values:,} values, the most urgent first",
            ["Priority", "Name", "Verdict", "Class", "Forms", "Destination", "Services",
             "First (hour, UTC)", "Last (hour, UTC)", "Requests"],
            [
                [str(each.priority or "–"), Mono(each.name), _VERDICTS[each.group],
                 Mono(each.class_ or "–"), w.listed(each.forms) or "–", each.destination,
                 w.listed(each.services) or "–", *_seen(each)]
                for each in held.rows
            ],
            numbers=(9,),
        ),
        Para(
            f"Values can be found from {kept}. What no detector claimed in what was sent then may "
            "have been sent all the same.",
            "small",
        ),
        *(
            Para(
                f"Not in {w.moment(gap.since)} to {w.moment(gap.until)}: {gap.what}"
                f"{f' (record {gap.record})' if len(report.evidence) > 1 else ''}.", "small"
            )
            for gap in held.gaps
        ),
    ]  # fmt: skip


def _seen(row: Rotate) -> list[str]:
    """First, last, how often. Of a word there are days, and requests are not counted."""
    if row.class_ != WORD:
        return [w.when(row.first), w.when(row.last), f"{row.requests:,}" if row.requests else "–"]
    return [*("–" if time is None else f"{time:%Y-%m-%d}" for time in (row.first, row.last)), "–"]


_VERDICTS = {
    "rotate": "replace",
    "not_needed": "not in clear where it was seen",
    "absent": "not seen, nor as a word",
    "not_seen": "no detector claimed it",
    "unknown": "cannot be told",
}
_MOST_NAMES = 40  # of code, a kind; the annex has all


def code(report: Report) -> list[Block]:
    """H. What was learnt of the code."""
    kinds = report.code.kinds
    if not kinds:
        return [Para("Nothing was kept of it: see service.ledger.depth.")]
    blocks: list[Block] = [
        Para(
            "What a reader of these documents knows of your systems. Look packages and versions up "
            "for known weaknesses first: an attacker does. Counted by whole days."
        )
    ]
    for kind in kinds:
        names = [each for each in report.code.names if each.kind == kind.kind]
        more = f", the first {_MOST_NAMES}" if len(names) > _MOST_NAMES else ""
        lines = f", {kind.lines:,} lines" if kind.lines else ""
        blocks.append(
            Table(
                f"{_KINDS.get(kind.kind, kind.kind)} ({kind.names:,}{lines}){more}",
                ["Name", "Detail", "Documents", "Lines", "Services", "First (UTC)", "Last (UTC)"],
                [
                    [Mono(each.name), Mono(each.detail) if each.detail else "–",
                     f"{each.documents:,}", f"{each.lines:,}" if each.lines else "–",
                     w.listed(each.services, 3), w.when(each.first), w.when(each.last)]
                    for each in names[:_MOST_NAMES]
                ],
                numbers=(2, 3),
            )
        )  # fmt: skip
    return blocks


_KINDS = {
    "package": "Packages and versions",
    "platform": "Platforms and versions",
    "release": "Releases of your own",
    "file": "Source files",
    "host": "Hosts of your own",
    "route": "Routes",
    "sql": "SQL statements, without their literals",
    "exception": "Exceptions, and where they were raised",
}
