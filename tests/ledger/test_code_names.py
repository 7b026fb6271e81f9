"""Of names in documents the account keeps what is a name, and nothing that a token could be."""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Callable

import pytest
from canaries import CANARIES, FRAGMENTS
from code_event import EVENT, mentioned, sent

from errlock.ledger.code import names
from errlock.ledger.code.door import admitted
from errlock.ledger.code.names import KINDS, Kind
from errlock.ledger.code.sql import shape

NAMES = [
    (names.package, "requests", "requests"),
    (names.package, "@sentry/browser", "@sentry/browser"),
    (names.package, "pypi:sentry-sdk", "pypi:sentry-sdk"),
    (names.package, "io.netty:netty-codec", "io.netty:netty-codec"),
    (names.package, "two words", "other"),
    (names.package, "", "other"),
    (names.package, "p" * 100_000, "other"),
    (names.version, "2.31.0", "2.31.0"),
    (names.version, "2024.10.17", "2024.10.17"),
    (names.version, "v0.0.0-20210921155107-089bfa567519", "v0.0.0-*-*"),
    (names.version, "81.2.69.160", "81.2.69.*"),
    (names.version, "6.1.7.10", "6.1.7.10"),
    (names.version, "6.1.0-13", "6.1.0-13"),
    (names.version, "unknown", ""),
    (names.file, "shop/cart/views.py", "shop/cart/views.py"),
    (names.file, "/home/alice/app/x.py", "/home/~/app/x.py"),
    (names.file, "C:\\Users\\bob\\App.cs", "C:\\Users\\~\\App.cs"),
    (names.file, "https://cdn.example.com/js/main.3f9d2c1a.js?v=1", "/js/main.*.js"),
    (names.file, "app:///index.android.bundle", "/index.android.bundle"),
    (names.file, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>"),
    (names.file, "no account for jane", "other"),
    (names.host, "DB01.corp.example.com", "db01.corp.example.com"),
    (names.host, "checkout-7f9d5c8b6-x2k4q", "checkout-*-*"),
    (names.host, "10.0.3.17", "10.0.3.*"),
    (names.internal, "redis", "redis"),
    (names.internal, "cart.default.svc.cluster.local", "cart.default.svc.cluster.local"),
    (names.internal, "172.20.3.17", "172.20.3.*"),
    (names.internal, "8.8.8.8", ""),
    (names.internal, "api.example.com", ""),
    (names.internal, "localhost", ""),
    (names.route, "/users/{id}", "/users/{id}"),
    (names.route, "/api/<int:pk>/", "/api/<int:pk>/"),
    (names.route, "/order/12345678?token=x", "/order/*"),
    (names.exception, "ValueError", "ValueError"),
    (names.exception, "*errors.errorString", "errors.errorString"),
    (names.exception, "std::runtime_error", "std::runtime_error"),
    (names.exception, "Illuminate\\Database\\Gone", "Illuminate\\Database\\Gone"),
    (names.exception, "HTTPSConnectionPool", "HTTPSConnectionPool"),
    (names.exception, "NSInternalInconsistencyException", "NSInternalInconsistencyException"),
    (names.exception, "could not find alice", "other"),
    (shape, "SELECT a FROM t WHERE n = 7 OR n = 'it''s'", "SELECT a FROM t WHERE n = ? OR n = ?"),
    (shape, 'SELECT "t"."a" FROM "t" WHERE "t"."b" = "bob"', "SELECT t.a FROM t WHERE t.b = ?"),
    (shape, "INSERT INTO t (a, b) VALUES (1, 'x'), (2, %s)", "INSERT INTO t (a, b) VALUES (?)"),
    (shape, "UPDATE t SET a = :name -- alice", "UPDATE t SET a = ?"),
    (shape, "SELECT a FROM t WHERE n = 'unfinished", "SELECT a FROM t WHERE n = ?"),
    (shape, "SELECT 'it\\'s alice' FROM t", "SELECT *"),
    (shape, "SELECT $$alice$$", "SELECT *"),
    (shape, "connection to alice lost", ""),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "kept"), NAMES, ids=[each[1][:30] for each in NAMES])
def test_a_name_is_kept_in_its_form(read: Callable[[str], str], text: str, kept: str) -> None:
    assert read(text) == kept


READERS = (names.package, names.version, names.file, names.host, names.internal, names.route,
           names.exception, shape)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
def test_no_canary_is_kept_as_a_name(read: Callable[[str], str]) -> None:
    for name, core in CANARIES.items():
        for text in (core, FRAGMENTS[name], f"/{core}", f"x.{core}", f"SELECT a FROM {core}"):
            assert core not in read(text), name


def test_few_random_tokens_look_like_words() -> None:
    dice = random.Random(1)
    alphabets = (string.ascii_letters + string.digits, string.ascii_lowercase + string.digits,
                 string.ascii_uppercase + "234567", "0123456789abcdef")  # fmt: skip
    for alphabet in alphabets:
        made = ["".join(dice.choices(alphabet, k=24)) for _ in range(2000)]
        assert sum(map(names.plain, made)) <= 10  # of 2,000
    assert not any(names.plain(secrets.token_hex(8)) for _ in range(500))


def test_words_of_programs_are_words() -> None:
    words = (
        "sqlalchemy ConcurrentModificationException utf8mb4 sha256sum k8s i18n x86 OAuth2Session"
        " HTTPSConnectionPool http2 base64 BeanFactory2 NullPointerException IllegalStateException"
        " WebKitBlobResource psycopg2 numpy v1alpha1 getElementById XMLHttpRequest"
    )
    assert [word for word in words.split() if not names.plain(word)] == []


@pytest.mark.parametrize("text", ["[path]", "[username:e1:0x9f3b6c02d41a]"])
def test_what_the_policy_took_out_is_no_name(text: str) -> None:
    assert names.is_removed(text)
    assert not names.is_removed(f"{text}.tsx")
    assert not names.is_removed("[slug]")


# Of names that embedded pipelines hand over, those come in that errlock itself would have kept.
KIND_OF: dict[Callable[[str], str], Kind] = {
    names.package: "package", names.file: "file", names.host: "host", names.internal: "host",
    names.route: "route", names.exception: "exception", shape: "sql",
}  # fmt: skip
LONG = shape(f"SELECT {', '.join(f'some_column_{n}' for n in range(99))} FROM orders WHERE a = 1")


@pytest.mark.parametrize(
    ("kind", "name"),
    [(KIND_OF[read], kept) for read, _, kept in NAMES if read in KIND_OF and kept]
    + [("sql", "SELECT count(*), t.* FROM t WHERE a = ?"), ("sql", LONG)],
    ids=str,
)
def test_what_is_kept_comes_in_as_it_is_when_it_is_handed_over(kind: Kind, name: str) -> None:
    assert admitted(kind, name, "").name == name


@pytest.mark.parametrize("version", ["2.31.0", "v0.0.0-*-*", "6.1.7.10", ""])
def test_versions_that_are_handed_over_come_in_as_they_are(version: str) -> None:
    assert admitted("package", "django", version).detail == version


def test_all_that_an_event_discloses_comes_in_as_it_is() -> None:
    found = mentioned(sent(EVENT))
    assert found
    for kind, name, detail, _ in found:
        assert admitted(kind, name, detail) == (kind, name, detail)


def test_no_canary_that_is_handed_over_comes_in() -> None:
    for canary, core in CANARIES.items():
        for text in (core, FRAGMENTS[canary], f"/{core}", f"SELECT a FROM {core}"):
            for kind in KINDS:
                assert core not in str(admitted(kind, text, ""))
                assert core not in str(admitted(kind, "django", text))


@pytest.mark.parametrize(
    ("kind", "name", "detail"),
    [
        ("file", "/home/alice/app/x.py", ""),
        ("host", "10.0.3.17", ""),
        ("host", "jane.roe@example.com", ""),
        ("package", "two words", ""),
        ("package", "other", "ghp_9aB3dE5fG7hJ9kL1mN3p"),
        ("file", "other", "mine"),
        ("route", "/order/12345678", ""),
        ("route", "other", "get me"),
        ("sql", "SELECT a FROM t WHERE n = 'alice'", ""),
        ("sql", "alice", ""),
        ("exception", "<b>", ""),
    ],
    ids=str,
)
def test_what_is_handed_over_and_is_no_name_is_other(kind: Kind, name: str, detail: str) -> None:
    assert admitted(kind, name, detail) == (kind, "other", "")
