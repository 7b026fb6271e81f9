import stat
from pathlib import Path

import pytest

from errlock.policy.pseudonyms import (
    Keyring,
    KeyringError,
    check_key,
    new_key,
    new_keyring,
    normalised,
)


def test_the_same_value_has_the_same_pseudonym() -> None:
    key = new_key()
    one, two = Keyring.from_key(key), Keyring.from_key(key)
    assert one.pseudonym("pii.email", "a@b.c", "x") == two.pseudonym("pii.email", "a@b.c", "x")


def test_class_destination_and_key_separate_pseudonyms() -> None:
    ring = Keyring.from_key(new_key())
    pseudonyms = {
        ring.pseudonym("pii.email", "a@b.c", "x"),
        ring.pseudonym("pii.username", "a@b.c", "x"),
        ring.pseudonym("pii.email", "a@b.c", "y"),
        Keyring.from_key(new_key()).pseudonym("pii.email", "a@b.c", "x"),
    }
    assert len(pseudonyms) == 4


@pytest.mark.parametrize(
    ("class_", "one", "two"),
    [
        ("pii.email", "Jane@Example.com", " jane@example.com"),
        ("pii.ip", "2001:db8:0:0::1", "2001:DB8::1"),
        ("pii.phone", "+49 (170) 123-456", "+49170123456"),
        ("financial.card", "4111 1111 1111 1111", "4111111111111111"),
        ("pii.mac", "AA-BB-CC-00-11-22", "aa:bb:cc:00:11:22"),
    ],
)
def test_values_are_normalised_first(class_: str, one: str, two: str) -> None:
    assert normalised(class_, one) == normalised(class_, two)


def test_a_keyring_file_is_for_its_owner_only_and_holds_no_key_in_clear(tmp_path: Path) -> None:
    path, key = tmp_path / "keyring", new_key()
    new_keyring(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ring = Keyring.from_file(path, key)
    assert ring.epoch == "e1"
    assert ring._key.hex() not in path.read_text()
    pseudonym = ring.pseudonym("pii.email", "a@b.c", "")
    assert Keyring.from_file(path, key).pseudonym("pii.email", "a@b.c", "") == pseudonym


def test_a_keyring_is_never_replaced(tmp_path: Path) -> None:
    path, key = tmp_path / "keyring", new_key()
    new_keyring(path, key)
    with pytest.raises(FileExistsError):
        new_keyring(path, key)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("other key", "the keyring was not made with this key"),
        ("mode", "the keyring file can be read by others: chmod 600 it"),
        ("missing", "there is no keyring file: make one with `errlock key new --keyring FILE`"),
        ("text", "the keyring file cannot be read"),
        ("version", "the keyring file is of an unknown version"),
    ],
)
def test_a_keyring_that_cannot_be_used_says_why(tmp_path: Path, damage: str, message: str) -> None:
    path, key = tmp_path / "keyring", new_key()
    new_keyring(path, key)
    if damage == "other key":
        key = new_key()
    elif damage == "mode":
        path.chmod(0o644)
    elif damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text("x")
    else:
        path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(KeyringError) as caught:
        Keyring.from_file(path, key)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["", "hunter2", "errlock-key-1-", "errlock-key-1-AAAA"])
def test_what_is_not_a_key_is_refused(key: str) -> None:
    assert check_key(key) == "not a key: make one with `errlock key new`"
    assert check_key(new_key()) is None


def test_a_keyring_never_shows_its_key() -> None:
    assert repr(Keyring.from_key(new_key())) == "Keyring(e0)"
