import pytest

from errlock.policy.keyring.pseudonyms import Epoch, SingleKey, check_key, new_key, normalised


def pseudonym(class_: str, value: str, scope: str, key: str) -> str:
    return SingleKey(key).current(scope).pseudonym(class_, value)


def test_the_same_value_has_the_same_pseudonym() -> None:
    key = new_key()
    one, two = (pseudonym("pii.email", "a@b.c", "x", key) for _ in range(2))
    assert one == two
    assert one.startswith("e0:0x")


def test_class_destination_and_key_separate_pseudonyms() -> None:
    key = new_key()
    pseudonyms = {
        pseudonym("pii.email", "a@b.c", "x", key),
        pseudonym("pii.username", "a@b.c", "x", key),
        pseudonym("pii.email", "a@b.c", "y", key),
        pseudonym("pii.email", "a@b.c", "x", new_key()),
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


@pytest.mark.parametrize("key", ["", "hunter2", "errlock-key-1-", "errlock-key-1-AAAA"])
def test_what_is_not_a_key_is_refused(key: str) -> None:
    assert check_key(key) == "not a key: make one with `errlock key new`"
    assert check_key(new_key()) is None


def test_an_epoch_never_shows_its_key() -> None:
    assert repr(Epoch("e1", b"0123")) == "Epoch(e1)"
