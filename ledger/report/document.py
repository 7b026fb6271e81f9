"""Puts the report into words and tables: one document, from which every rendering is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from . import wording as w
from .blocks import Block, Bullets, Code, Document, Mono, Pairs, Para, Section, Table, Tiles, Title
from .charts import forms_by_class, over_time, top_sources
from .model import ZERO, Amount, ClassRow, Report, Secret, Severity
from .tallies import total


def document(report: Report) -> Document:
    """All of it."""
    names = w.listed(report.destinations)
    window = report.clock.window
    return Document(
        title=f"What {names} received",
        subtitle=f"{w.moment(window.since)} to {w.moment(window.until)}",
        about=_about(report),
        first=_first_page(report),
        sections=[Section(letter, title, make(report)) for letter, title, make in _SECTIONS],
    )


def _about(report: Report) -> list[tuple[str, str]]:
    facts = report.facts
    return [
        ("Incident", facts.incident or "not named"),
        ("Revision", facts.revision or "1"),
        ("Classification", facts.classification or "not classified"),
        ("Author", facts.author or "not named"),
        ("Generated", f"{w.moment(report.identity.generated_at)} by {report.identity.generator}"),
        ("Record", _vouched(report)),
    ]


def _vouched(report: Report) -> str:
    proof = report.evidence
    if not proof.intact:
        return f"{w.plural(len(proof.findings), 'sign')} of tampering or damage: section N"
    if proof.vouched_to:
        return f"whole; vouched for up to entry {proof.vouched_to:,} by {proof.vouched_by}"
    return "no sign of tampering; no head from elsewhere vouches for it: section N"


def _first_page(report: Report) -> list[Block]:
    return [
        _tiles(report),
        *_alarm(report),
        Pairs([(each.ask, each.say) for each in report.summary]),
        over_time(report),
        forms_by_class(report),
        Title("Only you know"),
        Para(
            "These are blank here. Give them in a file (--facts) and they appear, with deadlines."
        ),
        Bullets(report.only_you_know or ["Nothing: everything was stated."]),
    ]


def _tiles(report: Report) -> Tiles:
    secrets = total(each.occurrences for each in report.secrets)
    about, clock = report.subjects.about, report.clock
    kinds = {row.class_ for row in report.classes if row.form == "clear"}
    personal = sum(name.startswith(("pii.", "financial.")) for name in kinds)
    share, kept = report.withheld.share, w.count(report.withheld.occurrences)
    people = ("?", "not told apart")
    if about is not None:
        people = (f"{about.estimate:,}", f"{about.at_least:,} to {about.at_most:,}")
    shut = clock.contained_at
    return Tiles(
        [
            (w.count(report.volume.documents), "documents", w.size(report.volume.bytes), False),
            (people[0], "different people", people[1], False),
            (w.count(secrets), "secrets in clear", f"in {w.plural(len(report.secrets), 'place')}",
             secrets.at_most > 0),
            (str(personal), "kinds of personal data in clear", f"of {len(kinds)} kinds in clear",
             personal > 0),
            ("–" if share is None else f"{share:.1%}", "of all found was withheld", kept, False),
            ("yes" if shut else "no", "contained", w.when(shut), shut is None),
        ]
    )  # fmt: skip


def _alarm(report: Report) -> Iterable[Block]:
    if not report.evidence.intact:
        yield Para(
            "The record that this report stands on was damaged or tampered with: section N.",
            "warning",
        )


def _clock(report: Report) -> list[Block]:
    clock, facts, window = report.clock, report.facts, report.clock.window
    theirs = facts.vendor_window
    return [
        Pairs(
            [
                ("Window of this report", [_span(window.since, window.until)]),
                ("Vendor's window", [
                    (f"{_span(theirs.since, theirs.until)}; "
                    f"source: {theirs.source or 'not known'}")]),
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


def _span(since: datetime | None, until: datetime | None) -> str:
    return f"{w.moment(since)} to {w.moment(until)}"


def _contained(report: Report) -> str:
    clock = report.clock
    if clock.contained_at is None:
        return "no: documents may still be sent there"
    after = clock.after_containment or ZERO
    return (
        f"{w.moment(clock.contained_at)} by {clock.contained_by} (entry {clock.contained_entry}); "
        f"delivered after that: {w.count(after)} documents"
    )


def _identity(report: Report) -> list[Block]:
    identity = report.identity
    span = f"{w.moment(identity.recorded_since)} to {w.moment(identity.recorded_until)}"
    return [
        Pairs(
            [
                ("Report", [Mono(identity.id)]),
                ("Format", [identity.format]),
                ("Record", [f"{identity.entries:,} entries, {span}"]),
                ("Head of the record", [Mono(identity.head or "none")]),
            ]
        ),
        Para(
            "How to read numbers: a single number is exact. “1,200 to 1,234” are bounds: the true "
            "number lies in between. “about 1,200 (1,190 to 1,210)” is an estimate of different "
            "values; its bounds hold in 95 of 100 cases. Times are UTC.",
            "small",
        ),
    ]


def _backends(report: Report) -> list[Block]:
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


def _volume(report: Report) -> list[Block]:
    volume = report.volume
    return [
        Pairs(
            [
                ("Documents", [w.count(volume.documents)]),
                ("Bytes, as they came in", [w.size(volume.bytes)]),
                ("Refused by the destination, which has seen them", [w.count(volume.refused)]),
                ("Unclear: sent, never answered, given up", [w.count(volume.perhaps)]),
                ("Text that no detector could judge in full", [w.size(volume.unjudged_bytes)]),
                ("Without sampling it would have been about", [f"{volume.before_sampling:,}"]),
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


def _classes(report: Report) -> list[Block]:
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


def _subjects(report: Report) -> list[Block]:
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


def _secrets(report: Report) -> list[Block]:
    return [
        Table(
            "What left in clear, the most urgent first",
            ["Priority", "Class", "Detector", "Service", "Environment", "Times",
             "Different", "First (UTC)", "Last (UTC)", "Why"],
            [_secret(each) for each in report.secrets],
            numbers=(5, 6),
            empty="No secret left in clear, as far as detectors know.",
        ),
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
        str(each.priority), Mono(each.class_), Mono(each.detector), each.service,
        each.environment, w.count(each.occurrences), w.estimate(each.distinct),
        w.when(each.first), w.when(each.last), each.why,
    ]  # fmt: skip


def _withheld(report: Report) -> list[Block]:
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
                 w.when(each.destroyed_at), each.by or "–", each.why or "–", str(each.entry)]
                for each in withheld.pseudonym_keys
            ],
        ),
        Table(
            "Controls that were off",
            ["Control", "From (UTC)", "Until (UTC)", "Documents meanwhile", "Entry", "Hash"],
            [
                [each.control, w.when(each.since), w.when(each.until) if each.until else "now",
                 w.count(each.documents), str(each.entry), Mono(each.entry_hash[:16])]
                for each in withheld.controls_off
            ],
            numbers=(3,),
            empty="None, as far as the journal tells.",
        ),
        Table(
            "Policies in force",
            ["From (UTC)", "Until (UTC)", "Policy", "What changed", "By", "Why", "Entry"],
            [
                [w.when(each.since), w.when(each.until) if each.until else "in force",
                 Mono((each.sha256 or "–")[:16]), "; ".join(each.changes) or "–", each.by or "–",
                 each.why or "–", str(each.entry)]
                for each in withheld.policies
            ],
        ),
    ]  # fmt: skip


def _uncertainty(report: Report) -> list[Block]:
    return [
        Table(
            "What the record cannot tell",
            ["Kind", "What", "From (UTC)", "Until (UTC)", "Entry"],
            [
                [each.kind, each.text, w.when(each.since), w.when(each.until),
                 "–" if each.entry is None else str(each.entry)]
                for each in report.uncertainty
            ],
        )
    ]  # fmt: skip


def _consequences(report: Report) -> list[Block]:
    return [
        Table(
            "By class, in the worst form that left",
            ["Class", "What could be done", "Data", "Identification", "Circumstances", "Score",
             "Severity"],
            [
                [Mono(each.class_), each.harm, *_severity(each.severity)]
                for each in report.consequences
            ],
            numbers=(2, 3, 4, 5),
        ),
        Para(
            "Score: data × identification + circumstances, after ENISA's recommendations of 2013 "
            "(2 medium, 3 high, 4 very high). A first estimate from class and form alone; who the "
            "people are, and how many, is for you to add.",
            "small",
        ),
        Pairs([("High risk to people", [_high_risk(report)])]),
    ]  # fmt: skip


def _severity(severity: Severity | None) -> list[str]:
    if severity is None:
        return ["–", "–", "–", "–", "not about people: see G"]
    numbers = (severity.data, severity.identification, severity.circumstances, severity.score)
    return [*(f"{each:g}" for each in numbers), severity.level]


def _high_risk(report: Report) -> str:
    facts = report.facts
    if facts.high_risk is None:
        return "only you know"
    return f"{'yes' if facts.high_risk else 'no'}: {facts.high_risk_reason or 'no reason given'}"


def _measures(report: Report) -> list[Block]:
    return [
        Table(
            "What was done, as the journal tells it",
            ["Time (UTC)", "What", "By", "Why", "Entry", "Hash"],
            [
                [w.moment(each.time).removesuffix(" UTC"), each.text, each.by or "–",
                 each.why or "–", str(each.entry), Mono(each.entry_hash[:16])]
                for each in report.measures
            ],
        ),
        Title("Other measures"),
        Bullets(report.facts.measures or ["Only you know."]),
    ]  # fmt: skip


def _comparison(report: Report) -> list[Block]:
    roots = ("secret", "financial", "pii", "code")
    return [
        Table(
            "In clear for a thousand documents, by policy",
            ["Policy", "Documents", *(w.root(each).capitalize() for each in roots),
             "First (UTC)", "Last (UTC)"],
            [
                [Mono(each.policy), w.count(each.documents),
                 *(f"{each.per_thousand.get(root, 0):,.1f}" for root in roots),
                 w.when(each.first), w.when(each.last)]
                for each in report.comparison.by_policy
            ],
            numbers=range(1, 2 + len(roots)),
        ),
        top_sources(report),
        Table(
            "Where to begin: the places that the most telling data left from in clear",
            ["Service", "Environment", "Type", "Class", "Occurrences", "Documents", "Last (UTC)"],
            [
                [each.service, each.environment, each.type, Mono(each.class_),
                 w.count(each.occurrences), w.count(each.documents), w.when(each.last)]
                for each in report.comparison.sources
            ],
            numbers=(4, 5),
        ),
    ]  # fmt: skip


def _evidence(report: Report) -> list[Block]:
    proof = report.evidence
    compared = "not compared"
    if proof.account_minutes is not None:
        compared = (
            f"{proof.account_minutes - proof.account_forgotten:,} minutes as the journal says"
        )
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
        Para("Make this report again:"),
        Code(proof.query),
    ]


def _outputs(report: Report) -> list[Block]:
    texts = report.outputs
    return [
        Title("Draft: notification to the authority (GDPR Article 33)"),
        Pairs([(each.ask, each.say) for each in texts.article_33]),
        Title("Draft: to the people concerned (GDPR Article 34)"),
        *(Para(text) for text in texts.article_34),
        Title("Questions for the vendor"),
        Bullets(texts.questions),
        Table(
            "Tickets",
            ["Priority", "Kind", "What", "More"],
            [[str(each.priority), each.kind, each.title, each.text] for each in texts.tasks],
        ),
    ]


_SECTIONS: tuple[tuple[str, str, Callable[[Report], Sequence[Block]]], ...] = (
    ("A", "Identity", _identity),
    ("B", "Clock", _clock),
    ("C", "Destination", _backends),
    ("D", "Volume", _volume),
    ("E", "Data classes", _classes),
    ("F", "People", _subjects),
    ("G", "Secrets to replace", _secrets),
    ("I", "What was withheld", _withheld),
    ("J", "Uncertainty", _uncertainty),
    ("K", "Consequences", _consequences),
    ("L", "Measures", _measures),
    ("M", "Comparisons", _comparison),
    ("N", "Evidence", _evidence),
    ("O", "Drafts and tickets", _outputs),
)
