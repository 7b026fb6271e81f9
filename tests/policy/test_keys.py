from __future__ import annotations

import pytest

from errlock.policy.classes import CLASSES
from errlock.policy.keys import GLUED, OTHER_THINGS, TERMS, classify_key, words_of
from errlock.policy.words.innocence import is_innocent

TELLING = {
    "secret.password": "password passwd pwd pass passphrase PGPASSWORD MYSQL_PWD newPassword"
    " password2 smtp_password DB_PASSWORD user[password] contraseña пароль credentials db.passwd",
    "secret.password_hash": "password_hash hashedPassword",
    "secret.private_key": "private_key privateKey ssh-key",
    "secret.session": "session_id sid PHPSESSID connect.sid sessionid",
    "secret.cookie": "cookie Cookie set-cookie",
    "secret.otp": "otp totp mfa_code pin verification_code",
    "secret.token": "token refreshToken csrf jwt bearer client_secret csrfmiddlewaretoken"
    " X-CSRF-Token authtoken",
    "secret.token.bearer": "authorization HTTP_AUTHORIZATION Proxy-Authorization",
    "secret.api_key": "api_key apikey x-api-key access_key signing_key SECRET_KEY"
    " aws_secret_access_key AWS_ACCESS_KEY_ID apiKeys",
    "secret.url_credentials": "DATABASE_URL dsn REDIS_URL",
    "secret.connection_string": "connection_string ConnectionString conn_str",
    "financial.card": "card_number creditCardNumber",
    "financial.cvv": "cvv cvc2",
    "financial.iban": "iban",
    "pii.email": "email customer_email emailAddress",
    "pii.phone": "phone phone_number mobile",
    "pii.name": "first_name lastName fullName",
    "pii.address": "address billing_address address1 zip_code",
    "pii.dob": "dob date_of_birth",
    "pii.ip": "ip remote_addr x-forwarded-for client_ip REMOTE_ADDR",
    "pii.national_id": "ssn",
    "pii.mac": "mac_address",
}


@pytest.mark.parametrize(
    ("key", "class_"), [(key, class_) for class_, keys in TELLING.items() for key in keys.split()]
)
def test_a_key_names_its_class(key: str, class_: str) -> None:
    assert classify_key(key) == class_


LOOK_ALIKES = """
author authority secretary tokenizer max_tokens token_count total_tokens password_valid
has_api_key password_hash_algorithm card_brand token_type key keyboard primary_key monkey passed
compass pinned spinner authenticated server_name name next_token prompt_tokens csrf_exempt
phone_count authority_score bypass_cache credential_count PublicKeyToken public_key cache_key
password_policy session_timeout cookie_domain email_verified render_pass account_sid
memory_address DESKTOP_SESSION user user_agent id status message
"""


@pytest.mark.parametrize("key", LOOK_ALIKES.split())
def test_a_look_alike_names_nothing(key: str) -> None:
    assert classify_key(key) is None


def test_a_key_is_split_in_every_naming_style() -> None:
    expected = ("refresh", "token")
    for key in ("refreshToken", "REFRESH_TOKEN", "refresh-token", "refresh.token", "RefreshToken"):
        assert words_of(key) == expected
    assert words_of("APIKey2") == ("api", "key", "2")


def test_a_very_long_key_is_free_text() -> None:
    assert classify_key("x" * 300 + "_password") is None


def test_a_key_that_is_no_valid_text_is_read_all_the_same() -> None:
    assert classify_key("\ud800_password") == "secret.password"


def test_the_vocabulary_names_classes_that_exist() -> None:
    assert set(TERMS.values()) | set(GLUED.values()) <= set(CLASSES)


def test_every_exception_belongs_to_a_word_of_the_vocabulary() -> None:
    for term in OTHER_THINGS:
        assert term in TERMS or term.removesuffix("s") in TERMS


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, "", "''", "None", "null", "undefined", "[Filtered]", "[password]",
        "[email:e1:0x9f3b6c02d41a]", "********", "<Foo object at 0x7f41d9c98d78>", "%s", "?", "{}",
        "{{ password }}", "${PASSWORD}", "#{pw}", "%(password)s", ":password", "str", "b''",
        "os.environ['X']", "get_password(user)", "This field is required.", "/run/secrets/db",
        "settings.SECRET_KEY",
    ],
)  # fmt: skip
def test_a_value_that_is_none_is_innocent_under_any_key(value: object) -> None:
    assert is_innocent(value, "secret.password")
    assert is_innocent(value, "secret.token")


WORTH_HIDING = [
    "hunter2", "correct horse", 123456, b"hunter2", ["x"], {"a": 1}, "Summer(2024)", "@dmin123",
    "$ecret", ":Secret1", "data.P4ss!", "/9j4AAQSkZJRgABAQEASABIAAD/2wBD",
]  # fmt: skip


@pytest.mark.parametrize("value", WORTH_HIDING)
def test_a_value_worth_hiding_is_not_innocent(value: object) -> None:
    assert not is_innocent(value, "secret.password")


@pytest.mark.parametrize(
    ("value", "class_", "innocent"),
    [
        ("2026-11-27T10:00:00Z", "secret.session", True),
        ("2026-11-27 10:00:00.123456+00:00", "secret.token", True),
        ("2026-11-27T10:00", "pii.username", True),
        ("2026-11-27", "secret.password", False),
        ("1985-03-12T00:00:00Z", "pii.dob", False),
        (312, "secret.token", True),
        ("312", "secret.token", True),
        (482193, "secret.otp", False),
        ("GPIO17", "secret.otp", True),
        ("GP17X2", "secret.otp", False),
        ("4.6.1", "secret.token", True),
        ("oauth2", "secret.token", True),
        ("https://auth.example.com/", "secret.token", True),
        ("not an address", "pii.email", True),
        ("a@b.example", "pii.email", False),
        ("a%40b.example", "pii.email", False),
        ("Alice", "pii.name", False),
        ("42", "pii.name", True),
        ("020 7946 0958", "pii.phone", False),
        ("home", "pii.phone", True),
        ("127.0.0.1", "pii.ip", True),
        ("unknown", "pii.ip", True),
        ("203.0.113.7", "pii.ip", False),
        ("203.0.113.7, 10.0.0.1", "pii.ip", False),
        ("0x7ffe1234", "pii.address", True),
        ("db-1.internal:5432", "pii.address", True),
        ("12 Main Street", "pii.address", False),
        ("123", "financial.cvv", False),
        ("************1111", "financial.card", True),
        ("4111111111111112", "financial.card", False),
        ("visa", "financial.cvv", True),
        (52.52, "pii.location", False),
        (0, "pii.location", True),
        ("postgres://db/x", "secret.url_credentials", True),
        ("2.0.0", "pii.national_id", True),
    ],
)
def test_what_is_plausible_depends_on_the_class(value: object, class_: str, innocent: bool) -> None:
    assert is_innocent(value, class_) is innocent


@pytest.mark.parametrize("path", ["/home/[username]/", "/home/****************", "/home//"])
def test_a_path_stays_a_path_when_its_home_folders_owner_has_gone(path: str) -> None:
    assert is_innocent(path, "secret.password")


def test_the_colons_of_a_pseudonym_make_no_address() -> None:
    assert is_innocent("/home/[username:e0:0xcadc6917dc5e]", "pii.ip")
