"""How far back needles answer: "not found" is worth no more than the record of what left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from toy_ledger import NOON, ToyLedger

from errlock.ledger.account.store import DAY, HOUR
from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE
from errlock.ledger.needles.store import NeedleStore
from errlock.ledger.needles.word_filters import FreshWords
from errlock.ledger.search.coverage import Window
from errlock.ledger.search.searching import search
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()


def kept_twice(folder: Path, key: str = KEY) -> None:
    """A collector ran for an hour with needles and words, and again after an hour."""
    ledger = ToyLedger(folder)
    ledger.wait(3 * HOUR)
    ledger.close()
    with closing(NeedleStore.to_write(folder / FILE)) as store:
        for begun in (NOON, NOON + 2 * HOUR):
            store.begin(NeedleKey(key), (), begun, words=True)
            store.add((), (), begun + HOUR, closed=True)


def nothing(storage: Path) -> None:
    assert storage.exists()


def of_another_version(storage: Path) -> None:
    with closing(sqlite3.connect(storage / "ledger.db")) as account:
        account.execute("PRAGMA user_version = 1")


def damaged(storage: Path) -> None:
    account = storage / "ledger.db"
    page = 4096
    content = account.read_bytes()
    account.write_bytes(content[:page] + b"\xaa" * (len(content) - page))


@pytest.mark.parametrize(
    ("happened", "gaps"),
    [
        (nothing, []),
        (lambda storage: (storage / "ledger.db").unlink(), ["no needles were kept"]),
        (of_another_version, ["no needles were kept"]),
        (damaged, ["no needles were kept"]),
        (lambda storage: (storage / "journal").unlink(), ["there is no journal to tell of gaps"]),
    ],
    ids=["nothing", "no account", "another version", "damaged account", "no journal"],
)
def test_what_cannot_be_read_is_no_all_clear(
    tmp_path: Path, happened: Callable[[Path], None], gaps: list[str]
) -> None:
    kept_twice(tmp_path)
    happened(tmp_path)
    found = search([tmp_path], [KEY], [Wanted("a", "zq7kd93mfh2lw0x8vbt")])
    assert [gap.what for gap in found.coverage[0].gaps] == gaps
    assert found.answers[0].verdict == ("not_found" if gaps else "absent")


def kept_while_it_left(folder: Path) -> None:
    """Documents leave at noon and two hours later, with needles and words all the time."""
    ledger = ToyLedger(folder)
    with closing(NeedleStore.to_write(folder / FILE)) as store:
        store.begin(NeedleKey(KEY), (), NOON, words=True)
        for _ in range(2):
            ledger.deliver(1)
            word = FreshWords(int(ledger.now) // DAY, "sentry", b"8 bytes!")
            store.add((), [word], ledger.now, closed=True)
            ledger.wait(2 * HOUR)
        store.add((), (), ledger.now, closed=True)
    ledger.close()


def put_back(storage: Path) -> None:
    """As they were when the first of two had left."""
    with closing(sqlite3.connect(storage / FILE)) as needles, needles:
        needles.execute("UPDATE kept SET until = ?", (NOON + 1,))


def of_another(storage: Path) -> None:
    """Those of a collector that was started later."""
    with closing(sqlite3.connect(storage / FILE)) as needles, needles:
        needles.execute("UPDATE kept SET since = ?", (NOON + HOUR,))


def put_back_with_the_account(storage: Path) -> None:
    put_back(storage)
    with closing(sqlite3.connect(storage / "ledger.db")) as account, account:
        account.execute("DELETE FROM account WHERE first > ?", (NOON + HOUR,))


def taken_out(storage: Path) -> None:
    with closing(sqlite3.connect(storage / FILE)) as needles, needles:
        needles.execute("DELETE FROM fresh_words")


@pytest.mark.parametrize(
    ("happened", "gaps"),
    [
        (nothing, []),
        (put_back, [("needles end before what left", 2), ("needles end before the journal", None)]),
        (put_back_with_the_account, [("needles end before the journal", None)]),
        (of_another, [("needles were not kept yet", 2)]),
        (taken_out, [("no word of what left is kept", 2)]),
    ],
    ids=["nothing", "an older copy", "older copies", "another's", "without words"],
)
def test_needles_that_do_not_fit_the_account_are_no_all_clear(
    tmp_path: Path, happened: Callable[[Path], None], gaps: list[tuple[str, int]]
) -> None:
    kept_while_it_left(tmp_path)
    happened(tmp_path)
    found = search([tmp_path], [KEY], [Wanted("a", "zq7kd93mfh2lw0x8vbt")])
    assert [(gap.what, gap.documents) for gap in found.coverage[0].gaps] == gaps
    assert found.answers[0].verdict == ("not_found" if gaps else "absent")


def test_what_applications_sent_themselves_has_no_words(tmp_path: Path) -> None:
    ledger = ToyLedger(tmp_path)
    with closing(NeedleStore.to_write(tmp_path / FILE)) as store:
        store.begin(NeedleKey(KEY), (), NOON, words=True)
        ledger.deliver(3, policy="embedded:1")
        ledger.wait(2 * HOUR)
        store.add((), (), ledger.now, closed=True)
    ledger.close()
    asked = [Wanted("a", "zq7kd93mfh2lw0x8vbt")]
    found = search([tmp_path], [KEY], asked)
    assert [(gap.what, gap.documents) for gap in found.coverage[0].gaps] == [
        ("applications sent it themselves: their words are not kept", 3)
    ]
    assert found.answers[0].verdict == "not_found"
    elsewhere = search([tmp_path], [KEY], asked, Window(frozenset(["other"])))
    assert elsewhere.answers[0].verdict == "absent"


def test_a_window_without_what_does_not_fit_is_clear(tmp_path: Path) -> None:
    kept_while_it_left(tmp_path)
    put_back(tmp_path)
    for window in (Window(frozenset(["other"])), Window(until=NOON + HOUR)):
        found = search([tmp_path], [KEY], [Wanted("a", "zq7kd93mfh2lw0x8vbt")], window)
        assert found.answers[0].verdict == "absent"


def test_one_of_several_whose_key_is_not_given_is_refused(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    kept_twice(folders[0])
    kept_twice(folders[1], other := new_key())
    asked = [Wanted("a", "zq7kd93mfh2lw0x8vbt")]
    with pytest.raises(OSError, match="has no needles under the keys that were given") as raised:
        search(folders, [KEY], asked)
    assert raised.value.filename == folders[1]
    assert search(folders, [KEY, other], asked).answers[0].verdict == "absent"
