"""What values look like that nobody judged."""

import pytest

from errlock.pipeline.review.looks import Look, looks_of, number_looks


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("q7Rk2mVx9Lp4Tz8Wb3Nc", Look("token", True)),
        ("'q7Rk2mVx9Lp4Tz8Wb3Nc'", Look("token", True)),
        ("the job q7Rk2mVx9Lp4Tz8Wb3Nc was refused by the other side", Look("token", False)),
        ("jane.roe@intranet", Look("email", True)),
        ("jane(at)example.com", Look("email", True)),
        ("no cart for jane.roe@intranet", Look("email", False)),
        ("1234 5678 9012 3456", Look("digits", True)),
        ("123456789012", Look("digits", True)),
        ("Jane Roe", Look("name", True)),
        ("M-100237", Look("id", True)),
        ("84103956", Look("id", True)),
        ("the cart of somebody is not there", Look("prose", True)),
    ],
)
def test_what_a_text_looks_like(text: str, look: Look) -> None:
    assert look in looks_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "...", "2bbd582e-c7aa-4ba7-ade0-b0adcdba3c2e", "1.0",
        "d551fb968d820a6c97e624d6bc1494068c777d88",
        "shop-worker-5673a4558-x7k2p", "getURLForHTTPRequestHandler", "/srv/app/accounts/views.py",
        "com.example.shop.OrderService", "https://shop.example.com/a/b?c=d", "sentry.python.flask",
        "pkg@1.2.3", "java.lang.Object@1b2c3d4e", "git@github.com", "@app.route", "1715739899",
        "1715739899364", "2026-11-23T18:31:07Z", "2026-11-23 18:31", "20261123", "10.0.0.1:5432",
        "0x7f55c27f5e43", "shop@7.15.8", "000000000000", "1.2.3.4", "3.14159265358979",
    ],
)  # fmt: skip
def test_what_is_harmless_looks_like_nothing(text: str) -> None:
    assert looks_of(text) - {Look("prose", True)} == set()


def test_numbers() -> None:
    assert number_looks(4711) == set()
    assert number_looks(84103956) == {Look("id", True)}
    assert Look("digits", True) in number_looks(4234567890123456)
    assert number_looks(1715739899364) == set()
    assert number_looks(1.5) == set()
