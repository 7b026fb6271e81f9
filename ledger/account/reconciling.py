"""Whether the account is what the journal says of it: its minutes, the sums of older rows, and the
days of what was disclosed of code.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from ..code.closing import Told, compare
from ..journal.entries import MAX_LINE, BrokenEntry, Entry, decode, moment
from ..journal.verifying import Finding
from .account import FORGOTTEN
from .minutes import Totals, closed_minute, totals
from .store import MINUTE, AccountStore

_MOST_FINDINGS = 100
_MOST_TRIES = 2


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the journal says of the account, and whether it is so."""

    minutes: int  # that the journal tells of, but for open ones
    forgotten: int  # of these, gone from the account because they were too old: the journal says so
    findings: list[Finding]
    days: int = 0  # with code, that are as the journal says
    open: int = 0  # minutes that went on in another process and were not told again yet


@dataclass(frozen=True, slots=True)
class _Told:
    """What the journal says of minutes; of each, what it said last."""

    minutes: dict[int, tuple[str, Totals]] = field(default_factory=dict)
    # Told by an end within them, and not since they passed: whoever starts soon enough goes on.
    unfinished: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)  # of these, where somebody did
    wrong: list[Finding] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """What a newer entry says."""
        if entry.kind == "start":
            self._begun(entry.time)
        elif entry.kind == "gap":
            kinds = entry.body.get("kinds")
            if isinstance(kinds, dict) and "start" in kinds:  # the disk refused it
                self._begun(str(entry.body.get("since")))
        elif entry.kind == "minute":
            minute = _number(entry.body.get("minute"))
            told = str(entry.body.get("sha256")), _totals(entry.body)
            # Once told after its end it is never open again, whoever appends what start.
            passed = minute in self.minutes and minute not in self.unfinished
            if minute in self.unfinished:
                self._compare(minute, self.minutes[minute], told)
            self.minutes[minute] = told
            self.open.discard(minute)
            self.unfinished.discard(minute)
            if not passed and _seconds(entry.time) < minute + MINUTE:
                self.unfinished.add(minute)

    def _begun(self, time: str) -> None:
        # Also with a clock that was put back: then it books in the newest minute that there is.
        began = _seconds(time)
        self.open.update(each for each in self.unfinished if began < each + MINUTE)

    def _compare(self, minute: int, old: tuple[str, Totals], new: tuple[str, Totals]) -> None:
        """A collector that tells a minute again tells what lies there, whoever wrote it."""
        if minute in self.open:
            if not _holds(new[1], old[1]):
                self.wrong.append(_finding(minute, "was told again with less: it was changed"))
        elif new[0] != old[0]:
            text = "was told again as another, and no collector ran in it: it was changed"
            self.wrong.append(_finding(minute, text))


def reconcile(journal: Path, account: Path) -> Reconciled:
    """Compare. Both may be in use by a collector. Raises OSError, sqlite3.Error.

    That the journal itself is what was written is for `verify` to say.
    """
    found = _reconciled(journal, account)
    for _ in range(_MOST_TRIES):
        if not found.findings:
            break
        # Embedded pipelines hand over late: a minute may have been told again meanwhile.
        found = _reconciled(journal, account)
    return found


def _reconciled(journal: Path, account: Path) -> Reconciled:
    told = _Told()
    code = Told({}, {})
    forgotten = 0  # nothing before this moment has to be there
    # The journal first: what is in it was in the account before.
    for entry in readable(journal):
        told.add(entry)
        if entry.kind == "code":
            code.add(entry.body)
        elif entry.kind == "purge" and entry.body.get("what") == FORGOTTEN:
            forgotten = max(forgotten, _number(entry.body.get("before")))
    store = AccountStore.to_read(account)
    try:
        with store.snapshot():
            found = _compare(told, forgotten, store)
            days, wrong = compare(code, forgotten, store.code)
            findings = [*found.findings, *(Finding(0, f"code: {text}") for text in wrong)]
            return replace(found, findings=findings[:_MOST_FINDINGS], days=days)
    finally:
        store.close()


def _compare(said: _Told, before: int, store: AccountStore) -> Reconciled:
    findings = said.wrong.copy()
    told = said.minutes
    last = max(told, default=0)
    seen: set[int] = set()
    for minute in store.minutes(0, last + MINUTE):
        seen.add(minute)
        rows = store.rows(minute, minute + 1, MINUTE)
        if minute not in told:
            findings.append(_finding(minute, "is in the account and not in the journal"))
        elif minute in said.open:
            if not _holds(totals((row.series, row.figures) for row in rows), told[minute][1]):
                findings.append(_finding(minute, "has less than the journal says: it was changed"))
        elif closed_minute(minute, rows)["sha256"] != told[minute][0]:
            findings.append(_finding(minute, "is not as the journal says: it was changed"))
    open_ = len(said.open & seen)
    left = sorted(told.keys() - seen)
    for span, start, lines in store.sums():
        minutes = left[bisect_left(left, start) : bisect_left(left, start + span)]
        seen.update(minutes)
        if totals(lines) != _sum(told[minute][1] for minute in minutes):
            findings.append(
                _finding(start, f"and the {span // MINUTE} minutes from it on have other sums")
            )
    forgotten = {minute for minute in told.keys() - seen if minute < before}
    findings += [
        _finding(minute, "is in the journal and not in the account: it was removed")
        for minute in sorted(told.keys() - seen - forgotten)
    ]
    return Reconciled(len(told) - open_, len(forgotten), findings, open=open_)


def _holds(found: Totals, least: Totals) -> bool:
    """Whether sums are at least these: rows are only ever added to."""
    return all(
        found.get(destination, {}).get(name, 0) >= amount
        for destination, amounts in least.items()
        for name, amount in amounts.items()
    )


def readable(path: Path) -> Iterator[Entry]:
    """The entries of a journal, but for lines that are none: `verify` tells of these."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            try:
                yield decode(line.rstrip(b"\n"))
            except BrokenEntry:
                continue


def _totals(body: Mapping[str, Any]) -> Totals:
    found = body.get("destinations")
    return {
        str(destination): {str(name): _number(amount) for name, amount in each.items()}
        for destination, each in (found if isinstance(found, dict) else {}).items()
        if isinstance(each, dict)
    }


def _sum(each: Iterable[Totals]) -> Totals:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for told in each:
        for destination, amounts in told.items():
            sums[destination].update(amounts)
    return sums


def _seconds(time: str) -> float:
    """The time of an entry; of none that a collector wrote the end of times: it opens nothing."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return inf


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _finding(minute: int, text: str) -> Finding:
    return Finding(0, f"account: minute {moment(minute)} {text}")
