"""Databases on disk: only what this user's errlock wrote, and only what finds its examples."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from errlock.policy.engine import databases
from errlock.policy.engine.databases import (
    BEYOND_ASCII,
    Database,
    EngineError,
    Expression,
    cache_folder,
)
from errlock.policy.known_values import KnownValues
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Plan, Subject

ONE = (Expression(7, "secret[0-9]"), Expression(9, "[a-z]{3}@x", "signs"))
TEXT = b"a secret1 for bob@x"


def kept(folder: Path, name: bytes = b"one", expressions: Sequence[Expression] = ONE) -> Database:
    return Database.kept(name, lambda: expressions, folder)


def never() -> Sequence[Expression]:
    raise AssertionError("compiled again")


def finds(database: Database) -> set[int]:
    return {id_ for _, id_ in database.hits(TEXT)}


def file_in(folder: Path) -> Path:
    [file] = folder.glob("*.hs")
    return file


def test_only_one_compiles_when_several_begin_at_once(tmp_path: Path) -> None:
    made = []

    def make() -> Sequence[Expression]:
        made.append(1)
        time.sleep(0.3)
        return ONE

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(Database.kept, b"one", make, tmp_path) for _ in range(4)]
    assert [finds(each.result()) for each in futures] == [{7, 9}] * 4
    assert len(made) == 1


def test_nobody_waits_for_ever_for_who_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_PATIENCE", 0.2)
    entered, go_on = threading.Event(), threading.Event()

    def stuck() -> Sequence[Expression]:
        entered.set()
        go_on.wait(60)
        return ONE

    with ThreadPoolExecutor(1) as pool:
        compiles = pool.submit(Database.kept, b"one", stuck, tmp_path)
        entered.wait(60)
        try:
            assert finds(kept(tmp_path)) == {7, 9}
            assert not compiles.done()
        finally:
            go_on.set()


def test_what_was_compiled_is_read_again(tmp_path: Path) -> None:
    assert finds(kept(tmp_path)) == {7, 9}
    assert finds(Database.kept(b"one", never, tmp_path)) == {7, 9}


def test_only_what_was_used_last_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_MOST_KEPT", 2)
    Database.kept(b"one", lambda: ONE, tmp_path)
    os.utime(file_in(tmp_path), (0, 0))
    Database.kept(b"two", lambda: ONE, tmp_path)
    Database.kept(b"one", never, tmp_path)
    Database.kept(b"three", lambda: ONE, tmp_path)
    for name in (b"one", b"three"):
        Database.kept(name, never, tmp_path)
    assert len(list(tmp_path.glob("*.hs"))) == len(list(tmp_path.glob("*.lock"))) == 2


def test_what_ascii_cannot_hold_is_looked_for_in_other_texts_only(tmp_path: Path) -> None:
    both = (Expression(7, "one"), Expression(9, "two", BEYOND_ASCII))
    for database in (kept(tmp_path, expressions=both), Database.kept(b"one", never, tmp_path)):
        assert {id_ for _, id_ in database.hits(b"one two")} == {7}
        assert {id_ for _, id_ in database.hits("one two é".encode())} == {7, 9}


def test_only_this_user_can_read_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = cache_folder()
    assert folder is not None
    kept(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_folder_that_others_may_write_to_is_not_used_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "errlock").mkdir()
    (tmp_path / "errlock").chmod(0o777)
    assert cache_folder() is None
    databases._tell_of_no_place.cache_clear()
    for name in (b"one", b"two"):
        assert finds(Database.of_user(name, lambda: ONE)) == {7, 9}
    assert caplog.text.count("compiled triggers cannot be kept") == 1


# A relative path; and an account that has no home, of whom `~` is all that is known.
@pytest.mark.parametrize("cache", ["cache", ""])
def test_nothing_is_kept_where_the_application_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", "~")
    assert cache_folder() is None
    assert [*tmp_path.iterdir()] == []


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _flip_digest(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(data)


def _open_to_others(file: Path) -> None:
    file.chmod(0o622)


def _lose_the_key(file: Path) -> None:
    (file.parent / "key").unlink()


@pytest.mark.parametrize(
    "spoil", [_cut, _empty, _flip, _flip_digest, _open_to_others, _lose_the_key]
)
def test_a_file_that_is_not_what_was_written_is_made_anew(tmp_path: Path, spoil: Any) -> None:
    kept(tmp_path)
    spoil(file_in(tmp_path))
    made: list[int] = []

    def make() -> Sequence[Expression]:
        made.append(1)
        return ONE

    assert finds(Database.kept(b"one", make, tmp_path)) == {7, 9}
    assert made == [1]


def test_another_policys_file_under_this_name_is_refused(tmp_path: Path) -> None:
    kept(tmp_path, b"other", (Expression(7, "nothing"),))
    other = file_in(tmp_path)
    kept(tmp_path)
    [ours] = set(tmp_path.glob("*.hs")) - {other}
    shutil.copyfile(other, ours)
    assert finds(kept(tmp_path)) == {7, 9}


def test_a_full_disk_keeps_nothing_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "replace", full)
    assert finds(kept(tmp_path)) == {7, 9}
    left = [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
    assert [file.name for file in left] == ["key"]


READ_ONLY = """
import sys
from pathlib import Path
from errlock.policy.engine.databases import Database, Expression
for name in (b"one", b"two"):
    print(Database.kept(name, lambda: [Expression(7, "secret")], Path(sys.argv[1])).hits(b"secret"))
"""


def test_a_folder_that_can_only_be_read_keeps_nothing_and_works(tmp_path: Path) -> None:
    """As in an image that was built on another kind of processor. Nothing could be judged there."""
    command = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", str(tmp_path), sys.executable, READ_ONLY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[(6, 7)]\n" * 2
    assert done.stderr.count("compiled triggers cannot be kept") == 1


def test_what_does_not_find_its_examples_is_not_used() -> None:
    database = Database.compiled(ONE)
    database.try_out([(b"secret1", 7), (b"bob@x", 9)])
    with pytest.raises(EngineError, match="1 examples are not found, the first of 9"):
        database.try_out([(b"secret1", 7), (b"bob", 9)])


def test_what_cannot_be_compiled_is_named() -> None:
    with pytest.raises(EngineError, match="cannot compile: 8"):
        Database.compiled((*ONE, Expression(8, "(?=x)y")))


def test_what_is_too_long_is_refused_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "MAX_BYTES", 10)
    with pytest.raises(EngineError, match="too long"):
        Database.compiled(ONE).hits(TEXT)


def test_four_threads_scan_at_once() -> None:
    database = Database.compiled(ONE)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: finds(database), range(400)))
    assert results == [{7, 9}] * 400


def test_a_forked_process_scans_with_what_its_parent_made() -> None:
    database = Database.compiled(ONE)
    finds(database)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, bytes(sorted(finds(database))))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == bytes([7, 9])
    os.close(reading)
    os.close(writing)


def _keep_and_find(folder: str) -> list[int]:
    return sorted(finds(kept(Path(folder))))


def test_two_processes_may_make_the_same_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(_keep_and_find, [str(tmp_path)] * 4)
        pool.close()
        pool.join()
    assert found == [[7, 9]] * 4
    assert finds(Database.kept(b"one", never, tmp_path)) == {7, 9}


def test_what_was_prepared_makes_nothing_for_the_first_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = Plan((RedactPart(known=KnownValues(["acme-4711-first"])),))
    plan.prepare()
    for name in ("compiled", "kept"):
        monkeypatch.setattr(Database, name, lambda *_: never())
    assert plan.is_clean("event", b'{"message":"hello"}')
    assert not plan.is_clean("event", b'{"message":"acme-4711-first"}')
    found = plan.suspicious(b"acme-4711-first")
    assert found is not None
    assert found.ends


def test_what_cannot_be_prepared_fails_for_each_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise EngineError("no database")

    monkeypatch.setattr(Database, "compiled", broken)
    plan = Plan((RedactPart(known=KnownValues(["acme-4711-second"])),))
    plan.prepare()
    (found,) = plan.detect([Subject("event", {"message": "hello"})])
    assert isinstance(found, EngineError)
