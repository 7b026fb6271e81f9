"""Keyring files: epochs, keys of destinations, destruction; shared by processes, cut short."""

import json
import logging
import multiprocessing
import os
import random
import re
import signal
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errlock.policy.keyring import keyring as keyring_module
from errlock.policy.keyring.epochs import ALL, Epochs, Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.file import _locked as locked_file
from errlock.policy.keyring.keyring import FileKeyring, new_keyring
from errlock.policy.keyring.pseudonyms import KeyringError, new_key

KEY = "errlock-key-1-" + "A" * 43  # the same in every process
ANN = Said("ann", "a breach", "2026-01-01T00:00:00Z")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    new_keyring(tmp_path / "keyring", KEY, ANN)
    return tmp_path / "keyring"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a pseudonym looks at the file first."""
    monkeypatch.setattr(keyring_module, "_LOOK_EVERY", 0.0)


def ring(path: Path) -> FileKeyring:
    return FileKeyring(path, KEY)


def jane(keyring: FileKeyring, scope: str = "sentry") -> str:
    return keyring.current(scope).pseudonym("pii.email", "jane@example.com")


def rotate(path: Path, destination: str | None = ALL) -> Epochs:
    return KeyringFile(path).change(lambda epochs: epochs.begun(destination, ANN)).epochs


def destroy(path: Path, epoch: str, destination: str | None = ALL) -> Epochs:
    return KeyringFile(path).change(lambda e: e.destroyed(epoch, destination, ANN)).epochs


def test_a_keyring_file_is_for_its_owner_only_and_holds_no_key_in_clear(path: Path) -> None:
    key = ring(path).current("sentry").key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in path.read_bytes()
    assert key.hex() not in path.read_text()


def test_processes_that_share_a_file_make_the_same_pseudonyms(path: Path) -> None:
    one, two = ring(path), ring(path)
    assert jane(one) == jane(two) == jane(ring(path))
    assert jane(one).startswith("e1:0x")


def test_reading_a_keyring_makes_no_key(path: Path) -> None:
    before = path.read_bytes()
    ring(path)
    assert path.read_bytes() == before


def test_destinations_have_keys_that_do_not_follow_from_each_other(path: Path) -> None:
    keyring = ring(path)
    assert len({jane(keyring, "sentry"), jane(keyring, "tempo"), jane(keyring, "")}) == 3
    keys = json.loads(path.read_text())["keys"]["e1"]
    assert sorted(keys) == ["", "sentry", "tempo"]
    assert len(set(keys.values())) == 3


def test_a_rotation_gives_everybody_new_pseudonyms(path: Path, at_once: None) -> None:
    keyring = ring(path)
    before = jane(keyring), jane(keyring, "tempo")
    rotate(path)
    assert jane(keyring).startswith("e2:")
    assert jane(keyring, "tempo").startswith("e2:")
    assert jane(keyring)[3:] != before[0][3:]
    assert jane(ring(path)) == jane(keyring)


def test_a_rotation_of_one_destination_leaves_the_others(path: Path, at_once: None) -> None:
    keyring = ring(path)
    tempo = jane(keyring, "tempo")
    rotate(path, "sentry")
    assert jane(keyring, "sentry").startswith("e2:")
    assert jane(keyring, "tempo") == tempo
    rotate(path)
    assert [jane(keyring, scope)[:3] for scope in ("sentry", "tempo")] == ["e3:", "e3:"]


def test_a_destroyed_key_of_one_destination_leaves_the_others(path: Path, at_once: None) -> None:
    keyring = ring(path)
    sentry, tempo = jane(keyring, "sentry"), jane(keyring, "tempo")
    destroy(path, "e1", "sentry")
    assert jane(keyring, "tempo") == tempo
    assert jane(keyring, "sentry").startswith("e2:")
    assert [epoch.pseudonym("pii.email", "jane@example.com") for epoch in keyring.all("tempo")] == [
        tempo
    ]
    assert sentry not in [
        epoch.pseudonym("pii.email", "jane@example.com") for epoch in keyring.all("sentry")
    ]


def test_an_old_epoch_can_be_destroyed_and_the_newest_goes_on(path: Path, at_once: None) -> None:
    keyring = ring(path)
    jane(keyring)
    rotate(path)
    newest = jane(keyring)
    epochs = destroy(path, "e1")
    assert jane(keyring) == newest
    assert [each.did for each in epochs.history] == ["made", "made", "destroyed"]


def test_a_destroyed_epoch_makes_no_key_for_a_destination_that_comes_later(path: Path) -> None:
    jane(ring(path))
    destroy(path, "e1")
    assert jane(ring(path), "later").startswith("e2:")


@pytest.mark.parametrize(
    ("epoch", "destination", "message"),
    [
        ("e7", ALL, "there is no epoch e7"),
        ("e1", "sentri", "sentri has no key of e1"),
        ("e2", ALL, "e2 was destroyed before"),
        ("e2", "sentry", "e2 was destroyed before"),
    ],
)
def test_there_must_be_something_to_destroy(
    path: Path, epoch: str, destination: str | None, message: str
) -> None:
    jane(ring(path))
    rotate(path)
    destroy(path, "e2")
    before = path.read_bytes()
    with pytest.raises(KeyringError) as caught:
        destroy(path, epoch, destination)
    assert str(caught.value) == message
    assert path.read_bytes() == before


def test_what_is_destroyed_is_overwritten_where_it_stood(path: Path) -> None:
    keyring = ring(path)
    jane(keyring)
    sealed = keyring.epochs.keys["e1"]["sentry"].encode()
    with path.open("rb") as old:  # it stays the old file
        destroy(path, "e1", "sentry")
        assert sealed not in old.read()
    assert not [file for file in path.parent.iterdir() if sealed in file.read_bytes()]


def test_what_a_crash_left_beside_the_file_is_overwritten_too(path: Path) -> None:
    left = path.with_name(f".{path.name}.new")
    left.touch(0o600)
    left.write_bytes(path.read_bytes())
    with left.open("rb") as old:
        rotate(path)
        assert b"check" not in old.read()
    assert list(path.parent.iterdir()) == [path]


def test_ends_of_epochs_are_known_for_each_destination(path: Path) -> None:
    rotate(path, "sentry")
    epochs = rotate(path)
    assert epochs.ended("e1", "sentry") == ANN.time
    assert epochs.ended("e2", "sentry") == ANN.time
    assert epochs.ended("e3", "sentry") is None
    assert epochs.ended("e1", "tempo") == ANN.time


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("other key", "the keyring was not made with this key"),
        ("mode", "the keyring file can be read by others: chmod 600 it"),
        ("missing", "there is no keyring file: make one with `errlock key new --keyring FILE`"),
        ("text", "the keyring file is damaged"),
        ("truncated", "the keyring file is damaged"),
        ("empty", "the keyring file is damaged"),
        ("no epoch", "the keyring file is damaged"),
        ("folder", "the keyring is not a file"),
        ("version", "the keyring file is of an unknown version"),
    ],
)
def test_a_keyring_that_cannot_be_used_says_why(path: Path, damage: str, message: str) -> None:
    key, text = KEY, path.read_text()
    if damage == "other key":
        key = new_key()
    elif damage == "mode":
        path.chmod(0o644)
    elif damage in ("missing", "folder"):
        path.unlink()
        if damage == "folder":
            path.mkdir(0o700)
    elif damage == "no epoch":
        path.write_text(json.dumps({**json.loads(text), "history": []}))
    elif damage == "version":
        path.write_text(text.replace('"version": 2', '"version": 1'))
    else:
        path.write_text({"text": "x", "truncated": text[:-20], "empty": ""}[damage])
    with pytest.raises(KeyringError) as caught:
        FileKeyring(path, key)
    assert str(caught.value) == message


def test_no_truncated_file_is_ever_read(path: Path) -> None:
    jane(ring(path))
    whole = path.read_bytes()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        with pytest.raises(KeyringError):
            ring(path)


def test_a_keyring_is_never_replaced(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        new_keyring(path, KEY, ANN)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_keyring_with_another_key_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    """Else a second key would wrap keys in it that nobody else can open."""
    keyring = ring(path)
    other = new_key()
    path.unlink()
    new_keyring(path, other, ANN)
    before = path.read_bytes()
    with pytest.raises(KeyringError, match="was not made with this key"):
        jane(keyring)
    assert path.read_bytes() == before


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "folder" / "link"
    link.parent.mkdir()
    link.symlink_to(path)
    rotate(link)
    assert link.is_symlink()
    assert jane(ring(path)) == jane(ring(link))


def test_without_the_file_the_keys_that_were_read_go_on(
    path: Path, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    keyring = ring(path)
    before = jane(keyring)
    path.rename(path.with_name("away"))
    with caplog.at_level(logging.ERROR, "errlock.keyring"):
        assert [jane(keyring) for _ in range(3)] == [before] * 3
    assert [record.message for record in caplog.records] == [
        "there is no keyring file: make one with `errlock key new --keyring FILE`"
    ]


def test_an_epoch_that_a_clock_ahead_began_is_told_not_ended(
    tmp_path: Path, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    path, tomorrow = tmp_path / "ahead", datetime.now(UTC) + timedelta(hours=25)
    new_keyring(path, KEY, Said("ann", "", f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}"))
    keyring = FileKeyring(path, KEY, rotate=3600.0)
    with caplog.at_level(logging.WARNING, "errlock.keyring"):
        assert {keyring.current("sentry").name for _ in range(3)} == {"e1"}
    assert [record.message for record in caplog.records] == [
        f"{path}: by this clock its epoch begins in 25 hours: until then nothing is rotated"
    ]


def test_a_destroyed_key_makes_no_pseudonym_even_if_there_can_be_no_new_one(
    path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = ring(path)
    jane(keyring)
    tempo = jane(keyring, "tempo")
    destroy(path, "e1", "sentry")

    def refused(*_: object) -> None:
        raise KeyringError("the keyring file cannot be written: a read-only file system")

    monkeypatch.setattr(KeyringFile, "change", refused)
    for _ in range(2):
        with pytest.raises(KeyringError, match="a read-only file system"):
            jane(keyring)
    assert jane(keyring, "tempo") == tempo


def test_a_rotation_that_cannot_be_taken_up_leaves_the_epoch_before(
    path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = ring(path)
    before = jane(keyring)
    rotate(path)
    with monkeypatch.context() as patch:

        def refused(*_: object) -> None:
            raise KeyringError("the keyring file cannot be written: the disk is full")

        patch.setattr(KeyringFile, "change", refused)
        assert jane(keyring) == before
    assert jane(keyring).startswith("e2:")


def test_threads_that_begin_at_once_agree(path: Path) -> None:
    keyring = ring(path)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(jane(keyring))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_an_epoch_that_is_too_old_ends_by_itself(path: Path, at_once: None) -> None:
    young = FileKeyring(path, KEY, rotate=9e9)
    jane(young)
    assert jane(young).startswith("e1:")
    old = FileKeyring(path, KEY, rotate=60.0)
    jane(old)
    assert jane(old).startswith("e2:")
    assert jane(old).startswith("e2:")
    event = old.epochs.history[-1]
    assert (event.by, event.why) == ("errlock", "hash.rotate")
    assert jane(young) == jane(old)


def test_two_that_find_an_epoch_too_old_begin_one(path: Path, at_once: None) -> None:
    rings = [FileKeyring(path, KEY, rotate=60.0) for _ in range(6)]
    threads = [threading.Thread(target=jane, args=(ring,)) for ring in rings for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {jane(ring)[:3] for ring in rings} == {"e2:"}


def test_a_rotation_that_fails_does_not_hide_a_destruction(
    path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = FileKeyring(path, KEY)
    jane(keyring)
    monkeypatch.setattr(keyring, "_rotate", 60.0)
    KeyringFile(path).change(lambda epochs: epochs.destroyed("e1", "sentry", ANN))

    def refused(*_: object) -> None:
        raise KeyringError("the keyring file cannot be written: a read-only file system")

    monkeypatch.setattr(KeyringFile, "change", refused)
    with pytest.raises(KeyringError):
        jane(keyring)


def _open_another(keyring: FileKeyring) -> None:
    keyring.open("tempo")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking beside threads, on purpose
def test_a_child_that_is_forked_while_a_thread_looks_is_not_stuck(
    path: Path, processes: list[multiprocessing.process.BaseProcess]
) -> None:
    """As in a web server that loads its application before it forks."""
    keyring = ring(path)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with keyring._lock, locked_file(path):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    child = multiprocessing.get_context("fork").Process(target=_open_another, args=(keyring,))
    processes.append(child)
    child.start()
    time.sleep(0.1)
    done.set()  # the file is free again, though the child has its copy of the lock
    thread.join()
    child.join(60)
    assert child.exitcode == 0
    assert jane(ring(path), "tempo") == jane(keyring, "tempo")


def _rotate_often(path: Path, times: int) -> None:
    for _ in range(times):
        rotate(path)


def _make_keys(path: Path, names: list[str]) -> None:
    keyring = ring(path)
    for name in names:
        keyring.current(name)


@pytest.fixture
def processes() -> Iterator[list[multiprocessing.process.BaseProcess]]:
    started: list[multiprocessing.process.BaseProcess] = []
    yield started
    for process in started:
        process.kill()
        process.join()


SPAWN = multiprocessing.get_context("spawn")


def test_two_processes_that_rotate_at_once_lose_no_epoch(
    path: Path, processes: list[multiprocessing.process.BaseProcess]
) -> None:
    processes += [SPAWN.Process(target=_rotate_often, args=(path, 15)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    names = [event.epoch for event in KeyringFile(path).read().epochs.history]
    assert names == [f"e{number}" for number in range(1, 32)]


def test_two_processes_that_make_keys_at_once_agree_and_lose_none(
    path: Path, processes: list[multiprocessing.process.BaseProcess]
) -> None:
    names = [f"sentry/{number}" for number in range(15)]
    processes += [SPAWN.Process(target=_make_keys, args=(path, names)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(KeyringFile(path).read().epochs.keys["e1"]) == sorted(names)
    assert len({jane(ring(path), name) for name in names}) == 15


def _change_for_ever(path: Path) -> None:
    """Rotates, makes keys of `victim` and destroys them."""
    keyring = ring(path)
    while True:
        rotate(path)
        keyring.refresh()
        keyring.open("victim")
        destroy(path, keyring.current("victim").name, "victim")


def test_whatever_a_kill_cuts_short_no_other_key_is_lost(
    path: Path, processes: list[multiprocessing.process.BaseProcess]
) -> None:
    """kill -9 at random times while another process rotates and destroys."""
    kept = jane(ring(path), "kept")
    moments = random.Random(5)
    changes = 0
    for _ in range(12):
        process = SPAWN.Process(target=_change_for_ever, args=(path,))
        processes.append(process)
        before = path.stat().st_mtime_ns
        process.start()
        deadline = time.monotonic() + 60
        while path.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.03))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        epochs = KeyringFile(path).read().epochs
        changes = len(epochs.history)
        keyring = ring(path)
        old = [epoch.pseudonym("pii.email", "jane@example.com") for epoch in keyring.all("kept")]
        assert old[0] == kept
        destroyed = {event.epoch for event in epochs.history if event.did == "destroyed"}
        assert not [epoch for epoch in destroyed if "victim" in epochs.keys[epoch]]
        keyring.open("kept")  # it can be changed: nobody holds it
    assert changes > 12  # each round made some


def test_nothing_that_is_shown_has_a_key(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keyring = ring(path)
    epoch = keyring.current("sentry")
    sealed = keyring.epochs.keys["e1"]["sentry"]
    shown = f"{keyring!r} {epoch!r} {caplog.text}"
    for secret in (KEY, sealed, epoch.key.hex(), repr(epoch.key)):
        assert secret not in shown
    assert not re.search(r"[0-9a-f]{32}", shown)
