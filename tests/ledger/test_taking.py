"""A collector takes what embedded pipelines hand over: once, bounded, and never at its word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from abandoned import abandon
from taking_book import MINUTE, NOW, ROW, Book, handed

from errlock.ledger.account.reading import volume, withheld
from errlock.ledger.account.reconciling import reconcile
from errlock.ledger.embedded import budgets, taking
from errlock.ledger.embedded.budgets import TooMuch
from errlock.ledger.embedded.handover import decoded, encoded
from errlock.ledger.embedded.taking import NOTE


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.end()


def test_a_hand_over_is_booked_once_however_often_it_comes(book: Book) -> None:
    first = book.taking.take(by="shop", handover=handed(1))
    again = book.taking.take(by="shop", handover=handed(1))
    assert not first.done()
    assert again is first  # answered only when it is on disk
    book.clock.advance(6)
    book.account.write()
    assert first.done()
    book.take(handed(2))
    book.end()
    book.begin()  # after a restart, too
    assert book.taking.take(by="shop", handover=handed(2)).done()
    book.take(handed(3))
    assert book.documents() == 3


def test_what_comes_late_is_in_its_own_minute_and_the_journal_agrees(book: Book) -> None:
    book.take(handed(1))
    book.clock.advance(600)
    book.take(handed(2))
    book.take(handed(3, rows=[{**ROW, "minute": MINUTE + 300}]))
    book.clock.advance(120)
    book.account.write()
    assert [row.start for row in book.rows()] == [MINUTE, MINUTE + 300]
    found = reconcile(book.folder / "journal", book.folder / "ledger.db")
    assert (found.findings, found.minutes) == ([], 2)


def test_a_crash_before_the_journal_knows_is_made_good(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.take(handed(1))
    book.clock.advance(600)
    book.account.write()
    done = book.taking.take(by="shop", handover=handed(2))

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(book.account, "_record", fails)
    book.clock.advance(6)
    book.account.write()
    assert done.done()  # it is in the account
    abandon(book.account)
    book.journal.close()
    book.begin()
    assert reconcile(book.folder / "journal", book.folder / "ledger.db").findings == []
    assert book.documents() == 2


def test_times_that_cannot_be_are_moved_to_the_nearest_minute_that_can(book: Book) -> None:
    future = {**ROW, "minute": MINUTE + 86400, "last": NOW + 86400}
    past = {**ROW, "minute": 60, "first": 60.0, "service": "old"}
    book.take(handed(1, rows=[future, past]))
    old, new = sorted(book.rows(), key=lambda row: row.start)
    assert new.start == MINUTE
    assert new.figures.last <= book.clock.now()
    assert NOW - 7 * 86400 < old.start < NOW - 6 * 86400
    assert old.figures.first == 60.0


def test_labels_pass_the_same_door_as_those_of_documents(book: Book) -> None:
    token = "ghp_9aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"
    book.take(
        handed(
            rows=[{**ROW, "service": token, "environment": "<b>", "type": "no such"}],
            service=token,
            name=token,
        )
    )
    (row,) = book.rows()
    series = row.series
    assert (series.service, series.environment, series.type) == ("other", "other", "other")
    stored = b"".join(p.read_bytes() for p in book.folder.iterdir())
    assert token.encode() not in stored


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy": "errors:0123456789abcdef"},
        {"policy": "embedded:0123456789abcdef\n"},
        {"destination": "Sentry <b>"},
        {"documents": -1},
        {"documents": 2**40},
        {"bytes": 2**62},
        {"form": "pseudonym:anything"},
        {"detector": "a b"},
        {"outcome": "lost"},
        {"minute": 61},
        {"first": -1},
        {"values": {"1": 0}},
        {"values": {str(2**64): 1}},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_not_even_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        handed(rows=[{**ROW, **wrong}])


def test_a_hostile_client_meets_a_budget_and_labels_that_end(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(budgets.BUDGETS, "rows", 1000)
    words = [f"{first}{second}" for first in "abcdefghijklmnopqrst" for second in "abcdefghij"]
    book.take(handed(1, rows=[{**ROW, "service": word} for word in words]))
    services = {row.series.service for row in book.rows()}
    assert len(services) == taking._MOST_LABELS + 1
    assert "other" in services
    assert book.documents() == len(words)
    with pytest.raises(TooMuch):
        book.taking.take(by="shop", handover=handed(2, rows=[ROW] * 900))
    with pytest.raises(TooMuch):
        book.taking.take(
            by="shop",
            handover=handed(
                2, rows=[{**ROW, "destination": f"sentry/{number}"} for number in range(70)]
            ),
        )
    missing = {"documents": 1, "values": 1, "since": NOW}
    monkeypatch.setitem(budgets.BUDGETS, "losses", 1)
    book.take(handed(2, rows=[], missing=missing))
    with pytest.raises(TooMuch):
        book.taking.take(by="shop", handover=handed(3, rows=[], missing=missing))
    # Others' tokens have budgets of their own, and their processes are others.
    book.taking.take(by="billing", handover=handed(1, rows=[ROW] * 900))
    book.clock.advance(3600)
    book.take(handed(3, rows=[ROW] * 900))
    assert book.documents() == len(words) + 1800


def test_new_processes_have_a_budget(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(budgets.BUDGETS, "processes", 3)
    for letter in "abc":
        book.taking.take(by="shop", handover=handed(process=letter))
    with pytest.raises(TooMuch):
        book.taking.take(by="shop", handover=handed(process="d"))
    book.taking.take(by="shop", handover=handed(2, process="a"))


def test_one_that_falls_silent_is_a_gap_by_service_and_told_when_it_returns(book: Book) -> None:
    book.take(handed(1))
    book.take(handed(1, process="b", ended=True))
    book.clock.advance(180)
    book.taking.look()
    assert book.told("gap") == []
    book.clock.advance(60)
    book.taking.look()
    book.taking.look()
    (gap,) = book.told("gap")
    assert (gap["service"], gap["process"], gap["name"]) == ("shop", "a" * 12, "pod-7")
    assert gap["since"] == "2025-11-26T12:00:30Z"
    book.take(handed(2))
    states = [(each["state"], each["process"][0]) for each in book.told("process")]
    assert states == [("began", "a"), ("began", "b"), ("returned", "a")]


def test_a_collector_that_was_away_waits_before_it_calls_anybody_silent(book: Book) -> None:
    book.take(handed(1))
    book.end()
    book.clock.advance(7200)
    book.begin()
    book.clock.advance(180)
    book.taking.look()
    assert book.told("gap") == []
    book.clock.advance(60)
    book.taking.look()
    assert [gap["service"] for gap in book.told("gap")] == ["shop"]


def test_those_that_ended_are_forgotten_after_days(book: Book) -> None:
    book.take(handed(1, ended=True))
    book.clock.advance(9 * 86400)
    book.taking.look()
    book.clock.advance(6)
    book.account.write()
    assert book.account.embedded(NOTE)[0] == {}


def test_what_a_process_lost_is_told(book: Book) -> None:
    missing = {"documents": 12, "values": 3, "since": NOW - 600}
    book.take(handed(1, rows=[], missing=missing))
    (gap,) = book.told("gap")
    assert (gap["service"], gap["documents"], gap["values"]) == ("shop", 12, 3)
    assert gap["since"] < gap["until"]


def test_what_waits_is_written_at_the_end(book: Book) -> None:
    done = book.taking.take(by="shop", handover=handed(1))
    book.account.close()
    assert done.done()
    assert book.documents() == 1


def test_bounds_do_not_stand_in_the_way_of_what_is_as_large_as_it_may_be() -> None:
    values = {str(number): 1 for number in range(20_000)}
    rows = [{**ROW, "values": values}, *[ROW] * 1999]
    assert decoded(encoded(handed(rows=rows))) == handed(rows=rows)


def test_the_same_answer_serves_all_who_wait(book: Book) -> None:
    async def asked() -> None:
        futures = [
            asyncio.wrap_future(book.taking.take(by="shop", handover=handed(1))) for _ in range(3)
        ]
        book.clock.advance(6)
        await asyncio.to_thread(book.account.write)
        await asyncio.gather(*futures)

    asyncio.run(asked())
    assert book.documents() == 1


def test_what_did_not_leave_an_application_is_withheld_with_its_reason(book: Book) -> None:
    lost = {**ROW, "outcome": "withheld", "reason": "sampled", "documents": 7, "bytes": 0}
    book.take(handed(rows=[ROW, lost]))
    rows = book.rows()
    assert withheld(rows) == {("event", "sampled"): 7}
    assert volume(rows).documents == 1
