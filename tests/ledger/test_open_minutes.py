"""A minute that went on after a restart: not told again yet, it is open, and nobody tampered."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from abandoned import abandon
from still_clock import StillClock

from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered
from errlock.ledger.account.figures import Figures, Series
from errlock.ledger.account.reconciling import Reconciled, reconcile
from errlock.ledger.account.store import AccountStore
from errlock.ledger.journal.entries import EntryKind
from errlock.ledger.journal.journal import Journal, JournalFailed
from errlock.ledger.manifest import Items, Manifest
from errlock.ledger.options import AccountOptions
from errlock.ledger.record import Record
from errlock.ledger.report.sections.evidence import evidence
from errlock.pipeline.cli import main

NOON = 1_790_000_000 // 86400 * 86400 + 12 * 3600
CHANGED = "account: minute 2026-09-21T12:00:00Z is not as the journal says: it was changed"
OTHER = (
    "account: minute 2026-09-21T12:00:00Z was told again as another, and no collector ran in it: "
    "it was changed"
)
AGAIN = "account: minute 2026-09-21T12:00:00Z was told again with less: it was changed"
REMOVED = (
    "account: minute 2026-09-21T12:00:00Z is in the journal and not in the account: it was removed"
)
LESS = "account: minute 2026-09-21T12:00:00Z has less than the journal says: it was changed"


class Collector:
    """What a collector does to its journal and account, by a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.paths = folder / "journal", folder / "ledger.db"
        self.clock = StillClock(NOON + 10)

    def start(self, documents: int = 0) -> None:
        self.journal = Journal(self.paths[0], clock=self._now)
        self.journal.append("start", {})
        self.open(documents)

    def open(self, documents: int) -> None:
        account = self.paths[1]
        self.account = Account(account, AccountOptions(), self.journal.append, self.clock.now)
        self.account.write()
        self.deliver(documents)

    def deliver(self, documents: int) -> None:
        if documents:
            data = msgspec.msgpack.encode(Manifest("shop", "prod", {"event": Items(documents, 9)}))
            self.account.book(Delivered("sentry", "errors:1", data, {"event": documents}))
        self.account.write()

    def go_on(self, seconds: float) -> None:
        """The time passes, and what is due is written."""
        self.clock.advance(seconds)
        self.account.write()

    def stop(self) -> None:
        self.account.close()
        self.journal.append("stop", {})
        self.journal.close()

    def kill(self) -> None:
        """Nothing more is written."""
        abandon(self.account)
        self.journal.close()

    def append(self, kind: EntryKind, body: dict[str, Any], when: float) -> None:
        """As somebody who can write the journal."""
        journal = Journal(self.paths[0], clock=lambda: written(when))
        journal.append(kind, body)
        journal.close()

    def change(self, sql: str) -> None:
        with sqlite3.connect(self.paths[1]) as db:
            assert db.execute(sql).rowcount > 0
        db.close()

    def verified(self) -> Reconciled:
        return reconcile(*self.paths)

    def findings(self) -> list[str]:
        return [each.text for each in self.verified().findings]

    def _now(self) -> str:
        return written(self.clock.now())


def written(moment: float) -> str:
    """A time as entries have it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Collector]:
    """One that is yet to be started."""
    made = Collector(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def collector(fresh: Collector) -> Collector:
    """One that told its journal of ten documents at its end, and was started in that minute."""
    fresh.start(10)
    fresh.clock.advance(5)
    fresh.stop()
    assert (fresh.findings(), fresh.verified().minutes) == ([], 1)
    fresh.clock.advance(5)
    fresh.start()
    return fresh


def test_a_minute_that_a_restart_goes_on_in_is_open_until_it_is_told_again(
    collector: Collector,
) -> None:
    for _ in range(2):
        collector.deliver(3)
        found = collector.verified()
        assert (found.findings, found.minutes, found.open) == ([], 0, 1)
    collector.go_on(60)
    found = collector.verified()
    assert (found.findings, found.minutes, found.open) == ([], 1, 0)
    collector.change("UPDATE account SET documents = documents + 1")
    assert collector.findings() == [CHANGED]


def test_it_is_open_while_the_collector_is_down_and_told_when_it_is_back(
    collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.deliver(3)
    collector.kill()
    assert (collector.findings(), collector.verified().open) == ([], 1)
    journal, account = collector.paths
    assert main(["exposure", "verify", "--journal", str(journal)]) == 0
    assert "\naccount: 0 minutes compared with" in capsys.readouterr().out
    (proof,) = evidence([Record(journal, account)], [], [], lambda *_: "")
    assert (proof.intact, proof.account_minutes, proof.account_open) == (True, 0, 1)
    collector.clock.advance(600)
    collector.start()
    assert (collector.findings(), collector.verified().minutes) == ([], 1)


def test_another_end_within_it_tells_it_again(collector: Collector) -> None:
    collector.deliver(3)
    collector.stop()
    assert (collector.findings(), collector.verified().open) == ([], 0)
    collector.change("UPDATE account SET documents = documents + 1")
    assert collector.findings() == [CHANGED]


@pytest.mark.parametrize(
    "sql",
    ["UPDATE account SET documents = 9", "UPDATE account SET bytes = bytes - 1",
     "UPDATE series SET destination = 'other'", "DELETE FROM account"],
)  # fmt: skip
def test_nothing_of_what_was_told_can_go_from_an_open_minute(
    collector: Collector, sql: str
) -> None:
    collector.kill()
    collector.change(sql)
    assert collector.findings() == [REMOVED if sql.startswith("DELETE") else LESS]


@pytest.mark.parametrize("later", [60, 86400])
def test_what_was_changed_while_no_collector_ran_is_found_when_it_was_told_again(
    fresh: Collector, later: int
) -> None:
    fresh.start(10)
    fresh.stop()
    fresh.change("UPDATE series SET outcome = 'withheld'")
    fresh.clock.advance(later)
    fresh.start(3)
    fresh.go_on(60)
    assert fresh.findings() == [OTHER]


def test_what_went_from_an_open_minute_is_found_when_it_was_told_again(
    collector: Collector,
) -> None:
    collector.change("UPDATE account SET documents = 9")
    collector.go_on(60)
    assert collector.findings() == [AGAIN]


def test_what_an_application_hands_over_late_comes_after_the_minute_was_told_again(
    fresh: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.start(10)
    fresh.stop()
    fresh.clock.advance(600)

    def full(_path: Path) -> AccountStore:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(AccountStore, "to_write", full)
    fresh.start()
    monkeypatch.undo()
    series = Series("sentry", "event", "shop", "prod", "embedded:1")
    fresh.account.merge([(NOON, series, Figures(1, first=NOON, last=NOON))], {})
    fresh.account.write()
    assert (fresh.findings(), fresh.verified().minutes) == ([], 1)


def test_a_start_that_the_disk_refused_opens_the_minute_too(
    fresh: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.start(10)
    fresh.stop()

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalFailed):
        fresh.start()
    monkeypatch.undo()
    fresh.open(3)
    fresh.go_on(60)
    assert (fresh.findings(), fresh.verified().minutes) == ([], 1)


def test_who_starts_when_the_minute_has_passed_does_not_open_it(fresh: Collector) -> None:
    fresh.start(10)
    fresh.stop()
    fresh.append("start", {}, NOON + 60)
    fresh.change("UPDATE account SET documents = documents + 1")
    assert fresh.findings() == [CHANGED]


@pytest.mark.parametrize("moment", [NOON, NOON + 59, NOON - 86400])
def test_no_start_opens_a_minute_that_was_told_after_its_end(
    collector: Collector, moment: int
) -> None:
    collector.clock.advance(60)
    collector.deliver(1)
    collector.stop()
    collector.change(f"UPDATE account SET documents = documents + 1 WHERE start = {NOON}")
    assert collector.findings() == [CHANGED]
    collector.append("start", {}, moment)
    assert collector.findings() == [CHANGED]


def test_a_clock_that_was_put_back_meanwhile_opens_it_too(fresh: Collector) -> None:
    fresh.start(10)
    fresh.stop()
    fresh.clock.advance(-3600)
    fresh.start(3)
    assert (fresh.findings(), fresh.verified().open) == ([], 1)
    fresh.go_on(7200)
    assert (fresh.findings(), fresh.verified().minutes) == ([], 1)


def test_a_clock_that_was_put_back_meanwhile_adds_to_no_minute_that_was_closed(
    fresh: Collector,
) -> None:
    fresh.start(10)
    fresh.go_on(60)
    fresh.stop()
    fresh.clock.advance(-60)
    fresh.start(3)
    assert fresh.findings() == []
    fresh.go_on(120)
    assert (fresh.findings(), fresh.verified().minutes) == ([], 2)


def test_a_clock_that_is_put_back_when_a_minute_was_told_again_adds_nothing_to_it(
    fresh: Collector,
) -> None:
    fresh.start(10)
    fresh.stop()
    fresh.clock.advance(60)
    fresh.start()
    fresh.clock.advance(-60)
    fresh.deliver(3)
    assert fresh.findings() == []
    fresh.go_on(120)
    assert (fresh.findings(), fresh.verified().minutes) == ([], 2)


def test_a_closed_minute_that_is_told_again_by_a_clock_that_was_put_back_does_not_open(
    fresh: Collector,
) -> None:
    fresh.start(10)
    fresh.go_on(60)
    fresh.clock.advance(-60)
    series = Series("sentry", "event", "shop", "prod", "embedded:1")
    fresh.account.merge([(NOON, series, Figures(1, first=NOON, last=NOON))], {}, soon=True)
    fresh.account.write()
    fresh.stop()
    fresh.start()
    assert (fresh.findings(), fresh.verified().open) == ([], 0)
    fresh.change("UPDATE account SET documents = documents + 1")
    assert fresh.findings() == [CHANGED]


def test_an_end_that_does_not_come_to_its_end_is_made_good(
    fresh: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.start(10)
    append, add = fresh.journal.append, AccountStore.add
    left = 1  # changes of the account that the disk takes after the journal was told

    def tell(kind: EntryKind, body: dict[str, Any]) -> None:
        append(kind, body)
        monkeypatch.setattr(AccountStore, "add", add_or_fail)

    def add_or_fail(store: AccountStore, *what: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        add(store, *what)

    monkeypatch.setattr(fresh.account, "_record", tell)
    fresh.account.close()
    monkeypatch.undo()
    fresh.kill()
    fresh.start(3)
    assert fresh.findings() == []
    fresh.go_on(60)
    assert (fresh.findings(), fresh.verified().minutes) == ([], 1)
