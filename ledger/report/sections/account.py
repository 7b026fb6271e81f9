"""Sections of the report that are made of the account alone: D, E, F, G and M."""

from __future__ import annotations

from ....policy.classes import ROOTS
from ....policy.findings import FORMS
from ..counted import (
    Amount,
    Bucket,
    ClassRow,
    Comparison,
    Count,
    Estimate,
    KeptBack,
    PolicyRate,
    Secret,
    Source,
    Subjects,
    Volume,
)
from ..tallies import Tally, moment, total
from .collecting import Collected, Key
from .knowledge import IDENTITIES, evidence_of, harm_of, tags_of, urgency_of

_MOST_SOURCES = 10


def volume(found: Collected) -> Volume:
    """D. How much was delivered."""
    everything = range(found.span.since // found.bucket, -(-found.span.until // found.bucket))
    return Volume(
        documents=found.all.documents,
        bytes=found.all.size,
        refused=found.outcomes.get("refused", Tally()).documents,
        perhaps=found.outcomes.get("perhaps", Tally()).documents,
        unjudged_bytes=found.all.unjudged,
        sampled=total(
            tally.documents for (_, reason), tally in found.withheld.items() if reason == "sampled"
        ),
        before_sampling=found.all.documents.at_most + round(found.all.sampled / 1000),
        by_type=amounts(found.types),
        by_origin=amounts(found.origins),
        by_destination=amounts(found.destinations),
        bucket=found.bucket,
        over_time=[
            Bucket(
                start=moment(number * found.bucket),
                documents=found.buckets[number].documents if number in found.buckets else Count(),
                clear={
                    root: found.bucket_roots[number, root].occurrences
                    for root in ROOTS
                    if (number, root) in found.bucket_roots
                },
            )
            for number in everything
        ],
    )


def amounts(tallies: dict[Key, Tally]) -> list[Amount]:
    """Tallies of documents, the largest first."""
    found = [
        Amount(
            names=list(names), documents=tally.documents, bytes=tally.size, people=tally.distinct,
            first=tally.first, last=tally.last,
        )
        for names, tally in tallies.items()
    ]  # fmt: skip
    return sorted(found, key=lambda each: (-each.documents.at_most, each.names))


def class_rows(found: Collected) -> list[ClassRow]:
    """E. and I.: every class in every form, the most sensitive and most telling first."""
    return sorted(
        (_class_row(class_, form, tally) for (class_, form), tally in found.classes.items()),
        key=_order,
    )


def _class_row(class_: str, form: str, tally: Tally) -> ClassRow:
    plain, _, epoch = form.partition(":")
    return ClassRow(
        class_=class_,
        form=next((each for each in FORMS if each == plain), "clear"),  # fail closed
        epoch=epoch or None,
        tags=tags_of(class_),
        documents=tally.carriers,
        occurrences=tally.occurrences,
        distinct=tally.distinct,
        first=tally.first,
        last=tally.last,
        detectors=sorted(tally.detectors),
        evidence=sorted({evidence_of(each) for each in tally.detectors}),
        policies=sorted(tally.policies),
        harm=harm_of(class_, plain),
    )


def _order(row: ClassRow) -> tuple[int, str, int, str]:
    return _root_rank(row.class_), row.class_, FORMS.index(row.form), row.epoch or ""


def kept_back(found: Collected) -> list[KeptBack]:
    """I. Documents that did not leave, the most first."""
    rows = [
        KeptBack(type=type_, reason=reason, documents=tally.documents)
        for (type_, reason), tally in found.withheld.items()
    ]
    return sorted(rows, key=lambda each: (-each.documents.at_most, each.type, each.reason))


def subjects(found: Collected, rows: list[ClassRow]) -> Subjects:
    """F. Who the documents are about."""
    who = [row for row in rows if row.class_.startswith(IDENTITIES)]
    return Subjects(
        about=_about(found.all, who),
        identifiable=_at_least_one_at_most_sum([row for row in who if row.form == "clear"]),
        by_class=who,
        by_service=amounts(found.services),
    )


def _about(tally: Tally, who: list[ClassRow]) -> Estimate | None:
    people = tally.distinct
    if people is None and not who:
        return Estimate(estimate=0, at_least=0, at_most=0)
    return people


def _at_least_one_at_most_sum(rows: list[ClassRow]) -> Estimate | None:
    """People behind values of several classes: one person may have one of each."""
    distinct = [row.distinct for row in rows]
    if None in distinct:
        return None
    known = [each for each in distinct if each is not None]
    return Estimate(
        estimate=max((each.estimate for each in known), default=0),
        at_least=max((each.at_least for each in known), default=0),
        at_most=sum(each.at_most for each in known),
    )


def secrets(found: Collected) -> list[Secret]:
    """G. Credentials that left in clear, the most urgent first, then the latest."""
    rows = []
    for (class_, detector, service, environment), tally in found.secrets.items():
        priority, why = urgency_of(class_)
        rows.append(
            Secret(
                class_=class_, detector=detector, service=service, environment=environment,
                occurrences=tally.occurrences, distinct=tally.distinct, first=tally.first,
                last=tally.last, priority=priority, why=why,
            )
        )  # fmt: skip
    return sorted(rows, key=lambda each: (each.priority, -each.occurrences.at_most, each.class_))


def comparison(found: Collected) -> Comparison:
    """M. Policies against each other, and what to mend first."""
    rates = [_rate(policy, tally, found) for (policy,), tally in sorted(found.policies.items())]
    sources = [
        Source(
            service=service, environment=environment, type=type_, class_=class_,
            occurrences=tally.occurrences, documents=tally.carriers, last=tally.last,
        )
        for (service, environment, type_, class_), tally in found.sources.items()
    ]  # fmt: skip
    sources.sort(key=lambda each: (_root_rank(each.class_), -each.occurrences.at_most, each.class_))
    rates.sort(key=lambda each: (each.first is None, each.first, each.policy))
    return Comparison(by_policy=rates, sources=sources[:_MOST_SOURCES])


def _rate(policy: str, tally: Tally, found: Collected) -> PolicyRate:
    clear = {
        root: found.policy_roots[policy, root].occurrences
        for root in ROOTS
        if (policy, root) in found.policy_roots
    }
    documents = tally.documents.at_most
    return PolicyRate(
        policy=policy, documents=tally.documents, first=tally.first, last=tally.last, clear=clear,
        per_thousand={
            root: round(1000 * count.at_most / documents, 1)
            for root, count in clear.items()
            if documents
        },
    )  # fmt: skip


def _root_rank(class_: str) -> int:
    root = class_.partition(".")[0]
    return ROOTS.index(root) if root in ROOTS else len(ROOTS)
