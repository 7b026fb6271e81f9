"""What embedded pipelines disclosed of their code is in a collector's account: once, and apart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from code_event import EVENT, deliver, rows, sent
from taking_book import NAME, NOW, Book, handed

from errlock.ledger.account.reconciling import reconcile
from errlock.ledger.account.store import DAY, AccountStore
from errlock.ledger.code import tables
from errlock.ledger.embedded import budgets
from errlock.ledger.embedded.budgets import TooMuch


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.end()


def named(name: str) -> list[Any]:
    return [*NAME[:4], name, *NAME[5:]]


def packages(book: Book) -> dict[str, int]:
    return {each.name: each.documents for each in rows(book.folder / "ledger.db")}


def days(book: Book) -> list[int]:
    store = AccountStore.to_read(book.folder / "ledger.db")
    found = [start for _, start in store.code.spans()]
    store.close()
    return sorted(found)


def test_names_are_booked_once_and_apart_from_what_the_collector_delivered(book: Book) -> None:
    deliver(book.account, sent(EVENT))
    file = ["sentry", "shop", "prod", "file", "shop/a.py", "own", 1, NOW - 9, NOW - 5, [3, 8]]
    for _ in range(2):
        book.take(handed(1, code=[NAME, file]))
    book.take(handed(2, code=[NAME]))
    book.end()
    book.begin()  # after a restart, too
    assert book.taking.take(by="shop", handover=handed(2, code=[NAME])).done()
    found = {
        (each.service, each.name): each
        for each in rows(book.folder / "ledger.db")
        if each.name in ("django", "shop/a.py")
    }
    assert set(found) == {
        ("7", "django"), ("embedded:shop", "django"), ("embedded:shop", "shop/a.py"),
    }  # fmt: skip
    theirs = found["embedded:shop", "django"]
    assert (theirs.documents, theirs.detail, theirs.environment) == (4, "4.2.1", "prod")
    assert (theirs.first, theirs.last) == (NOW - 20, NOW - 10)
    assert found["7", "django"].documents == 1
    assert found["embedded:shop", "shop/a.py"].lines == (3, 8)


def test_what_comes_after_its_day_is_booked_on_the_open_one_with_its_own_times(book: Book) -> None:
    book.take(handed(1, code=[NAME]))
    book.clock.advance(3 * DAY)
    book.account.write()  # the first day is closed
    book.take(handed(2, code=[NAME, named("flask")]))
    book.clock.advance(DAY)
    book.account.write()
    assert [start // DAY - int(NOW) // DAY for start in days(book)] == [0, 3]
    found = reconcile(book.folder / "journal", book.folder / "ledger.db")
    assert (found.findings, found.days) == ([], 2)
    then = rows(book.folder / "ledger.db", NOW - 60, NOW)
    assert {each.name: each.documents for each in then} == {"django": 4, "flask": 2}


def test_a_clock_that_was_put_back_adds_to_no_closed_day(book: Book) -> None:
    book.take(handed(1, code=[NAME]))
    book.clock.advance(DAY)
    book.account.write()
    book.clock.advance(-DAY)
    book.take(handed(2, code=[NAME]))
    assert [start // DAY - int(NOW) // DAY for start in days(book)] == [0, 1]
    assert reconcile(book.folder / "journal", book.folder / "ledger.db").findings == []


def test_what_cannot_be_written_is_written_later_and_once(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.take(handed(1, code=[NAME]))
    add = AccountStore.add

    def fails(self: AccountStore, *arguments: Any) -> None:
        with monkeypatch.context() as patch:  # within the transaction, when names are in it
            patch.setattr(tables.CodeTables, "add", _added_and_failed)
            add(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(AccountStore, "add", fails)
        done = book.taking.take(by="shop", handover=handed(2, code=[NAME]))
        book.clock.advance(6)
        book.account.write()
        assert not done.done()
    later = book.taking.take(by="shop", handover=handed(3, code=[NAME, named("flask")]))
    book.clock.advance(6)
    book.account.write()
    assert (done.done(), later.done()) == (True, True)
    assert packages(book) == {"django": 6, "flask": 2}
    assert book.documents() == 3


_add = tables.CodeTables.add


def _added_and_failed(self: tables.CodeTables, shown: Any) -> None:
    _add(self, shown)
    raise sqlite3.OperationalError("disk I/O error")


def test_an_older_hand_over_has_no_names(book: Book) -> None:
    book.take(handed(1))
    assert packages(book) == {}
    assert book.documents() == 1


def test_no_token_comes_in_as_a_name(book: Book) -> None:
    token = "ghp_9aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"
    spoilt = [
        ["sentry", token, token, "package", token, token, 1, NOW, NOW],
        ["sentry", "shop", "prod", "file", f"/home/{token}/x.py", token, 1, NOW, NOW],
    ]
    book.take(handed(code=spoilt))
    found = {(each.service, each.name, each.detail) for each in rows(book.folder / "ledger.db")}
    assert found == {("embedded:other", "other", ""), ("embedded:shop", "other", "")}
    stored = b"".join(path.read_bytes() for path in book.folder.iterdir())
    assert token.encode() not in stored


@pytest.mark.parametrize(
    ("at", "wrong"),
    [(0, "Sentry <b>"), (3, "secret"), (4, "x" * 403), (6, -1), (7, -1), (9, [-1, 5]),
     (9, [1, 70_000]), (9, [1] * 2001)],
    ids=str,
)  # fmt: skip
def test_what_is_out_of_bounds_is_not_even_read(at: int, wrong: Any) -> None:
    name = [*NAME, []]
    name[at] = wrong
    with pytest.raises(msgspec.ValidationError):
        handed(code=[name])
    with pytest.raises(msgspec.ValidationError):
        handed(code=[NAME] * 2001)


def test_names_have_a_budget(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(budgets.BUDGETS, "different names", 2)
    book.take(handed(1, code=[NAME, named("flask")]))
    book.take(handed(2, code=[NAME, named("flask")]))
    with pytest.raises(TooMuch, match="different names"):
        book.taking.take(by="shop", handover=handed(3, code=[named("jinja")]))
    others = [[f"sentry/{n}", *NAME[1:]] for n in range(65)]
    monkeypatch.setitem(budgets.BUDGETS, "different names", 100)
    with pytest.raises(TooMuch, match="destinations"):
        book.taking.take(by="shop", handover=handed(3, code=others))


def test_half_of_the_names_are_kept_for_the_collector(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_NAMES", 6)
    book.take(handed(1, code=[named(f"lib-{letter}") for letter in "abcdef"]))
    assert set(packages(book)) == {"lib-a", "lib-b", "lib-c", "other"}
    deliver(book.account, sent({"modules": {"lib-d": "4.2.1", "mine": "1.0"}}))
    book.account.write()
    assert set(packages(book)) == {"lib-a", "lib-b", "lib-c", "other", "lib-d", "mine"}


def test_half_of_the_rows_of_a_day_are_kept_for_the_collector(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 6)
    book.take(handed(1, code=[named(f"lib-{letter}") for letter in "abcdef"]))
    assert set(packages(book)) == {"lib-a", "lib-b", "lib-c", "other"}
    deliver(book.account, sent({"modules": {"lib-d": "4.2.1"}}))
    book.account.write()
    assert "lib-d" in packages(book)


def test_what_a_process_lost_of_its_code_is_told(book: Book) -> None:
    missing = {"documents": 0, "values": 0, "names": 7, "since": NOW - 600}
    book.take(handed(1, rows=[], missing=missing))
    (gap,) = book.told("gap")
    assert (gap["service"], gap["documents"], gap["names"]) == ("shop", 0, 7)


def test_a_ledger_that_keeps_counts_only_takes_no_names(book: Book) -> None:
    book.end()
    book.begin(code=False)
    book.take(handed(1, code=[NAME]))
    assert packages(book) == {}
    assert book.documents() == 1
