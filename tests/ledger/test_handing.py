"""An application's own account: bounded, never in the way, handed over once and whole."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

import msgspec
import pytest
from still_clock import StillClock

from errlock.ledger.account.counting import Delivered, Withheld
from errlock.ledger.code.sections import Mention, pack
from errlock.ledger.embedded import handing, waiting_code
from errlock.ledger.embedded.handing import EmbeddedAccount, NotTaken, Unacceptable
from errlock.ledger.embedded.handover import (
    MOST_NAMES,
    MOST_ROWS,
    HandedName,
    HandedRow,
    HandOver,
    decoded,
    encoded,
)
from errlock.ledger.exposed import Learnt
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.pipeline.control.endpoints import ENDPOINTS
from errlock.policy.keyring.pseudonyms import new_key

POLICY = "embedded:0123456789abcdef"


class Place:
    """Takes what it is told to take."""

    def __init__(self) -> None:
        self.taken: list[HandOver] = []
        self.refuses: Exception | None = None
        self.forgets_to_answer = False
        self.arrived = threading.Event()

    def take(self, handover: HandOver, timeout: float) -> None:
        if self.refuses is not None:
            raise self.refuses
        handover = decoded(encoded(handover))  # within the bounds that the other side sets
        if handover.number not in {each.number for each in self.taken}:
            self.taken.append(handover)
        self.arrived.set()
        if self.forgets_to_answer:
            raise NotTaken("the answer was lost")

    def documents(self) -> int:
        return sum(r.documents for each in self.taken for r in each.rows if not r.class_)

    def names(self) -> dict[tuple[str, str], int]:
        """Documents of each name of code, by service."""
        found: Counter[tuple[str, str]] = Counter()
        for handover in self.taken:
            for each in handover.code:
                found[each.service, each.name] += each.documents
        return dict(found)


class ByHand(EmbeddedAccount):
    """Hands over when it is told to, and only then."""

    def _begin(self) -> None:
        self._thread = threading.current_thread()  # so that `close` hands over, too


def account(place: Place, **more: Any) -> EmbeddedAccount:
    clock = more.pop("clock", StillClock(1_000_000.0))
    return ByHand(place, "shop", clock=clock.now, **{"every": 3600, **more})


def delivered(
    documents: int = 1,
    values: tuple[int, ...] = (),
    service: str = "unknown",
    **more: Any,
) -> Delivered:
    items = {"event": Items(documents, 100 * documents, [7])}
    lines = [Line("event", "pii.email", "removed", "email", documents, documents, list(values))]
    manifest = msgspec.msgpack.encode(Manifest(service, "prod", items, lines))
    return Delivered("sentry", POLICY, manifest, {"event": documents}, **more)


def learnt(*code: Mention, documents: int = 1) -> Learnt:
    return Learnt({("event", piece): documents for each in code for piece in pack([each])})


def test_rows_are_added_up_by_minute_and_series_and_told_once() -> None:
    place, clock = Place(), StillClock(1_000_000.0)
    mine = account(place, clock=clock)
    mine.book(delivered(2, (1, 2)))
    mine.book(delivered(3, (2,)))
    clock.advance(60)
    mine.book(delivered(1, service="billing"))
    assert mine.flush(5)
    rows = [row for each in place.taken for row in each.rows]
    found = {(row.minute, row.service, row.class_): row for row in rows}
    assert len(found) == len(rows) == 4
    first = found[999_960, "shop", ""]
    assert (first.documents, first.bytes, dict(first.values)) == (5, 500, {7: 2})
    mails = found[999_960, "shop", "pii.email"]
    assert (mails.documents, mails.occurrences, dict(mails.values)) == (5, 5, {1: 1, 2: 2})
    assert found[1_000_020, "billing", ""].documents == 1
    assert mine.flush(5)
    assert place.documents() == 6


def test_the_first_booking_is_handed_over_at_once() -> None:
    place = Place()
    mine = EmbeddedAccount(place, "shop", every=3600)
    mine.book(delivered())
    assert place.arrived.wait(30)
    assert mine.close(5)
    assert [each.ended for each in place.taken][-1]


def test_what_is_booked_meanwhile_waits_for_the_next_hand_over_but_at_the_end() -> None:
    class Busy(Place):
        def take(self, handover: HandOver, timeout: float) -> None:
            super().take(handover, timeout)
            if len(self.taken) < 5:
                mine.book(delivered())

    place = Busy()
    mine = account(place)
    mine.book(delivered())
    assert mine.flush(60)
    assert len(place.taken) == 1
    assert mine.close(60)
    assert place.documents() == len(place.taken) == 5
    assert place.taken[-1].ended


def test_a_lost_answer_is_asked_for_with_the_same_number_and_rows() -> None:
    place = Place()
    place.forgets_to_answer = True
    mine = account(place)
    mine.book(delivered(2))
    assert not mine.flush(5)
    mine.book(delivered(3))
    assert not mine.flush(5)
    assert place.documents() == 2
    place.forgets_to_answer = False
    assert mine.flush(5)
    assert place.documents() == 5
    assert len({each.number for each in place.taken}) == len(place.taken)


def test_memory_is_bounded_and_what_there_is_no_room_for_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing, "_MOST_WAITING_ROWS", 20)
    monkeypatch.setattr(handing, "_MOST_WAITING_VALUES", 10)
    place, clock = Place(), StillClock(1_000_000.0)
    place.refuses = NotTaken("nobody is there")
    mine = account(place, clock=clock)
    for number in range(30):
        mine.book(delivered(1, (number,)))
        clock.advance(60)
    place.refuses = None
    assert mine.flush(5)
    missing = [each.missing for each in place.taken if each.missing is not None]
    assert place.documents() + sum(each.documents for each in missing) == 30
    assert place.documents() == 10
    kept = sum(len(row.values) for each in place.taken for row in each.rows)
    assert kept == 10
    assert sum(each.values for each in missing) == 10  # the other twenty went with their documents
    assert min(each.since for each in missing) >= 1_000_000.0


def test_what_is_refused_for_good_is_told_as_missing() -> None:
    place = Place()
    place.refuses = Unacceptable("invalid (HTTP 400)")
    mine = account(place)
    mine.book(delivered(4))
    mine.flush(1)
    place.refuses = None
    assert mine.flush(5)
    assert sum(each.missing.documents for each in place.taken if each.missing) == 4


def test_a_child_process_has_an_account_of_its_own_and_the_parent_keeps_its() -> None:
    place = Place()
    place.refuses = NotTaken("nobody is there")
    mine = account(place)
    mine.book(delivered(4))
    read, write = os.pipe()
    if os.fork() == 0:
        place.refuses = None
        mine.book(delivered(1))
        done = mine.flush(20)
        ids = {each.process for each in place.taken}
        os.write(write, f"{place.documents()} {done} {len(ids)} {min(ids)}".encode())
        os._exit(0)
    os.wait()
    *told, child = os.read(read, 1000).decode().split()
    assert told == ["1", "True", "1"]
    place.refuses = None
    assert mine.flush(5)
    assert place.documents() == 4
    assert {each.process for each in place.taken} - {child} == {place.taken[0].process}


def test_what_nobody_noted_is_missing_and_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place()
    mine = account(place, key=new_key())
    mine.book(Delivered("sentry", POLICY, b"hunter22correct", {"event": 3}))
    mine.book(delivered())
    assert mine.flush(5)
    assert sum(each.missing.documents for each in place.taken if each.missing) == 3
    assert "hunter22" not in caplog.text


def test_what_does_not_leave_is_told_with_its_reason() -> None:
    place = Place()
    mine = account(place)
    manifest = msgspec.msgpack.encode(Manifest("billing", "prod", {}))
    lost: dict[Any, int] = {("event", "filtered"): 2, ("event", "sampled"): 3}
    mine.withhold(Withheld("sentry", POLICY, manifest, lost))
    mine.withhold(Withheld("sentry", POLICY, b"", {("log", "processor_failed"): 1}))
    mine.withhold(Withheld("sentry", POLICY, manifest, {}))
    assert mine.flush(5)
    found = {(row.service, row.type, row.outcome, row.reason): row.documents
             for each in place.taken for row in each.rows}  # fmt: skip
    assert found == {
        ("billing", "event", "withheld", "filtered"): 2,
        ("billing", "event", "withheld", "sampled"): 3,
        ("shop", "log", "withheld", "processor_failed"): 1,
    }


DJANGO = Mention("package", "django", "4.2.1")
FILES = tuple(Mention("file", f"shop/a{n}.py", "own", (n, n + 1)) for n in range(30))


def test_names_of_code_are_added_up_until_they_are_handed_over() -> None:
    place, clock = Place(), StillClock(1_000_000.0)
    mine = account(place, clock=clock)
    shown = Mention("file", "shop/a.py", "own", (3, 5))
    mine.book(delivered(2), learnt(DJANGO, shown, documents=2))
    clock.advance(30)
    shown = Mention("file", "shop/a.py", "own", (9, 10))
    mine.book(delivered(3), learnt(DJANGO, shown, documents=3))
    perhaps = delivered(1, service="billing", outcome="perhaps", reason="unclear")
    mine.book(perhaps, learnt(DJANGO))
    assert mine.flush(5)
    found = {(each.service, each.name): each for handed in place.taken for each in handed.code}
    assert len(found) == 3
    django, file = found["shop", "django"], found["shop", "shop/a.py"]
    assert (django.destination, django.environment) == ("sentry", "prod")
    assert (django.kind, django.detail, django.documents) == ("package", "4.2.1", 5)
    assert (django.first, django.last) == (1_000_000.0, 1_000_030.0)
    assert file.lines == (3, 5, 9, 10)
    assert found["billing", "django"].documents == 1
    mine.book(delivered(4), learnt(DJANGO, documents=4))
    assert mine.flush(5)
    assert place.names()["shop", "django"] == 9


def test_names_of_code_wait_and_are_handed_over_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_code, "MOST_NAMES", 8)
    place = Place()
    place.forgets_to_answer = True
    mine = account(place)
    mine.book(delivered(2), learnt(*FILES, documents=2))
    assert not mine.flush(5)
    mine.book(delivered(3), learnt(*FILES, documents=3))
    assert not mine.flush(5)
    place.forgets_to_answer = False
    assert mine.close(5) is True
    assert place.names() == {("shop", each.name): 5 for each in FILES}
    assert len({each.number for each in place.taken}) == len(place.taken)
    assert [each.ended for each in place.taken[-2:]] == [False, True]
    assert all(len(each.code) <= 8 for each in place.taken)


def test_many_lines_take_several_hand_overs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_code, "MOST_BORDERS", 10)
    place = Place()
    mine = account(place)
    mine.book(delivered(), learnt(*FILES))
    assert mine.flush(5)
    assert len(place.names()) == len(FILES)
    assert {len(each.code) for each in place.taken} == {5}


def test_code_that_there_is_no_room_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_code, "_MOST_BYTES", 300)
    place = Place()
    mine = account(place)
    mine.book(delivered(2), learnt(*FILES, documents=2))
    assert mine.flush(5)
    (missing,) = [each.missing for each in place.taken if each.missing is not None]
    assert (missing.documents, missing.values, missing.names) == (0, 0, len(FILES))
    assert 0 < len(place.names()) < len(FILES)
    assert place.documents() == 2


def test_code_that_is_refused_for_good_is_told_as_missing() -> None:
    place = Place()
    place.refuses = Unacceptable("invalid (HTTP 400)")
    mine = account(place)
    mine.book(delivered(4), learnt(DJANGO, documents=4))
    mine.flush(1)
    place.refuses = None
    assert mine.flush(5)
    (missing,) = [each.missing for each in place.taken if each.missing is not None]
    assert (missing.documents, missing.names) == (4, 1)
    assert place.names() == {}


def test_the_largest_hand_over_fits_what_a_collector_reads() -> None:
    text, number = "x" * 64, 2**31 - 1
    name = HandedName(
        "a" * 32 + "/" + "b" * 31, text, text, "exception", "n" * 402, "d" * 240, number,
        1e10 + 1 / 3, 1e10 + 1 / 3,
    )  # fmt: skip
    lined = msgspec.structs.replace(name, lines=(65_536,) * 2000)
    code = [lined] * 10 + [name] * (MOST_NAMES - 10)
    row = HandedRow(
        minute=60, destination=name.destination, type=text, service=text, environment=text,
        policy="embedded:0123456789abcdef", class_=text, form="pseudonym:e1", detector=text,
        documents=number, occurrences=number, bytes=2**39, first=name.first, last=name.last,
    )  # fmt: skip
    full = msgspec.structs.replace(row, values=dict.fromkeys(range(-(2**63), 20_000 - 2**63), 9))
    handover = HandOver(
        process="a" * 32, number=1, service=text, every=60, made=1.0,
        rows=[full] + [row] * (MOST_ROWS - 1), code=code,
    )  # fmt: skip
    data = encoded(handover)
    assert decoded(data) == handover
    (endpoint,) = [each for each in ENDPOINTS if each.path == "/v1/account"]
    assert len(data) < endpoint.largest
