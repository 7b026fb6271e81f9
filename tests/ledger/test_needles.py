"""Needles: kept of what was delivered, found again with the key, told when they cannot be kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from abandoned import abandon

from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.needles.keys import GUESSABLE, NeedleKey, is_guessable, is_kept, shortened
from errlock.ledger.needles.needles import Needles
from errlock.ledger.needles.store import HOUR, Needle, NeedleSeries, NeedleStore
from errlock.ledger.options import NeedleOptions
from errlock.ledger.search.coverage import Window
from errlock.ledger.search.searching import search
from errlock.pipeline.options import Duration
from errlock.policy.classes import CLASSES
from errlock.policy.keyring.pseudonyms import new_key

NOON = 1_790_000_000 // HOUR * HOUR
KEY = new_key()
TOKEN = "sk-8f3b6c02d41a9e77"


class Book:
    """Needles, their journal, and what is found in them."""

    def __init__(self, folder: Path, key: str = KEY, **options: Any) -> None:
        self.path = folder / "needles.db"
        self.key = NeedleKey(key)
        self.journal: list[tuple[str, Mapping[str, Any]]] = []
        self.needles = Needles(
            self.path, key, NeedleOptions(**options), lambda *entry: self.journal.append(entry)
        )
        self.needles.write(NOON)

    def deliver(
        self, value: str, class_: str = "secret.token", form: str = "clear", *, at: float = NOON,
        destination: str = "sentry", service: str = "shop",
    ) -> None:  # fmt: skip
        fingerprint = self.key.fingerprint(class_, value)
        self.needles.note(NeedleSeries(destination, class_, form, service), [fingerprint], at)

    def found(self, value: str, class_: str = "secret.token", to: str = "sentry") -> list[Needle]:
        needles = self.key.needles(to, [self.key.fingerprint(class_, value)])
        store = NeedleStore.to_read(self.path)
        found = list(store.find(shortened(needles) if is_guessable(class_) else needles))
        store.close()
        return found


def test_a_value_is_found_with_first_and_last_hour_and_how_often(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for hour in (2, 0, 5):
        book.deliver(TOKEN, at=NOON + hour * HOUR + 59)
    book.deliver(TOKEN, form="removed", destination="otlp")
    book.needles.close(NOON + 6 * HOUR)
    hour = NOON // HOUR
    series = NeedleSeries("sentry", "secret.token", "clear", "shop")
    (found,) = book.found(TOKEN)
    assert found[1:] == (series, hour, hour + 5, 3)
    assert [each.series.form for each in book.found(TOKEN, to="otlp")] == ["removed"]
    assert book.found("sk-8f3b6c02d41a9e78") == []


def test_a_series_of_a_transaction_that_failed_is_not_taken_for_another(tmp_path: Path) -> None:
    store = NeedleStore.to_write(tmp_path / "needles.db")
    store.begin(NeedleKey("k"), (), NOON, words=False)
    one, other = (NeedleSeries(name, "secret.token", "clear", "shop") for name in ("one", "other"))
    broken = Needle(2, other, 0, 0, None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add([Needle(1, one, 0, 0, 1), broken], [], NOON)
    store.add([Needle(2, other, 0, 0, 1)], [], NOON)
    store.add([Needle(1, one, 0, 0, 1)], [], NOON)
    found = store.find(np.array([2, 1, 2]))
    assert {each.needle: each.series for each in found} == {1: one, 2: other}
    store.close()


def test_the_same_value_has_other_needles_at_another_destination_and_under_another_key() -> None:
    one, other = NeedleKey(KEY), NeedleKey(new_key())
    fingerprint, others = (key.fingerprint("secret.token", TOKEN) for key in (one, other))
    needles = [*one.needles("a", [fingerprint]), *one.needles("b", [fingerprint])]
    needles += [*other.needles("a", [others]), *other.needles("a", [fingerprint])]
    assert len({*needles, fingerprint, others}) == 6


def test_needles_made_in_another_way_count_as_of_another_key() -> None:
    """If this fails, what was kept so far is not found any more: change what the id is made of."""
    key = NeedleKey("k" * 40)
    fingerprint = key.fingerprint("pii.email", "A@b.example")
    assert (key.id, fingerprint) == ("4d2f5f30", 4694276591219933485)
    assert key.needles("sentry", [1, -2]).tolist() == [-2433214172905795467, 58109862468874016]


@pytest.mark.parametrize(
    "class_", ["secret.otp", "financial.cvv", "pii.dob", "pii.ip", "code.sql", "pii.location"]
)
def test_what_can_be_enumerated_gets_no_needle(tmp_path: Path, class_: str) -> None:
    book = Book(tmp_path, guessable=GUESSABLE)
    book.deliver("4711", class_)
    book.needles.close(NOON)
    assert book.found("4711", class_) == []
    assert class_ in CLASSES


def test_a_phone_number_gets_a_needle_that_many_share_and_only_when_asked(tmp_path: Path) -> None:
    for asked, expected in (((), 0), (("pii.phone",), 1)):
        folder = tmp_path / str(expected)
        folder.mkdir()
        book = Book(folder, guessable=asked)
        book.deliver("+44 20 7946 0958", "pii.phone")
        book.needles.close(NOON)
        found = book.found("+442079460958", "pii.phone")
        assert len(found) == expected
        assert all(0 <= each.needle < 2**24 for each in found)


def test_a_short_needle_of_one_destination_is_not_taken_for_one_of_another(tmp_path: Path) -> None:
    """It would be found by chance at every destination, and what is said counts only one."""
    book = Book(tmp_path, guessable=("pii.phone",))
    fingerprint = book.key.fingerprint("pii.phone", "+442079460958")
    (needle,) = shortened(book.key.needles("sentry", [fingerprint])).tolist()
    book.needles.close(NOON)
    store = NeedleStore.to_write(book.path)
    store.begin(book.key, (), NOON, words=False)
    for to, expected in (("otlp", "not_found"), ("sentry", "maybe")):
        series = NeedleSeries(to, "pii.phone", "clear", "shop")
        other = NeedleSeries("sentry", "pii.phone", "clear", "cart")
        store.add([Needle(needle, series, 0, 0, 1), Needle(needle + 1, other, 0, 0, 1)], [], NOON)
        (answer,) = search([tmp_path], [KEY], [Wanted("phone", "+442079460958")]).answers
        assert answer.verdict == expected
    store.close()


def test_what_several_collectors_saw_is_one_answer(tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in ("one", "other"))
    for folder, service, hour in ((one, "shop", 0), (other, "billing", 30)):
        folder.mkdir()
        book = Book(folder)
        book.deliver(TOKEN, service=service, at=NOON + hour * HOUR)
        book.deliver(TOKEN, service=service, at=NOON + hour * HOUR)
        book.deliver(f"{TOKEN}-{folder.name}", form="removed")
        book.needles.close(NOON + 40 * HOUR)
    wanted = [Wanted(name, f"{TOKEN}{name}") for name in ("", "-one", "-other", "-none")]
    found = search([one, other], [KEY], wanted)
    assert [each.verdict for each in found.answers] == ["sent", "removed", "removed", "not_found"]
    assert [each.storage for each in found.coverage] == [str(one), str(other)]
    (seen,) = found.answers[0].sightings
    assert (seen.services, seen.requests) == (("billing", "shop"), 4)
    assert (seen.first, seen.last) == (NOON // HOUR * HOUR, (NOON // HOUR + 30) * HOUR)
    late = Window(since=NOON + 20 * HOUR)
    (answer,) = search([one, other], [KEY], wanted[:1], late).answers
    assert [each.services for each in answer.sightings] == [("billing",)]


def test_what_one_of_several_collectors_keeps_nothing_of_is_not_known(tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in ("one", "other"))
    for folder, guessable in ((one, ("pii.phone",)), (other, ())):
        folder.mkdir()
        Book(folder, guessable=guessable).needles.close(NOON)
    wanted = [Wanted("phone", "+44 20 7946 0958")]
    for folders, expected in (([one], "not_found"), ([one, other], "not_kept")):
        (answer,) = search(folders, [KEY], wanted).answers
        assert answer.verdict == expected


def test_a_key_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.deliver(TOKEN)
    book.needles.close(NOON)
    (answer,) = search([tmp_path], [KEY, new_key(), KEY], [Wanted("token", TOKEN)]).answers
    assert [each.requests for each in answer.sightings] == [1]


def test_a_country_of_national_ids_is_as_guessable_as_all_of_them() -> None:
    assert not is_kept("pii.national_id.us", ())
    assert is_kept("pii.national_id.us", ("pii.national_id",))
    assert not is_kept("pii.national_id.us", ("pii.national_id.de",))
    assert is_kept("secret.api_key.stripe", ())


def test_what_is_too_old_is_forgotten_and_what_was_sent_again_is_not(tmp_path: Path) -> None:
    book = Book(tmp_path, keep=Duration("10d"))
    book.deliver(TOKEN)
    book.deliver("once-8f3b6c02d41a")
    book.needles.write(NOON + 1)
    later = NOON + 15 * 24 * HOUR
    book.deliver(TOKEN, at=later)
    book.needles.write(later)
    book.needles.write(later + 25 * HOUR)
    (found,) = book.found(TOKEN)
    assert (found.first, found.times) == (NOON // HOUR, 2)
    assert book.found("once-8f3b6c02d41a") == []
    store = NeedleStore.to_read(book.path)
    assert store.expired() == (later + 25 * HOUR - 10 * 24 * HOUR) // HOUR
    store.close()
    book.needles.close(later + 25 * HOUR)


def test_what_a_crash_may_have_lost_is_told(tmp_path: Path) -> None:
    crashed = Book(tmp_path)
    crashed.deliver(TOKEN)
    crashed.needles.write(NOON + 7)
    abandon(crashed.needles)
    again = Book(tmp_path)
    assert [kind for kind, _ in crashed.journal] == []
    (kind, body), = again.journal  # fmt: skip
    assert (kind, body["what"]) == ("gap", "needles of what was delivered last may be missing")
    assert body["since"] == "2026-09-21T14:00:07Z"
    again.needles.close(NOON + 9)
    last = Book(tmp_path)
    assert last.journal == []
    last.needles.close(NOON + 9)


def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.needles.close(NOON)
    book.path.write_bytes(b"x" * 5000)
    book = Book(tmp_path)
    assert book.journal[0][1]["what"] == "damaged needles"
    book.deliver(TOKEN)
    book.needles.close(NOON)
    assert len(book.found(TOKEN)) == 1
    assert (tmp_path / str(book.journal[0][1]["file"])).read_bytes() == b"x" * 5000


def test_too_many_words_are_told_and_the_others_are_found(tmp_path: Path) -> None:
    book = Book(tmp_path)
    words = np.arange(1000, dtype=np.int64)
    book.needles.words.note("sentry", words.tobytes(), 7, NOON)
    book.needles.close(NOON)
    assert [body for _, body in book.journal] == [
        {"what": "words that were too many to be kept", "words": 7}
    ]
    store = NeedleStore.to_read(book.path)
    needles = book.key.needles("sentry", words.tolist()).view(np.uint64)
    (seen,) = store.words.find("sentry", needles, 0, 2**31)
    assert seen.words.all()
    assert list(store.words.find("otlp", needles, 0, 2**31)) == []
    store.close()


def test_what_cannot_be_written_waits_and_what_is_too_much_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("errlock.ledger.needles.needles._MOST", 5000)
    path = tmp_path / "gone" / "needles.db"
    journal: list[Mapping[str, Any]] = []
    needles = Needles(path, KEY, NeedleOptions(), lambda _, body: journal.append(body))
    values = list(range(5000))
    series = NeedleSeries("a", "secret.token", "clear", "shop")
    needles.note(series, values, NOON)
    needles.note(series, [-1, -2], NOON)
    needles.write(NOON)
    path.parent.mkdir()
    needles.close(NOON)
    assert [(each["what"], each["values"]) for each in journal] == [
        ("needles that could not be written", 2)
    ]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM needles").fetchone() == (5000,)
