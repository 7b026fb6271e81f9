"""The checksums of tokens and wallets. The addresses are public examples of the standards."""

from __future__ import annotations

import pytest

from errlock.policy.detectors import ALPHABETS
from errlock.policy.validation.candidates import Candidate
from errlock.policy.validation.tokens import keccak256
from errlock.policy.validation.validators import VALIDATORS


def holds(name: str, text: str) -> bool:
    """Whether a validator vouches for a whole text."""
    return VALIDATORS[name](Candidate(text.encode(), 0, len(text.encode()))) is not None


def changed(text: str) -> str:
    """The text with a character in the middle changed into another one of its kind."""
    place = len(text) // 2
    while not text[place].isalnum():
        place += 1
    kind = "digit" if text[place].isdigit() else "upper" if text[place].isupper() else "lower"
    letters = ALPHABETS[kind].replace("l", "").replace("I", "").replace("O", "").replace("0", "")
    other = letters[(letters.find(text[place]) + 1) % len(letters)]
    return text[:place] + other + text[place + 1 :]


CHECKED = [
    # The example that npm's and GitHub's announcements were explained with; it never was a token.
    ("crc32_base62", "npm" + "_" + "qkJaB6MffYVzZXWqmcoF49yrUxP3wf" + "0LsakP"),
    ("base58check_any", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),  # Tron
    ("base58check_any", "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"),  # Tezos
    ("base58check_any", "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1"),  # Litecoin
    ("base58check_ripple", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"),  # the genesis account
    ("ss58", "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),  # Polkadot
    ("ss58", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),  # any Substrate chain
    (
        "monero",
        (
            "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANs"
            "AnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
        ),
    ),
    ("strkey", "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"),  # SEP-23
    ("algorand", "7ZUECA7HFLZTXENRV24SHLU4AVPUTMTTDUFUBNBD64C73F3UHRTHAIOF6Q"),
    ("cashaddr", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
    ("eip55", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),  # EIP-55
]


@pytest.mark.parametrize(("name", "text"), CHECKED)
def test_a_checksum_that_is_right_holds(name: str, text: str) -> None:
    assert holds(name, text)


@pytest.mark.parametrize(("name", "text"), CHECKED)
def test_one_changed_character_breaks_a_checksum(name: str, text: str) -> None:
    assert not holds(name, changed(text))


@pytest.mark.parametrize("name", sorted({name for name, _ in CHECKED}))
def test_a_checksum_of_nearly_nothing_does_not_hold(name: str) -> None:
    for text in ("x", "0x", "ghp_", "npm_12345", ":", "1" * 30, "A" * 56, "A" * 58, "4" + "1" * 94):
        assert not holds(name, text), text


def test_an_ethereum_address_in_one_case_has_no_checksum() -> None:
    assert not holds("eip55", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")


def test_keccak_is_the_one_from_before_the_standard() -> None:
    assert keccak256(b"").hex() == (
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )
    assert keccak256(b"x" * 200) != keccak256(b"x" * 201)  # more than one block


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aB3dE5gH7jK9mN2pQ4sT6vW8", True),
        ("d41d8cd98f00b204e9800998ecf8427e", False),  # a digest
        ("123E4567-E89B-12D3-A456-426614174000", False),  # a UUID
        ("AbstractSingletonProxyFactoryBean2", False),  # a name
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", False),
        ("keyBPThsOcIAVXt8C", True),  # its only digit is near the end
        ("BIMBdggZOmmLIgswwVyREUqJfhIB7", True),
        ("HTTPURLConnectionXMLParser", False),
    ],
)
def test_mixed_case_spares_digests_and_names(text: str, expected: bool) -> None:
    assert holds("mixed_case", text) is expected
