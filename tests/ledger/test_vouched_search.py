"""A search of a record that does not reach its head proves nothing, and says so."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from commanded import commanded
from toy_ledger import NOON, ToyLedger

from errlock.ledger.account.store import DAY, HOUR, MINUTE
from errlock.ledger.journal.entries import Head
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE
from errlock.ledger.needles.store import NeedleStore
from errlock.ledger.needles.word_filters import FreshWords
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()
UNSENT = "zq7kd93mfh2lw0x8vbt\n"
Heads = Sequence[Head]


def record(folder: Path) -> list[Head]:
    """With needles and words while documents left at noon and an hour later, and a head of each."""
    ledger = ToyLedger(folder)
    heads = []
    with closing(NeedleStore.to_write(folder / FILE)) as store:
        store.begin(NeedleKey(KEY), (), NOON, words=True)
        for _ in range(2):
            ledger.deliver(1)
            word = FreshWords(int(ledger.now) // DAY, "sentry", b"8 bytes!")
            store.add((), [word], ledger.now, closed=True)
            ledger.wait(HOUR)
            heads.append(ledger.head)
            store.checkpoint()
            shutil.copy(folder / FILE, folder.with_suffix(f".needles-{len(heads)}"))
        store.add((), (), ledger.now, closed=True)
    ledger.close()
    return heads


def named(heads: Heads, journal: Path) -> bytes:
    """As a collector writes them into a file."""
    first = json.loads(journal.read_bytes().splitlines()[0])["hash"]
    return b"".join(msgspec.json.encode({**h.as_dict(), "journal": first}) + b"\n" for h in heads)


def nothing(storage: Path) -> None:
    assert storage.exists()


def cut_with_all_that_lies_beside_it(storage: Path) -> None:
    """As if the second document had never left."""
    journal = storage / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if b'"minute"' in line)
    journal.write_bytes(b"".join(lines[: first + 1]))
    with closing(sqlite3.connect(storage / "ledger.db")) as account, account:
        account.execute("DELETE FROM account WHERE first > ?", (NOON + MINUTE,))
    shutil.copy(storage.with_suffix(".needles-1"), storage / FILE)


def ended_without_a_word(storage: Path) -> None:
    """As if the collector had been killed."""
    journal = storage / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])


def taken_away(storage: Path) -> None:
    (storage / "journal").unlink()


def told_by(asked: subprocess.CompletedProcess[str]) -> str:
    """What it says, as Markdown shows it."""
    return asked.stdout.replace("\\", "").replace("not_found", "not found")


@pytest.mark.parametrize("action", ["search", "rotate-list"])
@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (nothing, None),
        (cut_with_all_that_lies_beside_it, "its tail was cut"),
        (taken_away, "there is no journal"),
    ],
)
def test_nothing_is_absent_from_a_record_that_does_not_reach_its_head(
    tmp_path: Path, action: str, happened: Callable[[Path], None], told: str | None
) -> None:
    heads = record(tmp_path / "store")
    (tmp_path / "heads").write_bytes(named(heads, tmp_path / "store" / "journal"))
    (tmp_path / "key").write_text(KEY)
    happened(tmp_path / "store")
    given = ["--storage", str(tmp_path / "store"), "--key-file", str(tmp_path / "key")]
    for option in (["--head", str(heads[-1])], ["--head-file", str(tmp_path / "heads")]):
        asked = commanded("exposure", action, *given, *option, given=UNSENT)
        assert ("not found" in told_by(asked)) == bool(told)
        assert asked.returncode == (1 if told else 0)
        assert (told or "vouched for: entries 1 to ") in asked.stdout
    # Where the configuration has heads sent to, they are taken from there.
    config = tmp_path / "errlock.yaml"
    ledger = {"key": KEY, "journal": {"heads": {"file": str(tmp_path / "heads")}}}
    config.write_text(
        json.dumps({"service": {"storage": str(tmp_path / "store"), "ledger": ledger}})
    )
    asked = commanded("exposure", action, "-c", config, given=UNSENT)
    assert asked.returncode == (1 if told else 0)
    assert (told or "vouched for: entries 1 to ") in asked.stdout
    (tmp_path / "heads").rename(tmp_path / "not-mounted")
    asked = commanded("exposure", action, "-c", config, given=UNSENT)
    assert asked.returncode == 0
    assert f"{tmp_path / 'heads'} (service.ledger.journal.heads.file): No such" in told_by(asked)
    assert "not found" in told_by(asked)


def test_nothing_is_absent_where_the_collector_may_have_been_killed(tmp_path: Path) -> None:
    storage = tmp_path / "store"
    record(storage)
    (tmp_path / "key").write_text(KEY)
    given = ["--storage", str(storage), "--key-file", str(tmp_path / "key"), "--json"]
    searched = [json.loads(commanded("exposure", "search", *given, given=UNSENT).stdout)]
    ended_without_a_word(storage)
    searched.append(json.loads(commanded("exposure", "search", *given, given=UNSENT).stdout))
    assert [each["answers"][0]["verdict"] for each in searched] == ["absent", "not_found"]
    (gap,) = searched[1]["coverage"][0]["gaps"]
    assert gap["what"].endswith("and the last one did not say that it ended")


def test_each_of_several_collectors_needs_a_head_that_vouches_for_it(tmp_path: Path) -> None:
    storages = [tmp_path / name for name in ("eu", "us")]
    file = tmp_path / "heads"  # one for both
    file.write_bytes(b"".join(named(record(each), each / "journal") for each in storages))
    (tmp_path / "key").write_text(KEY)
    given = [word for each in storages for word in ("--storage", str(each))]
    given += ["--key-file", str(tmp_path / "key"), "--head-file", str(file)]
    whole = commanded("exposure", "search", *given, "--json", given=UNSENT)
    assert whole.returncode == 0
    assert json.loads(whole.stdout)["answers"][0]["verdict"] == "absent"
    cut_with_all_that_lies_beside_it(storages[1])
    cut = commanded("exposure", "search", *given, "--json", given=UNSENT)
    assert cut.returncode == 1
    found = json.loads(cut.stdout)
    assert found["answers"][0]["verdict"] == "not_found"
    gaps = [[gap["what"] for gap in each["gaps"]] for each in found["coverage"]]
    assert gaps[0] == []
    assert any("its tail was cut" in what for what in gaps[1])


def test_heads_in_a_shared_file_accuse_only_the_journal_that_they_name(tmp_path: Path) -> None:
    storages = [tmp_path / name for name in ("eu", "us")]
    file = tmp_path / "heads"
    file.write_bytes(b"".join(named(record(each), each / "journal") for each in storages))
    command = ["exposure", "verify", "--head-file", str(file), "--journal"]
    for each in storages:
        verified = commanded(*command, each / "journal")
        assert verified.returncode == 0, verified.stdout
        assert "\nnot compared: 2 heads of other journals\n" in verified.stdout
    file.write_bytes(named(record(tmp_path / "third"), tmp_path / "third" / "journal"))
    verified = commanded(*command, storages[0] / "journal")
    assert verified.returncode == 1
    assert "none of 2 heads is of this journal" in verified.stdout
