"""Keys: names of fields or values, and which of them sound sensitive."""

import pytest

from errlock.pipeline.review.keys import is_plain, is_technical, names_people, sounds_sensitive


@pytest.mark.parametrize(
    "key",
    [
        "user", "X-Forwarded-For", "http.request.header.cookie", "sha256", "utf8", "größe",
        "k8s.io/name", "remoteConfigurationManager", "SPRING_DATASOURCE_URL", "$http", "_private",
        "Rechtsschutzversicherung", "x_b3_traceid", "utf8mb4", "httpStatus2xxCount",
    ],
)  # fmt: skip
def test_the_name_of_a_field_is_shown(key: str) -> None:
    assert is_plain(key.removeprefix("$"))


@pytest.mark.parametrize(
    "key",
    [
        "", "jane.roe@example.com", "Jane Roe", "203.0.113.7", "4111111111111111", "+4930123456",
        "2bbd582e-c7aa-4ba7-ade0-b0adcdba3c2e", "9f86d081884c7d65", "deadbeef01",
        "tpcwwRBMuciCsCfHqnZf", "sk_live_Ab3dEf6hIj9kLmN0", "xkqzjwvbnmsdfgh", "a\x1b[31m", "a\n",
        "[email]", "Tr0ub4dor-x", "s3cr3t", "user[email]", "C-10027", "x" * 65, "qWeRtYuIoPaSdFg",
    ],
)  # fmt: skip
def test_what_looks_like_a_value_is_not_shown(key: str) -> None:
    assert not is_plain(key)


@pytest.mark.parametrize(
    "keys",
    [
        ("extra", "salary"), ("memberRef",), ("CUSTOMER_NO",), ("customer", "name"), ("gender",),
        ("account_uuid",), ("patients", "code"),
    ],
)  # fmt: skip
def test_a_telling_name(keys: tuple[str, ...]) -> None:
    assert sounds_sensitive(keys)


@pytest.mark.parametrize(
    "keys",
    [
        (), ("customer_count",), ("account_type",), ("salary_currency",), ("user_agent",), ("id",),
        ("order", "id"), ("build",), ("private_at",), ("customers",), ("extra", "name"),
    ],
)  # fmt: skip
def test_a_name_that_tells_nothing(keys: tuple[str, ...]) -> None:
    assert not sounds_sensitive(keys)


def test_people_and_what_programs_count() -> None:
    assert names_people(("tags", "member"))
    assert not names_people(("member_count",))
    assert is_technical(("request_id",))
    assert not is_technical(("member_id",))
