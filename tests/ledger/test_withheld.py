"""The account of what did not leave, of what may have, and of what could not be judged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from toy_ledger import ToyLedger

from errlock.ledger.account.account import Account
from errlock.ledger.account.counting import Delivered, Withheld
from errlock.ledger.account.reading import of_outcomes, volume, withheld
from errlock.ledger.account.store import AccountStore, Row
from errlock.ledger.keeping import Ledger
from errlock.ledger.manifest import Items, Line, Manifest
from errlock.ledger.options import AccountOptions, LedgerOptions
from errlock.ledger.sqlite_file import OtherVersion
from errlock.pipeline.cli import main
from errlock.pipeline.options import Secret
from errlock.policy.keyring.pseudonyms import new_key

LINE = Line("event", "pii.email", "clear", "email", 2, 3)


def manifest(documents: int, *lines: Line, unjudged: int = 0, sampled: int = 0) -> bytes:
    items = {"event": Items(documents, documents * 100, unjudged=unjudged, sampled=sampled)}
    return msgspec.msgpack.encode(Manifest("shop", "prod", items, list(lines)))


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path / "ledger.db", AccountOptions(), lambda *_: None)


def rows(account: Account) -> list[Row]:
    account.close()
    store = AccountStore.to_read(account._path)
    found = store.rows(0, 2**40)
    store.close()
    return found


def test_certainly_so_many_perhaps_more_and_the_rest_did_not_leave(account: Account) -> None:
    data = manifest(4, LINE, unjudged=40)
    account.book(Delivered("sentry", "errors:1", data, {"event": 4}))
    account.book(Delivered("sentry", "errors:1", data, {"event": 1}, "refused", "invalid"))
    account.book(Delivered("sentry", "errors:1", data, {"event": 2}, "perhaps", "expired"))
    lost = {("event", "sampled"): 5, ("unknown", "unsupported"): 1}
    account.withhold(Withheld("sentry", "errors:1", data, lost))  # type: ignore[arg-type]
    found = rows(account)
    total = volume(found)
    assert (total.documents, total.refused, total.perhaps) == (5, 1, 2)
    assert (total.size, total.unjudged) == (700, 70)
    assert withheld(found) == {("event", "sampled"): 5, ("unknown", "unsupported"): 1}
    perhaps = of_outcomes(found, "perhaps")
    assert [(row.series.class_, row.figures.occurrences) for row in perhaps] == [
        ("", 0),
        ("pii.email", 3),
    ]
    assert {row.series.service for row in of_outcomes(found, "withheld")} == {"shop"}
    assert {row.series.outcome for row in of_outcomes(found)} == {"delivered", "refused"}


def test_what_nobody_has_read_is_withheld_from_an_unknown_service(account: Account) -> None:
    account.withhold(Withheld("sentry", "errors:1", b"", {("event", "purged"): 3}))
    [row] = rows(account)
    assert (row.series.service, row.series.environment) == ("unknown", "unknown")
    assert (row.series.outcome, row.series.reason, row.figures.documents) == (
        "withheld",
        "purged",
        3,
    )


def test_volumes_can_be_scaled_back(account: Account) -> None:
    account.book(Delivered("sentry", "errors:1", manifest(2, sampled=6000), {"event": 2}))
    account.book(Delivered("sentry", "errors:1", manifest(1), {"event": 1}))
    total = volume(rows(account))
    assert (total.documents, total.before_sampling) == (3, 9.0)


@pytest.mark.parametrize(("version", "age"), [(0, "an older"), (1, "an older"), (99, "a newer")])
async def test_a_file_of_another_errlock_is_refused(tmp_path: Path, version: int, age: str) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE account (span INTEGER)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    ledger = Ledger(tmp_path, LedgerOptions())
    expected = f"was written by {age} errlock \\(version {version}\\): move it elsewhere"
    with pytest.raises(OtherVersion, match=expected):
        await ledger.open({})
    with pytest.raises(OtherVersion):
        AccountStore.to_read(path)


async def test_needles_of_another_errlock_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(key := new_key())
    ledger = Ledger(tmp_path / "store", LedgerOptions(key=Secret(key)))
    await ledger.open({})
    await ledger.close()
    path = tmp_path / "store/needles.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    told = "needles.db: was written by a newer errlock (version 99): move it elsewhere"
    with pytest.raises(OtherVersion, match="newer"):
        await Ledger(tmp_path / "store", LedgerOptions(key=Secret(key))).open({})
    (tmp_path / ".env").write_text("KEY=8f3b6c02d41a9e77\n")
    asked = ["--storage", str(tmp_path / "store"), "--key-file", str(tmp_path / "key")]
    assert main(["exposure", "search", *asked, "--inventory", str(tmp_path / ".env")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("action", ["code", "report"])
def test_an_account_that_a_full_disk_left_empty_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    ledger = ToyLedger(tmp_path)
    ledger.deliver(2)
    ledger.close()
    (tmp_path / "ledger.db").write_bytes(b"")
    asked = {
        "code": ["--storage", str(tmp_path)],
        "report": ["--storage", str(tmp_path), "--destination", "sentry"],
    }
    assert main(["exposure", action, *asked[action]]) == 2
    shown = capsys.readouterr()
    assert "ledger.db: cannot be read" in shown.err
    assert "nothing is in it" in shown.err
    assert not shown.out
    # For who asks whether all is as it was, that is the answer.
    assert main(["exposure", "verify", "--journal", str(tmp_path / "journal")]) == 1
    assert "\nthe account cannot be read: nothing is in it\n" in capsys.readouterr().out
