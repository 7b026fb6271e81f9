"""Makes a report: reads journal and account once, and puts its sections together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from ..account.reconciling import readable
from ..account.store import DAY, AccountStore
from ..code.disclosed import Disclosed, disclosed
from ..journal.entries import Entry, Head
from ..journal.signing import PublicKey
from ..search.inventory import Wanted
from .collecting import Between, Collected, collect
from .consequences import consequences
from .containment import Contained, contained
from .controls import controls_off
from .counted import ClassRow, ControlOff, Count, Inventory, PolicyPeriod, Withheld
from .deadlines import deadlines
from .disclosed import code
from .evidence import evidence
from .facts import Facts, open_questions
from .inventories import inventory
from .keys import pseudonym_keys
from .model import Backend, Clock, Evidence, Identity, Measure, Report, Window
from .outputs import outputs
from .policies import InForce, policies
from .sections import class_rows, comparison, kept_back, secrets, subjects, volume
from .summary import summary
from .tallies import Span, moment, total
from .telling import measure_of, time_of
from .uncertainty import unknowns


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which record."""

    journal: Path
    account: Path
    backends: Sequence[Backend]
    since: datetime
    until: datetime
    facts: Facts
    heads: Sequence[Head] = ()
    keys: Sequence[PublicKey] = ()
    inventory: Sequence[Wanted] | None = None
    needle_keys: Sequence[str] = ()  # the ledger's, to look an inventory up
    query: str = ""  # the command that asks it
    check: str = ""  # the command that checks the record

    @property
    def destinations(self) -> set[str]:
        """Their ids."""
        return {each.destination for each in self.backends}


def make_report(question: Question, now: datetime | None = None) -> Report:
    """The report. Reads only; a collector may run meanwhile.

    Raises OSError, sqlite3.Error.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    entries = [
        entry for entry in readable(question.journal) if entry.kind not in ("minute", "code")
    ]
    report = _Maker(question, entries, now).report()
    report = msgspec.structs.replace(report, outputs=outputs(report))
    return msgspec.structs.replace(report, summary=summary(report))


class _Maker:
    """What several sections need."""

    def __init__(self, question: Question, entries: Sequence[Entry], now: datetime) -> None:
        self._question = question
        self._entries = entries
        self._now = now
        self._span = Span.around(question.since, question.until)
        self._contained = self._containment()
        self._policies = policies(entries)
        self._off = [
            (off, Between(*self._within(off.since, off.until)))
            for off in controls_off(entries, question.destinations)
            if self._touches(off.since, off.until)
        ]
        self._code: list[Disclosed] = []
        self._found = self._collected()

    def report(self) -> Report:
        """All but what is written of it."""
        question, found = self._question, self._found
        classes = class_rows(found)
        proof = evidence(
            question.journal, question.account, question.heads, question.keys,
            check=question.check, query=question.query,
        )  # fmt: skip
        window = self._window()
        return Report(
            destinations=sorted(question.destinations),
            facts=question.facts,
            only_you_know=open_questions(question.facts),
            identity=self._identity(proof),
            clock=self._clock(window),
            backends=list(question.backends),
            volume=volume(found),
            classes=classes,
            subjects=subjects(found, classes),
            secrets=secrets(found),
            inventory=self._inventory(),
            code=code(self._code),
            withheld=self._withheld(classes),
            uncertainty=unknowns(self._entries, window, found, self._now),
            consequences=consequences(classes),
            measures=self._measures(),
            comparison=comparison(found),
            evidence=proof,
        )

    def _containment(self) -> Contained | None:
        """When the last of the destinations was shut; None while one is open."""
        each = [contained(self._entries, _names(backend)) for backend in self._question.backends]
        if not each or None in each:
            return None
        return max((one for one in each if one is not None), key=lambda one: one.at)

    def _collected(self) -> Collected:
        span = self._span
        store = AccountStore.to_read(self._question.account)
        try:
            with store.snapshot():
                rows = store.touching(span.since, span.until)
                aside = [between for _, between in self._off]
                coarsest = store.coarsest(span.since, span.until)
                self._code = [
                    row
                    for row in disclosed(store, None, span.since, span.until)
                    if row.destination in self._question.destinations
                ]
                return collect(rows, self._question.destinations, span, coarsest, aside)
        finally:
            store.close()

    def _inventory(self) -> Inventory | None:
        question = self._question
        if question.inventory is None:
            return None
        return inventory(
            [question.journal.parent], question.needle_keys, question.inventory,
            question.destinations, self._span,
        )  # fmt: skip

    def _delivered_since(self, moment: float) -> Count:
        """Documents, whatever the window: what matters here is whether there are any."""
        between = Between(moment, self._now.timestamp() + DAY)
        store = AccountStore.to_read(self._question.account)
        try:
            for row in store.touching(int(moment), int(between.until)):
                if row.series.destination in self._question.destinations:
                    between.add(row)
        finally:
            store.close()
        return between.count

    def _window(self) -> Window:
        question, span, found = self._question, self._span, self._found
        return Window(
            since=moment(span.since), until=moment(span.until),
            asked_since=question.since, asked_until=question.until,
            finest=found.finest, coarsest=found.coarsest, crossing=found.crossing,
        )  # fmt: skip

    def _identity(self, proof: Evidence) -> Identity:
        times = [time for entry in self._entries if (time := time_of(entry.time))]
        about = f"{self._question.query}\n{self._now}\n{proof.head}"
        return Identity(
            id=hashlib.sha256(about.encode()).hexdigest()[:16],
            generated_at=self._now,
            generator=f"errlock {version('errlock')}",
            entries=proof.entries,
            head=proof.head,
            recorded_since=times[0] if times else None,
            recorded_until=times[-1] if times else None,
        )

    def _clock(self, window: Window) -> Clock:
        found, shut = self._found, self._contained
        return Clock(
            window=window,
            first_delivery=found.all.first,
            last_delivery=found.all.last,
            contained_at=shut.when if shut else None,
            contained_by=shut.by if shut else None,
            contained_entry=shut.entry.number if shut else None,
            after_containment=self._delivered_since(shut.at) if shut else None,
            deadlines=deadlines(self._question.facts, self._now),
        )

    def _withheld(self, classes: list[ClassRow]) -> Withheld:
        sensitive = [
            row for row in classes if row.class_.startswith(("secret.", "financial.", "pii."))
        ]
        kept = total(row.occurrences for row in sensitive if row.form != "clear")
        everything = total(row.occurrences for row in sensitive)
        return Withheld(
            by_class=[row for row in classes if row.form != "clear"],
            whole_documents=kept_back(self._found),
            pseudonym_keys=pseudonym_keys(self._entries, self._question.destinations),
            occurrences=kept,
            share=kept.at_most / everything.at_most if everything.at_most else None,
            policies=[
                _period(each) for each in self._policies if self._touches(each.since, each.until)
            ],
            controls_off=[
                ControlOff(
                    destination=off.destination, pipeline=off.pipeline,
                    controls=list(off.controls), since=off.since, until=off.until,
                    documents=during.count, entry=off.entry.number, entry_hash=off.entry.hash,
                )
                for off, during in self._off
            ],
        )  # fmt: skip

    def _measures(self) -> list[Measure]:
        names = {name for backend in self._question.backends for name in _names(backend)}
        since = moment(self._span.since)
        told = [measure_of(entry, names) for entry in self._entries]
        return [measure for measure in told if measure.time >= since]

    def _touches(self, since: datetime, until: datetime | None) -> bool:
        begins, ends = moment(self._span.since), moment(self._span.until)
        return since < ends and (until is None or until > begins)

    def _within(self, since: datetime, until: datetime | None) -> tuple[float, float]:
        """The part of a time that is in the window."""
        ends = float(self._span.until) if until is None else until.timestamp()
        return max(since.timestamp(), self._span.since), min(ends, self._span.until)


def _names(backend: Backend) -> set[str]:
    """Under which people speak of a destination."""
    return {backend.destination, f"{backend.destination}@fleet", *backend.operators}


def _period(policy: InForce) -> PolicyPeriod:
    body = policy.entry.body
    return PolicyPeriod(
        since=policy.since, until=policy.until, sha256=body.get("sha256"), by=body.get("by"),
        why=body.get("why"), changes=list(policy.changes), entry=policy.entry.number,
        entry_hash=policy.entry.hash,
    )  # fmt: skip
