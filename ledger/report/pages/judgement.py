"""What to make of it: J, K, M and O."""

from __future__ import annotations

from .. import wording as w
from ..counted import Severity
from ..model import Report
from .blocks import Block, Bullets, Mono, Pairs, Para, Table, Title
from .charts import top_sources


def uncertainty(report: Report) -> list[Block]:
    """J. What is not known."""
    return [
        Table(
            "What the record cannot tell",
            ["Kind", "What", "From (UTC)", "Until (UTC)", "Entry"],
            [
                [each.kind, each.text, w.when(each.since), w.when(each.until),
                 w.entry(report, each.record, each.entry)]
                for each in report.uncertainty
            ],
        )
    ]  # fmt: skip


def consequences(report: Report) -> list[Block]:
    """K. What may come of it."""
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


def comparison(report: Report) -> list[Block]:
    """M. Policies and places against each other."""
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
        *([top_sources(report)] if report.comparison.sources else []),
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


def outputs(report: Report) -> list[Block]:
    """O. Drafts, questions, tickets."""
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
