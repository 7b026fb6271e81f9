"""How far back needles answer: "not found" is worth no more than the record of what left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from toy_ledger import NOON, ToyLedger

from errlock.ledger.account.store import HOUR
from errlock.ledger.inventory.wanted import Wanted
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE
from errlock.ledger.needles.store import NeedleStore
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
            store.begin(NeedleKey(key).id, (), begun, words=True)
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


def test_one_of_several_whose_key_is_not_given_is_refused(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    kept_twice(folders[0])
    kept_twice(folders[1], other := new_key())
    asked = [Wanted("a", "zq7kd93mfh2lw0x8vbt")]
    with pytest.raises(OSError, match="has no needles under the keys that were given") as raised:
        search(folders, [KEY], asked)
    assert raised.value.filename == folders[1]
    assert search(folders, [KEY, other], asked).answers[0].verdict == "absent"
