import pytest

from errlock.exporters.dsn import Dsn


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://key@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
        ("http://key@localhost:8000/1", "http://localhost:8000/api/1/envelope/"),
        ("https://key@host/sub/path/7", "https://host/sub/path/api/7/envelope/"),
        ("https://key:secret@host/7/", "https://host/api/7/envelope/"),
        ("http://key@[::1]:9000/1", "http://[::1]:9000/api/1/envelope/"),
    ],
)
def test_a_dsn_names_the_envelope_endpoint(text: str, url: str) -> None:
    assert Dsn.parse(text).envelope_url == url


def test_a_dsn_makes_the_authentication() -> None:
    assert Dsn.parse("https://k@h/1").auth("me/1") == (
        "Sentry sentry_version=7, sentry_client=me/1, sentry_key=k"
    )
    assert Dsn.parse("https://k:s@h/1").auth("me/1") == (
        "Sentry sentry_version=7, sentry_client=me/1, sentry_key=k, sentry_secret=s"
    )


def test_a_dsn_does_not_show_its_keys() -> None:
    assert "hunter2" not in repr(Dsn.parse("https://hunter2:hunter22@h/1"))


@pytest.mark.parametrize(
    "text",
    ["", "hunter2", "https://host/1", "https://key@/1", "https://key@host/", "ftp://key@host/1",
     "https://key@host:port/1", "https://key@host/a b", "https://k%20y@host/1", "https://k@[h/1"],
)  # fmt: skip
def test_what_is_no_dsn_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        Dsn.parse(text)
    assert str(caught.value) == "expected a DSN such as https://key@sentry.example/1"
