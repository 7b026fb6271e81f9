"""The file that keeps trust states: what is killed, torn, full or tampered with never loosens."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from errlock.delivery.trust import file as trust_file
from errlock.delivery.trust.file import TrustFile, TrustFileFailed, is_same, tighten_offline
from errlock.delivery.trust.states import Trust, Trusts

SLOT = 128 * 1024
HELD = Trust("held", "alice", "a drill", 5.0)
GONE = Trust("distrusted", "bob", "breached ☃", 6.0)


def tightened(name: str, said: Trust) -> Callable[[Trusts | None], Trusts]:
    return lambda trusts: (trusts or Trusts()).tightened([name], said)


@pytest.fixture
def file(tmp_path: Path) -> TrustFile:
    made = TrustFile(tmp_path / "trust")
    made.create_if_new()
    return made


def test_the_first_start_makes_it_in_full_and_for_its_user_alone(
    file: TrustFile, tmp_path: Path
) -> None:
    about = (tmp_path / "trust").stat()
    assert about.st_mode & 0o777 == 0o600
    assert about.st_size == 2 * SLOT
    assert about.st_blocks * 512 >= 2 * SLOT
    assert file.read().trusts == Trusts()
    assert [path.name for path in tmp_path.iterdir()] == ["trust"]


def test_what_was_written_is_read(file: TrustFile, tmp_path: Path) -> None:
    file.change(tightened("sentry", HELD))
    saved = file.change(tightened("sentry.io", GONE))
    assert saved == TrustFile(tmp_path / "trust").read()
    assert saved.generation == 3
    assert saved.trusts.names == {"sentry": HELD, "sentry.io": GONE}


def test_a_generation_is_above_what_the_caller_knows(file: TrustFile) -> None:
    assert file.change(tightened("sentry", HELD), above=41).generation == 42


@pytest.mark.parametrize("sign", ["queue.db", "journal"])
def test_in_a_folder_that_is_not_new_a_missing_file_is_not_made(tmp_path: Path, sign: str) -> None:
    (tmp_path / sign).touch()
    file = TrustFile(tmp_path / "trust")
    file.create_if_new()
    with pytest.raises(TrustFileFailed, match="missing"):
        file.read()


def test_a_file_that_is_there_is_left_alone(file: TrustFile) -> None:
    file.change(tightened("sentry", GONE))
    file.create_if_new()
    assert file.read().trusts.of("sentry") == GONE


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_a_file_that_others_may_touch_is_refused(
    file: TrustFile, tmp_path: Path, mode: int
) -> None:
    (tmp_path / "trust").chmod(mode)
    for use in (file.read, file.stamp, lambda: file.change(tightened("sentry", HELD))):
        with pytest.raises(TrustFileFailed, match="permissions"):
            use()


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    TrustFile(tmp_path / "elsewhere").create_if_new()
    (tmp_path / "trust").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrustFileFailed, match="permissions"):
        TrustFile(tmp_path / "trust").read()
    (tmp_path / "trust").unlink()
    os.mkfifo(tmp_path / "trust", 0o600)
    with pytest.raises(TrustFileFailed, match="permissions"):
        TrustFile(tmp_path / "trust").read()


def test_a_write_that_is_torn_anywhere_leaves_the_old_state_or_the_new(
    file: TrustFile, tmp_path: Path
) -> None:
    path = tmp_path / "trust"
    file.change(tightened("sentry", HELD))
    old, before = file.read(), path.read_bytes()
    file.change(tightened("otlp", GONE))
    new, after = file.read(), path.read_bytes()
    first = next(at for at in range(len(after)) if after[at] != before[at])
    last = next(at for at in reversed(range(len(after))) if after[at] != before[at])
    seen = set()
    for cut in [*range(first, last + 2, 2), *range(last + 2, len(after), 4096)]:
        path.write_bytes(after[:cut] + before[cut:])
        saved = file.read()
        assert saved in (old, new)
        seen.add(saved.generation)
    assert seen == {old.generation, new.generation}


def test_no_changed_byte_says_something_that_nobody_said(file: TrustFile, tmp_path: Path) -> None:
    path = tmp_path / "trust"
    file.change(tightened("sentry", HELD))
    said = [file.read()]
    file.change(tightened("sentry", GONE))
    said.append(file.read())
    good = path.read_bytes()
    texts = [at for at, byte in enumerate(good) if byte]
    chance = random.Random(7)
    damaged = 0
    for _ in range(300):
        bad = bytearray(good)
        for at in chance.sample(texts, chance.randint(1, 3)):
            bad[at] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        try:
            assert file.read() in said
        except TrustFileFailed as failure:
            damaged += failure.kind == "damaged"
    assert damaged > 10


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 2 * SLOT, b"errlock-trust 2 1 2 " + b"0" * 64 + b"\n{}\n", os.urandom(2 * SLOT)],
    ids=["empty", "zeros", "another version", "noise"],
)
def test_what_cannot_be_read_is_damaged(file: TrustFile, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trust").write_bytes(content)
    with pytest.raises(TrustFileFailed, match="damaged"):
        file.read()


def test_reasons_that_do_not_fit_are_left_out(file: TrustFile) -> None:
    long = Trust("distrusted", "alice", "☃" * 1000, 1.0)
    for number in range(100):
        file.change(tightened(f"sentry/{number}", long))
    names = file.read().trusts.names
    assert len(names) == 100
    assert {said.state for said in names.values()} == {"distrusted"}


# Processes

WRITER = """
import os, sys
from pathlib import Path
from errlock.delivery.trust.states import Trust
from errlock.delivery.trust.file import TrustFile
name, first, last = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
file = TrustFile(Path(sys.argv[1]))
for number in range(first, last):
    said = Trust("held", name, str(number), 1.0)
    file.change(lambda trusts: trusts.tightened([name], said))
    os.write(1, b"%d\\n" % number)
"""


def writer(path: Path, name: str, first: int, last: int) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", WRITER, str(path), name, str(first), str(last)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE)


def test_killed_at_any_moment_it_reads_as_the_old_state_or_the_new(
    file: TrustFile, tmp_path: Path
) -> None:
    chance = random.Random(11)
    written = -1
    for _ in range(12):
        process = writer(tmp_path / "trust", "sentry", written + 1, 10**6)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0.02, 0.2))
        process.send_signal(signal.SIGKILL)
        told = [int(line) for line in [first, *process.stdout.read().splitlines()]]
        process.wait()
        process.stdout.close()
        now = int(file.read().trusts.names["sentry"].why)
        assert now in (told[-1], told[-1] + 1)
        written = now
    assert file.read().generation == written + 2
    assert written > 100


def test_writers_at_the_same_time_lose_nothing_and_readers_see_no_damage(
    file: TrustFile, tmp_path: Path
) -> None:
    writers = [writer(tmp_path / "trust", f"sentry/{n}", 0, 60) for n in range(4)]
    generations = []
    while any(process.poll() is None for process in writers):
        generations.append(file.read().generation)
    assert generations == sorted(generations)
    assert len(set(generations)) > 10
    for process in writers:
        assert process.returncode == 0
        assert process.stdout is not None
        process.stdout.close()
    saved = file.read()
    assert saved.generation == 1 + 4 * 60
    assert {name: said.why for name, said in saved.trusts.names.items()} == {
        f"sentry/{n}": "59" for n in range(4)
    }


def test_who_holds_the_lock_and_stands_still_is_not_waited_for(
    file: TrustFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_file, "_PATIENCE", 0.3)
    with (tmp_path / "trust").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TrustFileFailed, match="locked"):
            file.change(tightened("sentry", HELD))
        assert file.read().trusts == Trusts()


FULL = """
import errno, os, sys
from pathlib import Path
from errlock.delivery.trust.states import Trust, Trusts
from errlock.delivery.trust.file import TrustFile, TrustFileFailed, is_same, tighten_offline
storage = Path(sys.argv[1])
TrustFile(storage / "trust").create_if_new()
(storage / "queue.db").touch()
other = storage / "other"
other.mkdir()
with (storage / "filler").open("wb", buffering=0) as filler:
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError as failure:
        assert failure.errno == errno.ENOSPC
for number in range(50):
    tighten_offline(storage, [f"sentry/{number}"], "distrusted", "alice", "breached")
print(len(TrustFile(storage / "trust").read().trusts.names))
try:
    TrustFile(other / "trust").create_if_new()
except TrustFileFailed as failure:
    print(failure.kind, *[path.name for path in other.iterdir()])
"""


def test_a_word_can_be_written_down_on_a_full_disk(tmp_path: Path) -> None:
    command = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    arguments = ["sh", str(tmp_path), sys.executable, FULL]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("50\nfull\n", "")


READ_ONLY = """
import sys
from pathlib import Path
from errlock.delivery.trust.file import TrustFile, TrustFileFailed, is_same, tighten_offline
storage = Path(sys.argv[1])
print(TrustFile(storage / "trust").read().trusts.names)
try:
    tighten_offline(storage, ["sentry"], "distrusted", "alice", "breached")
except TrustFileFailed as failure:
    print(failure.kind)
"""


def test_a_disk_that_can_only_be_read_is_told_as_that(tmp_path: Path) -> None:
    TrustFile(tmp_path / "trust").create_if_new()
    command = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", str(tmp_path), sys.executable, READ_ONLY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{}\nread_only\n", "")


# Without the collector


def test_a_copy_is_another_file_and_no_change_makes_it_one(file: TrustFile, tmp_path: Path) -> None:
    made = file.identity()
    file.change(lambda _: Trusts())
    (tmp_path / "trust").rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "trust")
    assert is_same(made, file.identity())
    number, _, moment = made.partition(":")
    assert is_same(made, f"7{number}:{moment}")  # a file system that makes numbers up
    assert not is_same(made, f"{number}1:{moment}1")  # a number that was given again
    shutil.copy2(tmp_path / "trust", tmp_path / "copy")
    (tmp_path / "copy").replace(tmp_path / "trust")
    assert not is_same(made, file.identity())


def test_offline_it_tightens_what_is_there(file: TrustFile, tmp_path: Path) -> None:
    file.change(tightened("otlp", HELD))
    trusts = tighten_offline(tmp_path, ["sentry", "sentry.io"], "distrusted", "alice", "breached")
    assert trusts == file.read().trusts
    assert {name: said.state for name, said in trusts.names.items()} == {
        "otlp": "held",
        "sentry": "distrusted",
        "sentry.io": "distrusted",
    }
    assert trusts.of("sentry").by == "alice"


def test_offline_the_case_of_an_operator_does_not_matter(file: TrustFile, tmp_path: Path) -> None:
    trusts = tighten_offline(tmp_path, ["Sentry.IO"], "distrusted", "alice", "x")
    assert trusts.of("sentry", ["sentry.io"]).state == "distrusted"


def test_offline_it_never_loosens(file: TrustFile, tmp_path: Path) -> None:
    file.change(tightened("sentry", GONE))
    assert tighten_offline(tmp_path, ["sentry"], "held", "alice", "x").of("sentry") == GONE


def test_offline_it_works_before_the_first_start(tmp_path: Path) -> None:
    trusts = tighten_offline(tmp_path, ["sentry"], "held", "alice", "x")
    assert (trusts.of("sentry").state, trusts.of("otlp").state) == ("held", "trusted")


@pytest.mark.parametrize("there", [True, False], ids=["damaged", "missing"])
def test_offline_a_file_that_cannot_be_read_keeps_everything_held(
    tmp_path: Path, there: bool
) -> None:
    (tmp_path / "queue.db").touch()
    if there:
        (tmp_path / "trust").touch(mode=0o600)
    trusts = tighten_offline(tmp_path, ["sentry"], "distrusted", "alice", "x")
    assert (trusts.of("sentry").state, trusts.of("otlp").state) == ("distrusted", "held")
    assert TrustFile(tmp_path / "trust").read().trusts == trusts


def test_offline_a_wrong_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrustFileFailed, match="missing"):
        tighten_offline(tmp_path / "nowhere", ["sentry"], "held", "alice", "x")
