"""The account: exact counts by the minute, estimates within their error, gaps that are told."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from abandoned import abandon
from distinct_values import distinct

from errlock.ledger.account import store
from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Counts, Delivered, Withheld
from errlock.ledger.account.figures import Figures, Series
from errlock.ledger.account.minutes import closed_minute
from errlock.ledger.account.reconciling import reconcile
from errlock.ledger.account.store import DAY, HOUR, MINUTE, AccountStore, Row
from errlock.ledger.code.tables import NameKey, Place, Shown
from errlock.ledger.journal.journal import Journal
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.ledger.options import AccountOptions
from errlock.ledger.sqlite_file import check_version
from errlock.pipeline.cli import main
from errlock.pipeline.options import Duration

NOON = 1_790_000_000 // DAY * DAY + 12 * HOUR


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


class Book:
    """An account, its clock and its journal."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.path = folder / "ledger.db"
        self.clock = Clock()
        self.journal: list[tuple[str, Mapping[str, Any]]] = []
        self.options = AccountOptions(**{k: Duration(v) for k, v in options.items()})
        self.account = self.opened()

    def opened(self) -> Account:
        self.account = Account(self.path, self.options, self._record, self.clock)
        self.account.write()
        return self.account

    @property
    def store(self) -> AccountStore:
        assert self.account._store is not None
        return self.account._store

    def _record(self, kind: str, body: Mapping[str, Any]) -> None:
        self.journal.append((kind, body))

    def deliver(
        self,
        documents: int = 1,
        *lines: Line,
        destination: str = "sentry",
        subjects: Iterable[int] = (),
        **origin: str,
    ) -> None:
        items = {"event": Items(documents, documents * 100, list(subjects))}
        manifest = Manifest(
            origin.get("service", "shop"), origin.get("environment", "prod"), items, list(lines)
        )
        data = msgspec.msgpack.encode(manifest)
        self.account.book(Delivered(destination, "errors:1", data, {"event": documents}))

    def rows(self) -> list[Row]:
        self.account.write()
        store = AccountStore.to_read(self.path)
        rows = store.rows(0, 2**40)
        store.close()
        return rows

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        return [body for each, body in self.journal if each == kind]


@pytest.fixture
def open_book() -> Iterator[Callable[..., Book]]:
    with ExitStack() as opened:

        def open_(folder: Path, **options: str) -> Book:
            made = Book(folder, **options)
            opened.callback(lambda: abandon(made.account))
            return made

        yield open_


@pytest.fixture
def book(open_book: Callable[..., Book], tmp_path: Path) -> Book:
    return open_book(tmp_path)


def mail(documents: int, occurrences: int, *values: int, form: str = "removed") -> Line:
    return Line("event", "pii.email", form, "email", documents, occurrences, list(values))


def test_documents_and_findings_are_booked_by_the_minute(book: Book) -> None:
    book.clock.now = NOON + 10.5
    book.deliver(3, mail(2, 5, 1, 2), subjects=[1, 2])
    book.clock.now = NOON + 59.75
    book.deliver(1, mail(1, 1, 2), subjects=[2])
    book.clock.now = NOON + 60
    book.deliver(2)
    found = [
        (row.start - NOON, row.series.class_, row.series.form, row.figures.documents,
         row.figures.occurrences, row.figures.size, row.figures.first - NOON,
         row.figures.last - NOON, distinct([row.figures]).middle)
        for row in book.rows()
    ]  # fmt: skip
    assert found == [
        (0, "", "", 4, 0, 400, 10.5, 59.75, 2),
        (0, "pii.email", "removed", 3, 6, 0, 10.5, 59.75, 2),
        (60, "", "", 2, 0, 200, 60.0, 60.0, 0),
    ]


def test_no_document_can_say_that_it_stands_for_more_than_the_account_can_hold(book: Book) -> None:
    for _ in range(2):
        data = msgspec.msgpack.encode(
            Manifest("shop", "prod", {"event": Items(1, 100, [], sampled=2**63)})
        )
        book.account.book(Delivered("sentry", "errors:1", data, {"event": 1}))
        [row] = book.rows()
    assert row.figures.documents == 2
    assert row.figures.sampled == 2 * 10**9


def test_writing_in_between_changes_nothing(open_book: Callable[..., Book], tmp_path: Path) -> None:
    dice = random.Random(1)
    (tmp_path / "other").mkdir()
    one, two = open_book(tmp_path), open_book(tmp_path / "other")
    for book, often in ((one, 1.0), (two, 0.0)):
        dice.seed(7)
        for step in range(60):
            book.clock.now = NOON + step * 3
            book.deliver(1, mail(1, 2, dice.randrange(50), form=dice.choice(["clear", "removed"])))
            if often:
                book.account.write()
    first, second = one.rows(), two.rows()
    assert [row[:3] for row in first] == [row[:3] for row in second]
    for a, b in zip(first, second, strict=True):
        assert (a.figures.documents, a.figures.occurrences) == (
            b.figures.documents,
            b.figures.occurrences,
        )
        assert a.figures.sketch == b.figures.sketch


def test_a_minute_that_has_passed_is_told_to_the_journal_once(book: Book) -> None:
    book.deliver(3, mail(2, 5, 1))
    book.deliver(1, destination="otlp")
    book.account.write()
    assert book.told("minute") == []
    book.clock.now += 61
    book.account.write()
    book.account.write()
    [minute] = book.told("minute")
    assert minute["minute"] == NOON
    assert minute["rows"] == 3
    assert minute["destinations"] == {
        "otlp": {"documents": 1, "occurrences": 0, "bytes": 100},
        "sentry": {"documents": 3, "occurrences": 5, "bytes": 300},
    }
    rows = [row for row in book.rows() if row.start == NOON]
    assert closed_minute(NOON, rows) == minute


def test_a_clock_that_was_put_back_opens_no_closed_minute(book: Book) -> None:
    book.deliver()
    book.clock.now += 61
    book.deliver()
    book.account.write()
    book.clock.now -= 61
    book.deliver()
    assert [(row.start - NOON, row.figures.documents) for row in book.rows()] == [(0, 1), (60, 2)]


def test_the_last_minute_is_told_at_the_end_and_again_when_it_went_on(book: Book) -> None:
    book.deliver()
    book.account.close()
    assert [minute["destinations"]["sentry"]["documents"] for minute in book.told("minute")] == [1]
    book.opened()
    book.deliver()
    book.clock.now += 61
    book.account.write()
    assert [minute["destinations"]["sentry"]["documents"] for minute in book.told("minute")] == [
        1,
        2,
    ]
    assert book.told("gap") == []


def test_an_account_that_was_not_closed_is_a_gap(book: Book) -> None:
    book.deliver()
    book.account.write()
    book.deliver()  # never written
    abandon(book.account)
    book.clock.now += 5
    book.opened()
    assert book.told("gap") == [
        {
            "what": "the account may lack what was delivered last",
            "since": "2026-09-21T12:00:00Z",
            "until": "2026-09-21T12:00:05Z",
        }
    ]


def test_what_nobody_noted_is_a_gap(book: Book) -> None:
    book.account.book(Delivered("sentry", "errors:1", b"", {"event": 3, "log": 1}))
    book.account.write()
    book.account.write()
    [gap] = book.told("gap")
    assert (gap["documents"], gap["why"]) == (4, ["nobody noted what was in them"])
    assert [
        (row.series.type, row.series.service, row.figures.documents) for row in book.rows()
    ] == [
        ("event", "unknown", 3),
        ("log", "unknown", 1),
    ]


def test_what_cannot_be_written_is_kept_and_written_later(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    book.deliver(1, mail(1, 1, 1))
    blocker = sqlite3.connect(book.path, isolation_level=None)
    book.store._db.execute("PRAGMA busy_timeout=0")
    blocker.execute("BEGIN IMMEDIATE")
    book.account.write()
    book.deliver(1, mail(1, 1, 2))
    book.account.write()
    blocker.execute("ROLLBACK")
    blocker.close()
    documents, emails = book.rows()
    assert documents.figures.documents == 2
    assert emails.figures.occurrences == 2
    assert distinct([emails.figures]).middle == 2
    assert [record.getMessage() for record in caplog.records] == [
        "the account cannot be written: another process has it locked",
        "the account is written again",
    ]


def test_a_rotten_sketch_is_damage_like_any_other(book: Book) -> None:
    book.deliver(1, subjects=[1])
    book.account.write()
    with book.store._transaction():
        book.store._db.execute("UPDATE account SET sketch = x'00ff'")
    book.deliver(2, subjects=[2])
    book.account.write()
    assert [body["what"] for body in book.told("gap")] == ["a damaged account"]
    (row,) = book.rows()
    assert row.figures.documents == 2


def test_nothing_that_a_write_fails_of_ends_the_account(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    book.deliver(1)
    book.account.write()
    with book.store._transaction():
        book.store._db.execute("UPDATE account SET documents = 'hunter22correct'")
    book.deliver(2)
    book.account.write()
    book.account.close()
    assert "the account cannot be written: TypeError" in caplog.text
    assert "hunter22correct" not in caplog.text


def test_a_dimension_has_at_most_256_words(book: Book) -> None:
    for number in range(300):
        book.deliver(service=f"s{number}", environment=f"e{number % 2}")
    rows = book.rows()
    services = Counter(row.series.service for row in rows)
    assert len(services) == 257
    assert sum(row.figures.documents for row in rows if row.series.service == "other") == 44
    assert {row.series.environment for row in rows} == {"e0", "e1"}
    book.account.close()
    book.opened()
    book.deliver(service="one-more")
    assert "one-more" not in {row.series.service for row in book.rows()}


def test_old_minutes_become_hours_and_days_with_the_same_sums(
    open_book: Callable[..., Book], tmp_path: Path
) -> None:
    book = open_book(tmp_path, minutes="2h", hours="2d", keep="30d")
    dice = random.Random(3)
    values: set[int] = set()
    documents = occurrences = 0
    book.clock.now = NOON - 5 * DAY
    for step in range(2000):
        book.clock.now += 210
        line = [dice.randrange(2**60) for _ in range(dice.randrange(1, 4))]
        values.update(line)
        documents += 1
        occurrences += len(line)
        book.deliver(1, mail(1, len(line), *line))
        if step % 40 == 0:
            book.account.write()
    book.account.write()
    book.account._tidied = 0.0
    rows = book.rows()
    assert {row.span for row in rows} == {MINUTE, HOUR, DAY}
    now = book.clock.now
    assert min(row.start for row in rows if row.span == MINUTE) >= now - 3 * HOUR - MINUTE
    assert min(row.start for row in rows if row.span == HOUR) >= now - 3 * DAY - HOUR
    mails = [row.figures for row in rows if row.series.class_]
    assert sum(row.figures.documents for row in rows if not row.series.class_) == documents
    assert sum(figures.occurrences for figures in mails) == occurrences
    found, low, high = distinct(mails)
    assert low <= len(values) <= high
    assert found == pytest.approx(len(values), rel=0.05)


def test_what_is_too_old_is_forgotten(open_book: Callable[..., Book], tmp_path: Path) -> None:
    book = open_book(tmp_path, minutes="1h", hours="2h", keep="3d")
    book.deliver(service="old")
    book.clock.now += 5 * DAY
    book.deliver(service="new")
    book.account.write()
    book.account._tidied = 0.0
    assert {row.series.service for row in book.rows()} == {"new"}
    assert book.store.labels("service") == {"new"}


def test_a_file_that_cannot_be_had_is_asked_for_again(
    open_book: Callable[..., Book], tmp_path: Path
) -> None:
    book = open_book(tmp_path / "later")
    book.deliver(2)
    book.account.write()
    book.path.parent.mkdir()
    assert [row.figures.documents for row in book.rows()] == [2]
    assert book.journal == []


def test_a_damaged_file_is_set_aside_and_told(book: Book) -> None:
    book.deliver()
    book.account.close()
    damaged = b"no database" * 1000
    book.path.write_bytes(damaged)
    book.opened()
    book.deliver(3)
    assert [row.figures.documents for row in book.rows()] == [3]
    [gap] = book.told("gap")
    assert gap["what"] == "a damaged account"
    assert (book.path.parent / gap["file"]).read_bytes() == damaged


def test_the_file_is_its_owners_alone(book: Book) -> None:
    book.deliver()
    book.account.write()
    assert [path.stat().st_mode & 0o077 for path in book.path.parent.glob("ledger.db*")] == [0] * 3


MINUTES = 240


def kept(tmp_path: Path, keep: str = "90d") -> tuple[Path, Path]:
    """A journal and an account of four hours; of the oldest ones, hours are left."""
    journal = Journal(tmp_path / "journal")
    clock = Clock()
    options = AccountOptions(minutes=Duration("1h"), hours=Duration("1h"), keep=Duration(keep))
    account = Account(tmp_path / "ledger.db", options, journal.append, clock)
    for _ in range(MINUTES):
        for destination in ("sentry", "otlp"):
            items = {"event": Items(2, 200, unjudged=20, sampled=6000)}
            data = msgspec.msgpack.encode(Manifest("shop", "prod", items, [mail(1, 3, 7)]))
            account.book(Delivered(destination, "errors:1", data, {"event": 2}))
            lost = Delivered(destination, "errors:1", data, {"event": 1}, "perhaps", "expired")
            account.book(lost)
            account.withhold(Withheld(destination, "errors:1", data, {("event", "sampled"): 6}))
        clock.now += 60
        account.write()
    account._tidied = 0.0
    account.write()
    account.close()
    journal.close()
    return tmp_path / "journal", tmp_path / "ledger.db"


@pytest.mark.parametrize("most", [0, 2000, 1 << 24])
def test_minutes_are_told_when_all_that_was_delivered_in_them_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    add = Counts.add

    def add_slowly(counts: Counts, *what: Any) -> None:
        time.sleep(0.0005)
        add(counts, *what)

    monkeypatch.setattr(Counts, "add", add_slowly)
    monkeypatch.setattr("errlock.ledger.account.waiting._MOST", most)
    seconds = count(NOON, 7)
    journal = Journal(tmp_path / "journal")
    path = tmp_path / "ledger.db"
    account = Account(path, AccountOptions(), journal.append, lambda: float(next(seconds)))
    data = msgspec.msgpack.encode(Manifest("shop", "prod", {"event": Items(1, 100)}))

    def deliver() -> None:
        for _ in range(50):
            account.book(Delivered("sentry", "errors:1", data, {"event": 1}))

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        account.write()
    account.close()
    journal.close()
    with closing(AccountStore.to_read(path)) as store:
        assert store.documents(NOON, 2**40, "sentry") == 200
    assert reconcile(tmp_path / "journal", path).findings == []


def test_the_end_waits_for_a_write_that_goes_on(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()
    add = AccountStore.add

    def add_late(store: AccountStore, rows: Any, *others: Any) -> None:
        if rows:
            began.set()
            assert go_on.wait(20)
        add(store, rows, *others)

    monkeypatch.setattr(AccountStore, "add", add_late)
    book.deliver(3)
    writer, closer = (
        threading.Thread(target=do) for do in (book.account.write, book.account.close)
    )
    writer.start()
    assert began.wait(20)
    closer.start()
    closer.join(0.2)
    assert closer.is_alive()
    go_on.set()
    writer.join(20)
    closer.join(20)
    with closing(AccountStore.to_read(book.path)) as store:
        assert store.documents(NOON, 2**40, "sentry") == 3
    assert book.account._store is None


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal and an account of four hours."""
    folder = tmp_path_factory.mktemp("untouched")
    kept(folder)
    return folder


def copied(folder: Path, to: Path) -> tuple[Path, Path]:
    """Copies of them, to be changed."""
    for name in ("journal", "ledger.db"):
        shutil.copy(folder / name, to)
    return to / "journal", to / "ledger.db"


TAMPERINGS = {
    "a changed count": "UPDATE account SET documents = documents + 1 WHERE span = 60 AND start ="
    " (SELECT max(start) FROM account) AND series = 1",
    "a changed sketch": "UPDATE account SET sketch = x'0201' WHERE span = 60 AND series = 2",
    "a deleted row": "DELETE FROM account WHERE span = 60 AND series = 3",
    "a deleted minute": "DELETE FROM account WHERE start ="
    " (SELECT start FROM account WHERE span = 60 ORDER BY start LIMIT 1 OFFSET 20)",
    "an added minute": "INSERT INTO account SELECT span, start + 7, series, documents, occurrences,"
    " bytes, unjudged, sampled, first, last, sketch FROM account WHERE span = 60 LIMIT 1",
    "text said to be judged": "UPDATE account SET unjudged = 0 WHERE span = 60 AND series = 1",
    "another weight": "UPDATE account SET sampled = sampled + 1 WHERE span = 60 AND series = 1",
    "delivered for perhaps": "UPDATE series SET outcome = 'delivered' WHERE outcome = 'perhaps'",
    "perhaps for withheld": "UPDATE series SET outcome = 'perhaps' WHERE outcome = 'withheld'",
    "another reason": "UPDATE series SET reason = 'filtered' WHERE reason = 'sampled'",
    "less withheld": "DELETE FROM account WHERE span = 60 AND series IN"
    " (SELECT id FROM series WHERE outcome = 'withheld')",
    "less withheld in an hour": "UPDATE account SET documents = documents - 1 WHERE span = 3600"
    " AND series IN (SELECT id FROM series WHERE outcome = 'withheld')",
    "less perhaps in an hour": "UPDATE account SET occurrences = 0 WHERE span = 3600"
    " AND series IN (SELECT id FROM series WHERE outcome = 'perhaps' AND class <> '')",
    "text said to be judged in an hour": "UPDATE account SET unjudged = 0 WHERE span = 3600",
    "another weight in an hour": "UPDATE account SET sampled = 0 WHERE span = 3600",
    "another destination": "UPDATE series SET destination = 'local' WHERE id = 1",
    "a changed hour": "UPDATE account SET bytes = bytes - 1 WHERE span = 3600 AND series = 1",
    "a deleted hour": "DELETE FROM account WHERE span = 3600 AND start ="
    " (SELECT min(start) FROM account WHERE span = 3600)",
}


@pytest.mark.parametrize(("keep", "forgotten"), [("90d", 0), ("2h", 120)])
def test_an_account_that_nobody_touched_is_what_the_journal_says(
    tmp_path: Path, keep: str, forgotten: int
) -> None:
    found = reconcile(*kept(tmp_path, keep))
    assert found.findings == []
    assert (found.minutes, found.forgotten) == (MINUTES, forgotten)


@pytest.mark.parametrize("sql", TAMPERINGS.values(), ids=TAMPERINGS)
def test_an_account_that_was_changed_is_not_what_the_journal_says(
    tmp_path: Path, untouched: Path, sql: str
) -> None:
    journal, account = copied(untouched, tmp_path)
    with sqlite3.connect(account) as db:
        assert db.execute(sql).rowcount > 0
    db.close()
    assert reconcile(journal, account).findings != []


def test_the_command_compares_the_account_too(
    tmp_path: Path, untouched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, account = copied(untouched, tmp_path)
    assert main(["exposure", "verify", "--journal", str(journal)]) == 0
    assert "\naccount: 240 minutes compared with what the journal says\n" in capsys.readouterr().out
    with sqlite3.connect(account) as db:
        db.execute(TAMPERINGS["a changed count"])
    db.close()
    assert main(["exposure", "verify", "--journal", str(journal)]) == 1
    assert "is not as the journal says: it was changed" in capsys.readouterr().out
    account.write_bytes(b"no database" * 100)
    assert main(["exposure", "verify", "--journal", str(journal)]) == 1
    told = "\nthe account cannot be read: it is no file of errlock's, or damaged\n"
    assert told in capsys.readouterr().out


def test_a_series_of_a_transaction_that_failed_is_not_taken_for_another(tmp_path: Path) -> None:
    store = AccountStore.to_write(tmp_path / "ledger.db")
    one, other = (Series(name, "event", "shop", "prod", "p") for name in ("one", "other"))
    broken = Figures(documents=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.add([(MINUTE, one, Figures(1)), (MINUTE, other, broken)], {})
    store.add([(MINUTE, other, Figures(2))], {})
    store.add([(MINUTE, one, Figures(3))], {})
    rows = store.rows(0, 2**40)
    assert {row.series.destination: row.figures.documents for row in rows} == {"other": 2, "one": 3}
    store.close()


def test_names_of_what_could_not_be_committed_are_not_taken_for_others(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: the last step of a change fails."""
    store = AccountStore.to_write(tmp_path / "ledger.db")

    def add(name: str, documents: int) -> None:
        row = (MINUTE, Series("sentry", "event", name, "prod", "p"), Figures(documents))
        place, key = Place(0, "sentry", name, "prod"), NameKey("package", name, "1.0")
        store.add([row], {}, [(place, key, Shown(documents, 1.0, 1.0))])

    add("first", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(sqlite3.OperationalError):
            add("alpha", 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    add("beta", 100)
    add("alpha", 20)
    expected = {"first": 1, "beta": 100, "alpha": 20}
    rows = store.rows(0, 2**40)
    assert {each.series.service: each.figures.documents for each in rows} == expected
    named = store.code.rows(None, 0, 2**40)
    assert {(each.service, each.name.name): each.shown.documents for each in named} == {
        (name, name): documents for name, documents in expected.items()
    }
    store.close()


@pytest.mark.parametrize("gone", ["-wal", ""], ids=["its WAL", "the file"])
def test_a_file_that_was_deleted_is_opened_again_and_told(
    open_book: Callable[..., Book], tmp_path: Path, gone: str
) -> None:
    before = open_book(tmp_path)
    before.deliver(1)
    before.account.close()
    book = open_book(tmp_path)
    book.deliver(2)
    book.account.write()
    book.path.with_name(f"ledger.db{gone}").unlink()
    book.deliver(4)
    book.account.write()
    told = [each["what"] for each in book.told("gap")]
    booked = sum(row.figures.documents for row in book.rows() if not row.series.class_)
    assert book.path.exists()
    if gone:
        assert (booked, told) == (7, ["the account may lack what was delivered last"])
    else:
        new = "a new account was begun: what was booked before is not in it"
        assert (booked, told) == (4, ["a deleted or replaced account", new])


def test_an_account_whose_wal_was_lost_with_the_process_has_a_gap(book: Book) -> None:
    book.account.close()
    book.opened()
    book.deliver()
    book.account.write()
    abandon(book.account)  # which leaves what a kill -9 does
    book.path.with_name("ledger.db-wal").unlink(missing_ok=True)
    book.opened()
    assert [each["what"] for each in book.told("gap")] == [
        "the account may lack what was delivered last"
    ]


def test_a_new_account_beside_a_journal_of_before_is_a_gap(book: Book) -> None:
    began = "2026-01-01T00:00:00Z"
    path = book.path.with_name("other.db")
    account = Account(path, book.options, book._record, book.clock, began=began)
    account.write()
    account.close()
    [gap] = book.told("gap")
    assert (gap["since"], gap["until"]) == (began, "2026-09-21T12:00:00Z")


def test_a_file_that_there_was_no_room_for_is_no_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    monkeypatch.setattr(store, "CODE_SCHEMA", "SELECT no_room;")
    with pytest.raises(sqlite3.Error):
        AccountStore.to_write(path)
    monkeypatch.undo()
    check_version(path, store.VERSION)
    AccountStore.to_write(path).close()
