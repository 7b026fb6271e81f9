"""Holds every claim of reports about a scripted month against the truth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from month_course import (
    ARCHIVE,
    BEGIN,
    DAY,
    DAYS,
    DISTRUST,
    HOUR,
    MINUTE,
    OFF,
    ON,
    STANDBY,
    STRICTER,
    SWAP,
    VENDOR,
    Month,
    Share,
)

from errlock.ledger.journal.entries import read_head
from errlock.ledger.record import Record
from errlock.ledger.report.counted import Count, Estimate
from errlock.ledger.report.facts import Facts
from errlock.ledger.report.making import Question, make_report
from errlock.ledger.report.model import Backend, Report
from errlock.ledger.report.tallies import total

_ERROR = 3 * 0.01625  # three standard errors of a sketch: 1.04 / 2^6
_DESTINATIONS = (VENDOR, STANDBY, ARCHIVE)


@dataclass
class Checked:
    """What was compared, and what was not as it must be."""

    windows: int = 0
    exact: int = 0  # windows that no longer row crosses
    counts: int = 0
    estimates: int = 0
    within: int = 0  # estimates whose stated bounds hold
    worst: float = 0.0  # the largest error of an estimate, relative
    wrong: list[str] = field(default_factory=list)

    def count(self, what: str, told: Count, truth: int, exact: bool) -> None:
        """A number: its bounds hold, and are one where nothing crosses the edge."""
        self.counts += 1
        right = told.at_least <= truth <= told.at_most
        if not right or (exact and told.at_least != told.at_most):
            self.wrong.append(f"{what}: {told}, not {truth}")

    def estimate(self, what: str, told: Estimate | None, truth: int) -> None:
        """A number of different values, of a window that nothing crosses."""
        self.estimates += 1
        if told is None:
            self.wrong.append(f"{what}: not told, not {truth}")
            return
        self.within += told.at_least <= truth <= told.at_most
        error = abs(told.estimate - truth) / max(1, truth)
        self.worst = max(self.worst, error)
        if error > _ERROR:
            self.wrong.append(f"{what}: {told}, not {truth}")

    def same(self, what: str, told: object, truth: object) -> None:
        """Anything else."""
        self.counts += 1
        if told != truth:
            self.wrong.append(f"{what}: {told}, not {truth}")


def check(month: Month, windows: int) -> Checked:
    """Ask for reports about the month, its changes and so many other windows."""
    checked = Checked()
    for destination in _DESTINATIONS:
        whole = _report(month, destination, 0, DAYS * DAY)
        _check_window(checked, month, whole, destination, 0, DAYS * DAY)
        for name, number in month.seen[destination].items():
            told = whole.volume.documents if name == "documents" else _clear(whole, name)
            checked.count(f"{destination}, on the wire, {name}", told, number, exact=True)
    for since, until in _windows(windows):
        for destination in _DESTINATIONS:
            report = _report(month, destination, since, until)
            _check_window(checked, month, report, destination, since, until)
    _check_measures(checked, month, _report(month, VENDOR, 0, DAYS * DAY))
    if checked.estimates >= 40 and checked.within < 0.9 * checked.estimates:
        checked.wrong.append(f"bounds hold for {checked.within} of {checked.estimates} estimates")
    return checked


def _windows(number: int) -> Iterator[tuple[int, int]]:
    """What a person would ask for, then any: half of them where minutes are still kept."""
    yield OFF, ON
    yield OFF - HOUR, OFF
    yield STRICTER, ON
    yield DISTRUST - MINUTE, DISTRUST
    yield DISTRUST, DISTRUST + MINUTE
    yield DISTRUST - DAY, SWAP + 7 * MINUTE
    dice = random.Random(7)
    for index in range(number):
        first = (DAYS - 6) * DAY if index % 2 else 0
        ends = sorted(dice.sample(range(first, DAYS * DAY, MINUTE), 2))
        yield ends[0], ends[1]


def _report(month: Month, destination: str, since: float, until: float) -> Report:
    store = month.folder
    return make_report(
        Question(
            records=[Record(store / "journal", store / "ledger.db")],
            backends=[Backend(destination=destination)],
            since=_at(since),
            until=_at(until),
            facts=Facts(),
            heads=[read_head(head) for head in month.heads],
        )
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, UTC)


def _check_window(
    checked: Checked, month: Month, report: Report, destination: str, since: float, until: float
) -> None:
    truth = month.told(destination, since, until)
    where = f"{destination} from {_at(since):%d %H:%M} to {_at(until):%d %H:%M}"
    exact = report.clock.window.crossing == 0
    checked.windows += 1
    checked.exact += exact
    volume = report.volume
    checked.count(f"{where}: documents", volume.documents, sum(truth.documents.values()), exact)
    by_type = {each.names[0]: each.documents for each in volume.by_type}
    for type_ in by_type.keys() | truth.documents.keys():
        told = by_type.get(type_, Count())
        checked.count(f"{where}: {type_}", told, truth.documents[type_], exact)
    _check_classes(checked, where, report, truth, exact)
    _check_origins(checked, where, report, month.origins(destination, since, until), exact)
    if exact:
        checked.estimate(f"{where}: people", report.subjects.about, len(truth.people))
        minutes = month.minutes(destination, since, until)
        told_ends = (report.clock.first_delivery, report.clock.last_delivery)
        ends = (
            [datetime.fromtimestamp(m, UTC) for m in (min(minutes), max(minutes))]
            if minutes
            else [None] * 2
        )
        checked.same(f"{where}: first and last", list(told_ends), ends)
        sums = [each.documents.at_most for each in volume.over_time]
        checked.same(f"{where}: over time", sum(sums), volume.documents.at_most)


def _check_classes(checked: Checked, where: str, report: Report, truth: Share, exact: bool) -> None:
    told = {(row.class_, str(row.form)): row for row in report.classes}
    for key in told.keys() | truth.found.keys():
        row = told.get(key)
        number = row.occurrences if row else Count()
        checked.count(f"{where}: {key}", number, truth.found[key], exact)
        if exact and row is not None:
            checked.estimate(f"{where}: different {key}", row.distinct, len(truth.values[key]))
    kept = sum(number for (_, form), number in truth.found.items() if form != "clear")
    checked.count(f"{where}: withheld", report.withheld.occurrences, kept, exact)
    secrets = total(each.occurrences for each in report.secrets)
    clear = truth.found["secret.password", "clear"]
    checked.count(f"{where}: secrets to replace", secrets, clear, exact)


def _check_origins(
    checked: Checked, where: str, report: Report, truth: dict[tuple[str, str], Share], exact: bool
) -> None:
    told = {(each.names[0], each.names[1]): each for each in report.volume.by_origin}
    for key in told.keys() | truth.keys():
        share = truth.get(key, Share())
        documents = told[key].documents if key in told else Count()
        checked.count(f"{where}: {key}", documents, sum(share.documents.values()), exact)
        if exact and key in told:
            checked.estimate(f"{where}: people of {key}", told[key].people, len(share.people))


def _check_measures(checked: Checked, month: Month, report: Report) -> None:
    """What was done, when: by the vendor's report of the whole month."""
    clock = report.clock
    checked.same("contained", clock.contained_at, _at(DISTRUST))
    checked.same("after it", clock.after_containment, Count())
    offs = [(each.controls, each.since, each.until) for each in report.withheld.controls_off]
    classes = ["class pii.email", "class pii.user_id", "class secret.password"]
    checked.same("off", offs, [(classes, _at(OFF), _at(ON))])
    meanwhile = sum(month.told(VENDOR, OFF, ON).documents.values())
    for each in report.withheld.controls_off:
        checked.count("documents meanwhile", each.documents, meanwhile, exact=True)
    begins = [each.since for each in report.withheld.policies]
    checked.same("policies", begins, [_at(0), _at(STRICTER), _at(OFF), _at(ON)])
    done = Counter((each.kind, each.time) for each in report.measures if each.ours)
    for kind, when in (("trust", DISTRUST), ("route", SWAP)):
        checked.same(kind, done[kind, _at(when)], 1)
    (proof,) = report.evidence
    checked.same("evidence", proof.findings, [])
    checked.same("vouched for", proof.vouched_to, int(month.heads[-1].partition(":")[0]))


def _clear(report: Report, class_: str) -> Count:
    rows = [row for row in report.classes if (row.class_, row.form) == (class_, "clear")]
    return rows[0].occurrences if rows else Count()
