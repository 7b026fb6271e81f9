"""Puts the report into words and tables: one document, from which every rendering is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .. import wording as w
from ..model import Report
from ..sections.inventories import to_replace
from ..tallies import total
from . import data, judgement, record
from .blocks import Block, Bullets, Document, Pairs, Para, Section, Tiles, Title
from .charts import forms_by_class, over_time


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
    findings = sum(len(each.findings) for each in report.evidence)
    if findings:
        return f"{w.plural(findings, 'sign')} of tampering or damage: section N"
    up_to = [
        f"up to entry {w.entry(report, number, proof.vouched_to)} by {proof.vouched_by}"
        for number, proof in enumerate(report.evidence, 1)
        if proof.vouched_to
    ]
    if len(up_to) == len(report.evidence):
        return f"whole; vouched for {w.listed(up_to, 3)}"
    return "no sign of tampering; no head from elsewhere vouches for all of it: section N"


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
    secrets, places = total(each.occurrences for each in report.secrets), len(report.secrets)
    about, clock = report.subjects.about, report.clock
    kinds = {row.class_ for row in report.classes if row.form == "clear"}
    personal = sum(name.startswith(("pii.", "financial.")) for name in kinds)
    share, kept = report.withheld.share, report.withheld.occurrences
    own = [] if report.inventory is None else to_replace(report.inventory)
    people = ("?", "not told apart")
    if about is not None:
        bounds = f"{about.at_least:,} to {about.at_most:,}"
        people = (f"{about.estimate:,}", "" if about.at_least == about.at_most else bounds)
    shut, documents = clock.contained_at, report.volume.documents
    return Tiles(
        [
            (w.known(documents, report.lacks), w.agreeing(documents, "document"),
             w.size(report.volume.bytes), False),
            (people[0], "person" if people == ("1", "") else "people",
             people[1] or "by what names them", False),
            (w.count(secrets), "secrets that detectors saw in clear",
             f"{len(own):,} of your inventory may have left" if own
             else f"in {w.plural(places, 'place')}",
             bool(secrets.at_most or own)),
            (str(personal), f"kind{'' if personal == 1 else 's'} of personal data in clear",
             f"of {w.plural(len(kinds), 'kind')} of data in clear", personal > 0),
            ("–" if share is None else f"{share:.1%}", "of what was found did not leave in clear",
             w.several(kept, "value"), False),
            ("yes" if shut else "no", "contained", w.when(shut), shut is None),
        ]
    )  # fmt: skip


def _alarm(report: Report) -> Iterable[Block]:
    if not report.intact:
        yield Para(
            "The record that this report stands on was damaged or tampered with: section N.",
            "warning",
        )


_SECTIONS: tuple[tuple[str, str, Callable[[Report], Sequence[Block]]], ...] = (
    ("A", "Identity", record.identity),
    ("B", "Clock", record.clock),
    ("C", "Destination", record.backends),
    ("D", "Volume", data.volume),
    ("E", "Data classes", data.classes),
    ("F", "People", data.subjects),
    ("G", "Secrets to replace", data.secrets),
    ("H", "What was learnt of the code", data.code),
    ("I", "What was withheld", data.withheld),
    ("J", "Uncertainty", judgement.uncertainty),
    ("K", "Consequences", judgement.consequences),
    ("L", "Measures", record.measures),
    ("M", "Comparisons", judgement.comparison),
    ("N", "Evidence", record.evidence),
    ("O", "Drafts and tickets", judgement.outputs),
)
