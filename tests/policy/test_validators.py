from __future__ import annotations

import pytest

from errlock.policy.validation.validators import VALIDATORS, Candidate


def check(name: str, text: str, value: str) -> str | None:
    """What a validator vouches for of a value in a text."""
    data = text.encode()
    start = data.index(value.encode())
    kept = VALIDATORS[name](Candidate(data, start, start + len(value.encode())))
    return None if kept is None else kept.value


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111", "2221000000000009", "378282246310005", "30569309025904",
        "3530111333300000", "6200000000000005", "6445644564456445", "4000000000000000006",
        "4111-1111-1111-1111",
    ],
)  # fmt: skip
def test_a_card_of_each_scheme_is_one(number: str) -> None:
    assert check("card", f"card {number} declined", number) == number


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111112",  # check digit
        "1715075363321",  # milliseconds since 1970
        "9999999999999995",  # no issuer
        "4111 1111-1111 1111",  # separators of two kinds
        "41 11 11 11 11 11 11 11",  # groups that no card has
    ],
)
def test_other_long_numbers_are_no_cards(number: str) -> None:
    assert check("card", f"n {number} x", number) is None


def test_an_iban_ends_where_its_country_says() -> None:
    text = "to DE89 3704 0044 0532 0130 00 today"
    assert check("iban", text, text[3:34]) == "DE89 3704 0044 0532 0130 00"


def test_an_iban_with_a_wrong_check_number_is_none() -> None:
    assert check("iban", "DE88370400440532013000", "DE88370400440532013000") is None


def test_a_phone_number_ends_where_the_sentence_goes_on() -> None:
    assert check("phone_international", "+1 415 555 2671 200", "+1 415 555 2671 200") == (
        "+1 415 555 2671"
    )


@pytest.mark.parametrize(
    "text", ["v1.2.3.4", "Chrome/115.0.0.0", "127.0.0.1", "0.0.0.0", "256.1.1.1", "version 1.2.3.4"]
)
def test_versions_and_loopback_are_no_addresses(text: str) -> None:
    value = text.lstrip("vChromesin/ ")
    assert check("ipv4", text, value) is None


def test_an_ipv6_address_leaves_the_colon_of_the_sentence() -> None:
    assert check("ipv6", "2001:db8::1: refused", "2001:db8::1:") == "2001:db8::1"


@pytest.mark.parametrize("text", ["12:34:56", "::1", "1::2", "be::ad"])
def test_times_slices_and_scopes_are_no_ipv6_addresses(text: str) -> None:
    assert check("ipv6", text, text) is None


def test_a_jwt_needs_a_jose_header() -> None:
    assert check("jwt", "eyJhbGciOiJIUzI1NiJ9.e30.x", "eyJhbGciOiJIUzI1NiJ9.e30.x")
    assert check("jwt", "eyJoZWxsbyI6IndvcmxkIn0.e30.x", "eyJoZWxsbyI6IndvcmxkIn0.e30.x") is None


@pytest.mark.parametrize(
    "text",
    ["git@github.com", "react@16.8.0.next", "logo@2x.png", "deploy@host.example:app/repo.git"],
)
def test_remotes_packages_and_files_are_no_mailboxes(text: str) -> None:
    value = text.partition(":")[0]
    assert check("email", text, value) is None


def test_the_user_of_a_url_is_no_mailbox() -> None:
    assert check("email", "https://bob@example.com/", "bob@example.com") is None
    assert check("email", "mailto:bob@example.com", "bob@example.com") == "bob@example.com"


def test_the_port_before_a_path_is_no_password() -> None:
    assert check("not_a_port", "http://h:8080/x@y", "8080/x") is None
    assert check("not_a_port", "http://u:p4ss@h", "p4ss") == "p4ss"


def test_an_aws_secret_needs_a_word_of_aws_near_it() -> None:
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzzKE"
    assert check("aws_secret", f"aws_secret={secret}", secret) == secret
    assert check("aws_secret", f"checksum={secret}", secret) is None


def test_a_bitcoin_address_must_have_its_checksum() -> None:
    good = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    assert check("base58check", good, good) == good
    assert check("base58check", good[:-1] + "3", good[:-1] + "3") is None


def test_a_part_number_is_no_social_security_number() -> None:
    assert check("us_ssn", "part 536-90-4399", "536-90-4399") is None
    assert check("us_ssn", "for 536-90-4399", "536-90-4399") == "536-90-4399"


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_no_validator_fails_on_nonsense(name: str) -> None:
    for value in ("x", "1", "é" * 20, "1" * 40, "a1:b2", "1.2.3.4.5", "١٢٣٤٥٦٧٨٩", "A" * 26):
        try:
            check(name, f" {value} ", value)
        except (ValueError, IndexError) as error:
            pytest.fail(f"{name} on {value!a}: {error!r}")


@pytest.mark.parametrize(
    "owner",
    [
        "vsts", "vsts_azpcontainer", "jovyan", "gitpod", "codespace", "semaphore", "travis",
        "buildkite-agent", "gitlab-runner",
    ],
)  # fmt: skip
def test_an_account_of_a_service_is_nobody(owner: str) -> None:
    assert check("home_owner", f"open /home/{owner}/app.py", owner) is None


def test_a_long_token_may_lack_digits() -> None:
    token = "ciotklsCqahUcCxlBCcIYzZOoOabasyEmTT"
    assert check("mixed", f"token {token}", token) == token
    name = "ciotAbstractSingletonProxyFactoryBean"
    assert check("mixed", f"class {name}", name) is None


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("snils", "112-233-445 95", "112-233-445 94"),
        ("snils", "087-654-303 00", "087-654-303 01"),
        ("sg_nric", "S1234567D", "S1234567E"),
        ("hk_id", "A123456(3)", "A123456(5)"),
        ("hk_id", "AB9876543", "AB9876544"),
        ("tw_id", "A123456789", "B123456789"),
        ("au_medicare", "2123 45670 1", "2123 45680 1"),
    ],
)
def test_a_number_of_a_state_must_have_its_check(name: str, right: str, wrong: str) -> None:
    assert check(name, f"id {right} x", right) == right
    assert check(name, f"id {wrong} x", wrong) is None
