"""Whoever takes needles out, changes or adds them is found out by whoever has the key."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from commanded import commanded
from toy_ledger import NOON

from errlock.ledger.checking import needles_whole
from errlock.ledger.journal.journal import Journal
from errlock.ledger.needles.keys import NeedleKey
from errlock.ledger.needles.needles import FILE, Needles
from errlock.ledger.needles.sealing import adds_up
from errlock.ledger.needles.store import HOUR, NeedleSeries
from errlock.ledger.options import NeedleOptions
from errlock.pipeline.options import Duration
from errlock.policy.keyring.pseudonyms import new_key

KEY, NEXT = new_key(), new_key()
UNSENT = "tok_9f3b6c02d41a77e15c0b\n"
TIMES = 50  # of each tampering
Tampering = Callable[[random.Random, sqlite3.Connection], None]
SERIES = [
    NeedleSeries(to, "secret.token", form, "shop", certain)
    for to in ("sentry", "otlp")
    for form, certain in (("clear", True), ("removed", True), ("clear", False))
]


def head_of(folder: Path) -> str:
    with closing(Journal(folder / "journal")) as journal:
        return str(journal.head)


def collected(folder: Path, key: str = KEY, *, previous: tuple[str, ...] = ()) -> None:
    """A collector runs for four hours: needles and words are joined, and some of them wait."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder / "journal")
    options = NeedleOptions(keep=Duration("30d"))
    needles = Needles(
        folder / FILE, key, options, journal.append, has_words=True, previous=previous
    )
    dice = random.Random("needles")
    for hour in range(4):
        now = NOON + hour * HOUR
        for series in SERIES:
            needles.note(series, [dice.randrange(90) for _ in range(20)], now)
            needles.words.note(series.destination, dice.randbytes(8 * 30), 0, now)
        needles.write(now)
    needles.note(SERIES[0], [7, 8, 1000], now)
    needles.words.note("sentry", dice.randbytes(8 * 30), 0, now)
    needles.write(now + 1)
    # The files alone, as kill -9 does it: what is fresh was not joined.
    assert needles._store is not None
    needles._store.close()
    journal.close()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("needles")
    collected(folder)
    return folder


def one_of(dice: random.Random, db: sqlite3.Connection, table: str) -> int:
    return int(dice.choice(db.execute(f"SELECT rowid FROM {table}").fetchall())[0])


def a_needle(dice: random.Random, db: sqlite3.Connection) -> tuple[int, int]:
    needle, series = dice.choice(db.execute("SELECT needle, series FROM needles").fetchall())
    return int(needle), int(series)


def take_one_out(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM needles WHERE needle = ? AND series = ?", a_needle(dice, db))


def take_a_fresh_one_out(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM fresh WHERE rowid = ?", (one_of(dice, db, "fresh"),))


def put_another_in_its_place(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE needles SET needle = ? WHERE needle = ? AND series = ?",
        (dice.getrandbits(62), *a_needle(dice, db)),
    )


def make_it_no_number(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE needles SET needle = needle / 3 + 0.5 WHERE needle = ? AND series = ?",
        a_needle(dice, db),
    )


def have_it_left_long_ago(dice: random.Random, db: sqlite3.Connection) -> None:
    ago = dice.randrange(1, 9000)
    db.execute(
        "UPDATE needles SET first = first - ?, last = last - ? WHERE needle = ? AND series = ?",
        (ago, ago, *a_needle(dice, db)),
    )


def have_it_left_less_often(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE needles SET times = times - 1 WHERE needle = ? AND series = ?", a_needle(dice, db)
    )


def say_that_it_was_taken_out(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("UPDATE series SET form = 'masked' WHERE id = ?", (one_of(dice, db, "series"),))


def add_one(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO fresh VALUES (?, 1, 9, 9, 1)", (dice.getrandbits(62),))


def take_words_out(dice: random.Random, db: sqlite3.Connection) -> None:
    number = one_of(dice, db, "fresh_words")
    (words,) = db.execute("SELECT words FROM fresh_words WHERE rowid = ?", (number,)).fetchone()
    at = 8 * dice.randrange(len(words) // 8)
    less = words[:at] + words[at + 8 :]
    db.execute("UPDATE fresh_words SET words = ? WHERE rowid = ?", (less, number))


def clear_a_bit_of_a_filter(dice: random.Random, db: sqlite3.Connection) -> None:
    number = one_of(dice, db, "filters")
    (bits,) = db.execute("SELECT bits FROM filters WHERE rowid = ?", (number,)).fetchone()
    at = dice.choice([place for place, byte in enumerate(bits) if byte])
    less = bits[:at] + bytes([bits[at] & (bits[at] - 1)]) + bits[at + 1 :]
    db.execute("UPDATE filters SET bits = ? WHERE rowid = ?", (less, number))


def have_them_kept_for_longer(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("UPDATE kept SET until = until + ?", (dice.randrange(1, 9999),))


def have_it_forgotten(dice: random.Random, db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM expired")
    db.execute("INSERT INTO expired VALUES (?)", (dice.randrange(1, 9999),))


def take_the_seal_of_before(dice: random.Random, db: sqlite3.Connection) -> None:
    take_one_out(dice, db)
    db.execute("UPDATE seal SET hidden = ?", (dice.randbytes(16),))


TAMPERINGS: list[Tampering] = [
    take_one_out, take_a_fresh_one_out, put_another_in_its_place, make_it_no_number,
    have_it_left_long_ago, have_it_left_less_often, say_that_it_was_taken_out, add_one,
    take_words_out, clear_a_bit_of_a_filter, have_them_kept_for_longer, have_it_forgotten,
    take_the_seal_of_before,
]  # fmt: skip


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda each: each.__name__)
def test_every_tampering_is_found_by_whoever_has_the_key(
    tampering: Tampering, untouched: Path
) -> None:
    dice = random.Random(tampering.__name__)
    assert needles_whole(untouched / FILE, [KEY]) == ([], True)
    with closing(sqlite3.connect(untouched / FILE, isolation_level=None)) as db:
        for _ in range(TIMES):
            db.execute("BEGIN")
            tampering(dice, db)
            assert adds_up(db, [NeedleKey(KEY).seal]) is False
            db.execute("ROLLBACK")
    assert needles_whole(untouched / FILE, [KEY]) == ([], True)


@pytest.mark.parametrize("tampering", TAMPERINGS[:-1], ids=lambda each: each.__name__)
def test_what_was_tampered_with_is_found_for_good(
    tampering: Tampering, untouched: Path, tmp_path: Path
) -> None:
    """Also when it was joined and forgotten since, under a key that came after."""
    for suffix in ("", "-wal", "-shm"):
        if (file := untouched / f"{FILE}{suffix}").exists():
            shutil.copy(file, tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        tampering(random.Random(tampering.__name__), db)
    collected(tmp_path, NEXT, previous=(KEY,))
    findings, whole = needles_whole(tmp_path / FILE, [NEXT, KEY])
    assert whole is False
    assert [str(each) for each in findings] == [
        "the needles do not add up: some were taken out, changed or added, or are damaged"
    ]


def test_what_collectors_join_forget_and_seal_under_another_key_adds_up(tmp_path: Path) -> None:
    collected(tmp_path)
    collected(tmp_path)
    assert needles_whole(tmp_path / FILE, [KEY]) == ([], True)
    collected(tmp_path, NEXT, previous=(KEY,))
    assert needles_whole(tmp_path / FILE, [NEXT, KEY]) == ([], True)
    assert needles_whole(tmp_path / FILE, [KEY]) == ([], None)
    needles = Needles(tmp_path / FILE, NEXT, NeedleOptions(keep=Duration("1h")), lambda *_: None)
    needles.close(NOON + 3 * HOUR)
    needles.close(NOON + 9 * 24 * HOUR)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        assert db.execute("SELECT count(*) FROM needles").fetchone() == (0,)
    assert needles_whole(tmp_path / FILE, [NEXT]) == ([], True)


@pytest.mark.parametrize("seal", ["DELETE FROM seal", "UPDATE seal SET key = 'x'"])
def test_a_seal_that_nobody_knows_is_told_by_the_next_collector(tmp_path: Path, seal: str) -> None:
    collected(tmp_path)
    (tmp_path / "key").write_text(KEY)
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute(seal)
    asked = ["exposure", "search", "--storage", str(tmp_path), "--key-file", str(tmp_path / "key")]
    head = ("--head", head_of(tmp_path))
    told = commanded(*asked, *head, given=UNSENT).stdout
    assert ("the needles do not add up" in told) or ("without the newest key" in told)
    collected(tmp_path)
    told = commanded(*asked, given=UNSENT).stdout
    assert "needles were sealed under a key that is not known" in told


def test_a_search_and_a_verifier_say_that_needles_do_not_add_up(tmp_path: Path) -> None:
    collected(tmp_path)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "other").write_text(NEXT)
    verify = ["exposure", "verify", "--journal", str(tmp_path / "journal"), "--key-file"]
    asked = ["--storage", str(tmp_path), "--key-file", str(tmp_path / "key")]
    whole = commanded(*verify, tmp_path / "key")
    assert whole.returncode == 0
    assert "\nneedles: all are there, as they were written\n" in whole.stdout
    unknown = commanded(*verify, tmp_path / "other")
    assert unknown.returncode == 0
    assert "\nneedles: not added up: that takes the newest key of the ledger\n" in unknown.stdout
    assert commanded("exposure", "search", *asked, given=UNSENT).returncode == 0
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        take_one_out(random.Random(1), db)
    assert "not checked: no head" in commanded("exposure", "search", *asked, given=UNSENT).stdout
    head = ("--head", head_of(tmp_path))
    for found in (
        commanded(*verify, tmp_path / "key"),
        commanded("exposure", "search", *asked, *head, given=UNSENT),
        commanded("exposure", "rotate-list", *asked, *head, given=UNSENT),
    ):
        assert found.returncode == 1
        assert "the needles do not add up" in found.stdout
