"""O. What comes out of a report: drafts, questions, and tickets, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator

from ..counted import Source
from ..model import Outputs, Report, Task
from ..tallies import total
from ..wording import estimate, listed, moment, noun, several
from .drafts import article_33, article_34, questions
from .inventories import to_replace

_MOST_FIXES = 5
_SOON = 72 * 3600  # seconds


def outputs(report: Report) -> Outputs:
    """All of them, from the other sections."""
    tasks = [
        *_damage(report), *_containment(report), *_of_inventory(report), *_rotations(report),
        *_notices(report), *_vendor(report), *_keys(report), *_fixes(report), *_head(report),
    ]  # fmt: skip
    return Outputs(
        article_33=article_33(report),
        article_34=article_34(report),
        questions=questions(report),
        tasks=sorted(tasks, key=lambda each: each.priority),
    )


def _damage(report: Report) -> Iterator[Task]:
    for proof in report.evidence:
        if proof.findings:
            yield Task(
                kind="check", priority=1, title=f"Find out who changed or damaged {proof.journal}",
                text=proof.findings[0],
            )  # fmt: skip


def _containment(report: Report) -> Iterator[Task]:
    if report.clock.contained_at is None:
        yield Task(
            kind="check", priority=1, title="Decide whether anything may still be sent there",
            text="errlock hold keeps everything and sends nothing; errlock distrust cuts it off.",
        )  # fmt: skip


def _of_inventory(report: Report) -> Iterator[Task]:
    if report.inventory is None:
        return
    for name in to_replace(report.inventory):
        rows = [r for r in report.inventory.rows if r.name == name and r.group == "rotate"]
        certain = any(row.verdict == "sent" for row in rows)
        where = listed(sorted({row.destination for row in rows}))
        yield Task(
            kind="rotate", priority=1 if certain else 2, title=f"Replace {name} of your inventory",
            text=f"It {'left' if certain else 'may have left'} in clear, to {where}.",
        )  # fmt: skip


def _rotations(report: Report) -> Iterator[Task]:
    for each in report.secrets:
        different = "" if each.distinct is None else f", {estimate(each.distinct)} different"
        yield Task(
            kind="rotate", priority=each.priority,
            title=f"Replace the {noun(each.class_)} of {each.service} ({each.environment})",
            text=f"{several(each.occurrences, 'occurrence')} in clear{different}, last on "
            f"{moment(each.last)}, found by {each.detector}: {each.why}.",
        )  # fmt: skip


def _notices(report: Report) -> Iterator[Task]:
    for each in report.clock.deadlines:
        if each.due is not None and each.left is not None:
            yield Task(
                kind="tell", priority=1 if each.left < _SOON else 3,
                title=f"{each.regime}: {each.duty}, by {moment(each.due)}",
                text=f"If it applies to you. {each.term} from {each.starts}.",
            )  # fmt: skip


def _vendor(report: Report) -> Iterator[Task]:
    yield Task(
        kind="vendor", priority=2, title="Send the vendor the questions of section O",
        text="And note what they answer in the file of facts.",
    )  # fmt: skip
    held = report.facts.operator.credentials
    if held is None:
        yield Task(
            kind="rotate", priority=2, title="Replace the credentials that the vendor held",
            text="API tokens, integrations (GitHub, Slack, Jira), source maps, single sign-on.",
        )  # fmt: skip
    for name in held or ():
        yield Task(kind="rotate", priority=2, title=f"Replace {name}", text="The vendor held it.")


def _keys(report: Report) -> Iterator[Task]:
    """Pseudonyms that somebody can still tell people by."""
    keys = report.withheld.pseudonym_keys
    sent = {row.epoch for row in report.classes if row.form == "pseudonym"}
    for destination in report.destinations:
        about = [each for each in keys if each.destination in (None, destination)]
        gone = {each.epoch for each in about if each.destroyed_at is not None}
        if sent & {each.epoch for each in about} - gone:
            yield Task(
                kind="key", priority=3,
                title=f"Decide whether the pseudonyms that {destination} has become unlinkable",
                text=f"errlock key destroy --keyring FILE --destination {destination}: then nobody "
                "can tell any more what they stand for, nor find a person there.",
            )  # fmt: skip


def _fixes(report: Report) -> Iterator[Task]:
    found: dict[str, list[Source]] = {}  # by title: what several types of documents hold is one
    for each in report.comparison.sources:
        if not each.class_.startswith("code."):
            title = f"Keep {noun(each.class_)} of {each.service} ({each.environment}) from leaving"
            found.setdefault(title, []).append(each)
    for title, sources in list(found.items())[:_MOST_FIXES]:
        number = several(total(each.occurrences for each in sources), "occurrence")
        types = listed([each.type for each in sources])
        yield Task(
            kind="fix", priority=3, title=title, text=f"{number} in documents of type {types}."
        )


def _head(report: Report) -> Iterator[Task]:
    for proof in report.evidence:
        if proof.vouched_to < proof.entries:
            yield Task(
                kind="check", priority=3,
                title=f"Check {proof.journal} against a head kept elsewhere",
                text=proof.command,
            )  # fmt: skip
