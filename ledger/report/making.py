"""Makes a report: reads journals and accounts once, and puts its sections together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from ..account.reading import named
from ..account.store import DAY, AccountStore
from ..code.disclosed import Disclosed, disclosed
from ..inventory.wanted import Wanted
from ..journal.ending import doubt
from ..journal.entries import Head
from ..journal.signing import PublicKey
from ..record import Record
from .counted import ClassRow, ControlOff, Count, Inventory, PolicyPeriod, Withheld
from .facts import Facts, open_questions
from .model import Backend, Clock, Evidence, Identity, Measure, Report, Window
from .records import Told, told_by
from .sections.account import class_rows, comparison, kept_back, secrets, subjects, volume
from .sections.collecting import Between, Collected, bucket_for
from .sections.consequences import consequences
from .sections.containment import Contained, contained, taken_out
from .sections.controls import Off, controls_off
from .sections.deadlines import deadlines
from .sections.disclosed import code
from .sections.evidence import Check, evidence
from .sections.inventories import inventory
from .sections.keys import pseudonym_keys
from .sections.outputs import outputs
from .sections.policies import InForce, policies
from .sections.summary import summary
from .sections.telling import measure_of, time_of
from .sections.uncertainty import unknowns
from .tallies import Span, moment, total


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which records."""

    records: Sequence[Record]
    backends: Sequence[Backend]
    since: datetime
    until: datetime
    facts: Facts
    heads: Sequence[Head] = ()
    keys: Sequence[PublicKey] = ()
    inventory: Sequence[Wanted] | None = None
    needle_keys: Sequence[str] = ()  # the ledger's, to look an inventory up
    query: str = ""  # the command that asks it
    check: Check = lambda record, heads: ""  # the command that verifies a record
    runs: Callable[[Path], bool] = lambda folder: False  # whether a collector has a folder now

    @property
    def destinations(self) -> set[str]:
        """Their ids."""
        return {each.destination for each in self.backends}


def make_report(question: Question, now: datetime | None = None) -> Report:
    """The report. Reads only; collectors may run meanwhile.

    Raises OSError.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    report = _Maker(question, told_by(question.records, question.runs), now).report()
    report = msgspec.structs.replace(report, outputs=outputs(report))
    return msgspec.structs.replace(report, summary=summary(report))


class _Maker:
    """What several sections need."""

    def __init__(self, question: Question, told: Sequence[Told], now: datetime) -> None:
        self._question = question
        self._told = told
        self._entries = sorted(
            ((each.number, entry) for each in told for entry in each.entries),
            key=lambda each: each[1].time,
        )
        self._now = now
        self._span = Span.around(question.since, question.until)
        self._contained = self._containment()
        self._off = {each.number: list(self._controls_off(each)) for each in told}
        self._code: list[Disclosed] = []
        self._found = self._collected()

    def report(self) -> Report:
        """All but what is written of it."""
        question, found = self._question, self._found
        classes = class_rows(found)
        proof = evidence(
            question.records, question.heads, question.keys, question.check, question.needle_keys
        )
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
            inventory=self._inventory(proof),
            code=code(self._code),
            withheld=self._withheld(classes),
            uncertainty=unknowns(self._told, window, found, self._now),
            consequences=consequences(classes),
            measures=self._measures(),
            comparison=comparison(found),
            evidence=proof,
        )

    def _containment(self) -> tuple[int, Contained] | None:
        """When the last collector shut the last of the destinations, and the number of its record.

        None while one is open. A collector that never sent there need not have shut it.
        """
        found = []
        for backend in self._question.backends:
            ways = [(each, *each.led_to(backend.destination)) for each in self._told]
            for each, _, ended in [way for way in ways if way[1]] or ways:
                one = contained(each.entries, _names(backend))
                if one is None and ended is not None:
                    one = taken_out(ended)
                if one is None:
                    return None
                found.append((each.number, one))
        return max(found, key=lambda each: each[1].at)

    def _controls_off(self, told: Told) -> Iterator[tuple[Off, Between]]:
        """What was off there in the window, with what counts the documents of that time."""
        for off in controls_off(told.entries, self._question.destinations):
            if self._touches(off.since, off.until):
                yield off, Between(*self._within(off.since, off.until))

    def _collected(self) -> Collected:
        span, asked = self._span, self._question.destinations
        with ExitStack() as stack:
            stores, coarsest = [], 0
            for each in self._told:
                with named(each.record.account):
                    store = stack.enter_context(closing(AccountStore.to_read(each.record.account)))
                    stack.enter_context(store.snapshot())
                    coarsest = max(coarsest, store.coarsest(span.since, span.until))
                stores.append(store)
            found = Collected(span, bucket_for(span, coarsest))
            for each, store in zip(self._told, stores, strict=True):
                aside = [between for _, between in self._off[each.number]]
                with named(each.record.account):
                    for row in store.touching(span.since, span.until):
                        if row.series.destination in asked:
                            found.add(row, aside)
                    shown = disclosed(store.code, None, span.since, span.until)
                    self._code += [row for row in shown if row.destination in asked]
        return found

    def _inventory(self, proof: Sequence[Evidence]) -> Inventory | None:
        question = self._question
        if question.inventory is None:
            return None
        doubts = {
            told.record.folder: [
                *(f"not as it was written: {finding}" for finding in each.findings[:1]),
                *([doubt(told.unsaid_end)] if told.unsaid_end else []),
            ]
            for told, each in zip(self._told, proof, strict=True)
        }
        return inventory(
            [each.folder for each in question.records], question.needle_keys, question.inventory,
            question.destinations, self._span, doubts,
        )  # fmt: skip

    def _delivered_since(self, moment: float) -> Count:
        """Documents, whatever the window: what matters here is whether there are any."""
        between = Between(moment, self._now.timestamp() + DAY)
        for record in self._question.records:
            with (
                named(record.account),
                closing(AccountStore.to_read(record.account)) as store,
            ):
                for row in store.touching(int(moment), int(between.until)):
                    if row.series.destination in self._question.destinations:
                        between.add(row)
        return between.count

    def _window(self) -> Window:
        question, span, found = self._question, self._span, self._found
        return Window(
            since=moment(span.since), until=moment(span.until),
            asked_since=question.since, asked_until=question.until,
            finest=found.finest, coarsest=found.coarsest, crossing=found.crossing,
        )  # fmt: skip

    def _identity(self, proof: Sequence[Evidence]) -> Identity:
        times = [time for _, entry in self._entries if (time := time_of(entry.time))]
        heads = [each.head for each in proof if each.head is not None]
        about = "\n".join([self._question.query, str(self._now), *heads])
        return Identity(
            id=hashlib.sha256(about.encode()).hexdigest()[:16],
            generated_at=self._now,
            generator=f"errlock {version('errlock')}",
            entries=sum(each.entries for each in proof),
            heads=heads,
            recorded_since=times[0] if times else None,
            recorded_until=times[-1] if times else None,
            query=self._question.query,
        )

    def _clock(self, window: Window) -> Clock:
        found, (record, shut) = self._found, self._contained or (None, None)
        return Clock(
            window=window,
            first_delivery=found.all.first,
            last_delivery=found.all.last,
            contained_at=shut.when if shut else None,
            contained_by=shut.by if shut else None,
            contained_record=record,
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
            policies=sorted(
                (
                    _period(told.number, each)
                    for told in self._told
                    for each in policies(told.entries)
                    if self._touches(each.since, each.until)
                ),
                key=lambda each: (each.since, each.record),
            ),
            controls_off=sorted(
                (
                    _off(record, off, during.count)
                    for record, found in self._off.items()
                    for off, during in found
                ),
                key=lambda each: (each.since, each.record),
            ),
        )

    def _measures(self) -> list[Measure]:
        names = {name for backend in self._question.backends for name in _names(backend)}
        since = moment(self._span.since)
        told = [measure_of(record, entry, names) for record, entry in self._entries]
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


def _off(record: int, off: Off, documents: Count) -> ControlOff:
    return ControlOff(
        destination=off.destination, pipeline=off.pipeline, controls=list(off.controls),
        since=off.since, until=off.until, documents=documents,
        record=record, entry=off.entry.number, entry_hash=off.entry.hash,
    )  # fmt: skip


def _period(record: int, policy: InForce) -> PolicyPeriod:
    body = policy.entry.body
    return PolicyPeriod(
        since=policy.since, until=policy.until, sha256=body.get("sha256"), by=body.get("by"),
        why=body.get("why"), changes=list(policy.changes),
        record=record, entry=policy.entry.number, entry_hash=policy.entry.hash,
    )  # fmt: skip
