"""The journal tells of each day of code, so that whoever changes one afterwards is found out."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from abandoned import abandon
from code_event import EVENT, deliver, sent

from errlock.ledger.account.account import Account
from errlock.ledger.account.reconciling import Reconciled, reconcile
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.code.tables import DAY, MONTH
from errlock.ledger.exposed import Learner
from errlock.ledger.journal.entries import EntryKind
from errlock.ledger.journal.journal import Journal, JournalFailed, read
from errlock.ledger.options import AccountOptions
from errlock.pipeline.cli import main
from errlock.pipeline.options import Duration
from errlock.pipeline.payloads.envelope import Envelope

BEGIN = 1_790_000_000 // MONTH * MONTH
DAYS = 40  # the first thirty are joined


@cache
def payload() -> Envelope:
    return sent(EVENT)


class Book:
    """An account by a clock that is set by hand, with a real journal."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder = folder
        self.now = float(BEGIN)
        self.failing: set[str] = set()  # kinds that the journal refuses
        self.open(**options)

    def open(self, **options: str) -> None:
        self.options = AccountOptions(**{k: Duration(v) for k, v in options.items()})
        self.journal = Journal(self.folder / "journal")
        self.account = Account(
            self.folder / "ledger.db",
            self.options,
            self._record,
            lambda: self.now,
            learner=Learner(CodeReader()),
        )
        self.account.write()

    def _record(self, kind: EntryKind, body: Mapping[str, Any]) -> None:
        if kind in self.failing:
            raise JournalFailed(28, "No space left on device")
        self.journal.append(kind, body)

    def deliver(self, documents: int = 1) -> None:
        for destination in ("sentry", "otlp"):
            deliver(self.account, payload(), destination, {"event": documents})

    def days(self, number: int) -> None:
        """Something is delivered at noon of each."""
        for _ in range(number):
            self.now += DAY / 2
            self.deliver()
            self.account.write()
            self.now += DAY / 2
            self.account.write()

    def tidy(self) -> None:
        self.account._tidied = 0.0
        self.account.write()

    def close(self) -> None:
        self.account.close()
        self.journal.close()

    def abandon(self) -> None:
        abandon(self.account)
        self.journal.close()

    def told(self) -> list[tuple[int, int]]:
        """Days after the beginning, and of how many days."""
        entries = [each.body for each in read(self.folder / "journal") if each.kind == "code"]
        return [((body["start"] - BEGIN) // DAY, body["days"]) for body in entries]

    def compared(self) -> Reconciled:
        return reconcile(self.folder / "journal", self.folder / "ledger.db")


@pytest.fixture
def open_book(tmp_path: Path) -> Iterator[Callable[..., Book]]:
    with ExitStack() as opened:

        def open_(**options: str) -> Book:
            made = Book(tmp_path, **options)
            opened.callback(made.abandon)
            return made

        yield open_


@pytest.fixture
def book(open_book: Callable[..., Book]) -> Book:
    return open_book()


def changed(folder: Path, sql: str) -> None:
    with sqlite3.connect(folder / "ledger.db") as db:
        assert db.execute(sql).rowcount > 0
    db.close()


def test_a_day_is_told_when_it_has_passed_and_once(book: Book) -> None:
    book.now += DAY - 60
    book.deliver()
    book.account.write()
    assert book.told() == []
    book.now += 60
    book.deliver()
    for _ in range(3):
        book.account.write()
    assert book.told() == [(0, 1)]
    book.close()
    book.open()
    assert book.told() == [(0, 1)]
    found = book.compared()
    assert (found.days, found.findings) == (1, [])


def test_a_day_after_which_nobody_wrote_is_told_when_the_next_one_begins(book: Book) -> None:
    book.deliver()
    book.close()
    book.now += 5 * DAY
    book.open()
    assert book.told() == [(0, 1)]


def test_a_clock_that_is_put_back_adds_to_no_day_that_is_closed(book: Book) -> None:
    book.days(2)
    book.deliver()
    book.now -= DAY
    book.deliver()
    book.account.write()
    book.now += 2 * DAY
    book.account.write()
    assert book.told() == [(0, 1), (1, 1), (2, 1)]
    assert book.compared().findings == []


def test_what_the_journal_refuses_is_told_later(book: Book) -> None:
    book.failing = {"code"}
    book.days(40)
    book.tidy()
    assert book.told() == []
    book.failing = set()
    book.tidy()
    assert book.told() == [(day, 1) for day in range(40)]
    assert book.compared().findings == []


def test_days_that_cannot_be_told_joined_stay_days(book: Book) -> None:
    book.days(DAYS)
    book.close()
    book.failing = {"code"}
    book.open(hours="5d")
    book.tidy()
    assert book.compared().days == 40
    # As after a crash: the journal was told, and then they were not joined.
    book.journal.append("code", {"start": BEGIN, "days": 30, "sha256": "", "documents": {}})
    assert [each.text for each in book.compared().findings] == [
        "code: 2026-09-04 and the 29 days after it has other sums than its days had"
    ]
    book.failing = set()
    book.tidy()
    found = book.compared()
    assert (found.days, found.findings) == (40, [])


def test_an_account_from_before_is_told_when_it_is_opened(
    open_book: Callable[..., Book], tmp_path: Path
) -> None:
    book = open_book(hours="5d")
    book.days(DAYS)
    book.tidy()
    book.close()
    (tmp_path / "journal").unlink()
    changed(tmp_path, "DELETE FROM meta WHERE name = 'closed_days'")
    book.open()
    assert book.told() == [(0, 30), *((day, 1) for day in range(30, 40))]
    assert [each for each in book.compared().findings if each.text.startswith("code")] == []


@pytest.mark.parametrize(("keep", "days"), [("1000d", 40), ("36d", 40), ("6d", 6)])
def test_days_are_joined_and_forgotten_as_the_journal_says(
    open_book: Callable[..., Book], keep: str, days: int
) -> None:
    book = open_book(hours="5d", keep=keep)
    book.days(DAYS)
    book.tidy()
    found = book.compared()
    assert (found.days, found.findings) == (days, [])


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty days joined, ten days, and one that is not closed."""
    folder = tmp_path_factory.mktemp("untouched")
    book = Book(folder, hours="5d")
    book.days(DAYS)
    book.tidy()
    book.deliver()
    book.close()
    return folder


LAST = f"start = {BEGIN + (DAYS - 1) * DAY}"
COLUMNS = "destination, service, environment, name, documents, first, last, lines"
TAMPERINGS = {
    "fewer documents": f"UPDATE code SET documents = documents + 1 WHERE {LAST} AND name = 1",
    "earlier": f"UPDATE code SET first = first - 1 WHERE {LAST} AND name = 1",
    "later": f"UPDATE code SET last = last + 1 WHERE {LAST} AND name = 1",
    "other lines": f"UPDATE code SET lines = x'920102' WHERE {LAST} AND lines IS NOT NULL",
    "no lines": f"UPDATE code SET lines = NULL WHERE {LAST} AND lines IS NOT NULL",
    "a count that is none": f"UPDATE code SET documents = 'x' WHERE {LAST} AND name = 1",
    "another destination": f"UPDATE code SET destination = 'local' WHERE {LAST}"
    " AND destination = 'otlp'",
    "another service": f"UPDATE code SET service = 'cart' WHERE {LAST}",
    "another name": "UPDATE code_names SET name = 'flask' WHERE name = 'django'",
    "another version": "UPDATE code_names SET detail = '4.2.2' WHERE name = 'django'",
    "a deleted row": f"DELETE FROM code WHERE {LAST} AND name = 1",
    "a deleted name": "DELETE FROM code_names WHERE name = 'django'",
    "a deleted day": f"DELETE FROM code WHERE {LAST}",
    "a deleted month": f"DELETE FROM code WHERE span = {MONTH}",
    "everything deleted": "DELETE FROM code",
    "a row in a month": f"DELETE FROM code WHERE span = {MONTH} AND name = 1",
    "a count in a month": f"UPDATE code SET documents = 1 WHERE span = {MONTH} AND name = 1",
    "a row added": f"INSERT INTO code SELECT span, start, 'local', {COLUMNS[13:]} FROM code"
    f" WHERE {LAST} AND name = 1 AND destination = 'otlp'",
    "a day added": f"INSERT INTO code SELECT span, start - {20 * DAY}, {COLUMNS} FROM code"
    f" WHERE {LAST}",
    "a month added": f"INSERT INTO code SELECT span, start - {MONTH}, {COLUMNS} FROM code"
    f" WHERE span = {MONTH}",
    "a day for a month": f"UPDATE code SET span = {DAY} WHERE span = {MONTH}",
    "of no day": f"INSERT INTO code SELECT 7, {10**17}, {COLUMNS} FROM code WHERE {LAST}",
    "of no number": f"INSERT INTO code SELECT 'x', 'y', {COLUMNS} FROM code WHERE {LAST}",
}


def test_what_nobody_touched_is_as_the_journal_says(untouched: Path) -> None:
    found = reconcile(untouched / "journal", untouched / "ledger.db")
    assert (found.days, found.findings) == (DAYS, [])


@pytest.mark.parametrize("sql", TAMPERINGS.values(), ids=TAMPERINGS)
def test_what_was_changed_is_not_as_the_journal_says(
    tmp_path: Path, untouched: Path, sql: str
) -> None:
    for name in ("journal", "ledger.db"):
        shutil.copy(untouched / name, tmp_path)
    changed(tmp_path, sql)
    found = reconcile(tmp_path / "journal", tmp_path / "ledger.db")
    assert found.findings != []
    assert all(each.text.startswith("code: ") for each in found.findings)


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM code WHERE start = {BEGIN + 3 * DAY}",
        f"UPDATE code SET documents = documents + 1 WHERE start = {BEGIN + 3 * DAY}",
    ],
)
def test_a_day_that_was_changed_before_it_was_joined_is_found_out(book: Book, sql: str) -> None:
    book.days(DAYS)
    book.close()
    changed(book.folder, sql)
    book.open(hours="5d")
    book.tidy()
    assert [each.text for each in book.compared().findings] == [
        "code: 2026-09-04 and the 29 days after it has other sums than its days had"
    ]


def test_the_command_says_so(
    tmp_path: Path, untouched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("journal", "ledger.db"):
        shutil.copy(untouched / name, tmp_path)
    command = ["exposure", "verify", "--journal", str(tmp_path / "journal")]
    assert main(command) == 0
    assert "\naccount: 40 days of code as the journal says\n" in capsys.readouterr().out
    changed(tmp_path, TAMPERINGS["a deleted row"])
    assert main([*command, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["text"] for each in told["findings"]] == [
        "code: 2026-10-13 is not as the journal says: it was changed"
    ]
