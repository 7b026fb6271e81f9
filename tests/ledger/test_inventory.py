"""Inventories of every kind are read in full; what is wrong with one is told without quoting it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from errlock.ledger.inventory import reading
from errlock.ledger.inventory.reading import read_inventory
from errlock.ledger.inventory.wanted import BadInventory, InventoryFormat, Wanted
from errlock.ledger.search.variants import MOST_ENCODED, Spelling, parts, spellings, variants

ENV = """\
# production
export DB_PASSWORD='s3cr3t value'
API_KEY=abc#def # a comment
URL="postgres://a:b\\"c@h/d"
EMPTY=
PEM="-----BEGIN
line two
-----END"
"""
INI = """\
[default]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = wJalr/bPx=
; a comment
[prod eu]
token: "quoted"
"""


def pairs(data: str | bytes, format_: InventoryFormat | None = None) -> list[tuple[str, str]]:
    found = read_inventory(data.encode() if isinstance(data, str) else data, format_)
    return [(each.name, each.value) for each in found]


def test_an_env_file_is_read_by_name() -> None:
    assert pairs(ENV) == [
        ("DB_PASSWORD", "s3cr3t value"),
        ("API_KEY", "abc#def"),
        ("URL", 'postgres://a:b"c@h/d'),
        ("PEM", "-----BEGIN\nline two\n-----END"),
    ]


def test_credentials_are_read_by_section_and_name() -> None:
    assert pairs(INI) == [
        ("default.aws_access_key_id", "AKIAEXAMPLE"),
        ("default.aws_secret_access_key", "wJalr/bPx="),
        ("prod eu.token", "quoted"),
    ]


def test_what_stands_behind_a_quotation_is_a_comment() -> None:
    assert pairs('[db]\npassword = "p4ss;word" # since May\nother = "a"b"\n') == [
        ("db.password", "p4ss;word"),
        ("db.other", 'a"b'),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_an_export_of_a_password_manager_is_read_by_line_and_column(separator: str) -> None:
    rows = [
        ["name", "login_password", "notes"],
        ["shop", '"s3cr3t,value"', '"two\r\nlines"'],
        ["hunter2correct9", "tok_8f3b", ""],
    ]
    written = "\ufeff" + "".join(separator.join(row) + "\r\n" for row in rows)
    assert pairs(written) == [
        ("line 2 (shop) login_password", "s3cr3t,value"),
        ("line 2 (shop) notes", "two\r\nlines"),
        ("line 4 name", "hunter2correct9"),
        ("line 4 login_password", "tok_8f3b"),
    ]


def test_only_what_names_columns_is_csv_unless_it_is_said() -> None:
    assert pairs("Doe, Jane\nRoe, Richard\n") == [
        ("line 1", "Doe, Jane"),
        ("line 2", "Roe, Richard"),
    ]
    assert pairs("id,owner\na1,b2\n", "csv") == [("line 2 id", "a1"), ("line 2 owner", "b2")]
    with pytest.raises(BadInventory, match="not CSV: line 2"):
        pairs('id,owner\n"a1"x,b2\n', "csv")


def test_json_in_a_value_is_opened() -> None:
    inner = json.dumps({"user": "shop", "password": "s3cr3t", "more": '{"a": ["b"]}'})
    names = ["user", "password", "more.a[0]"]
    values = ["shop", "s3cr3t", "b"]
    outer = json.dumps({"Name": "db", "SecretString": inner})
    assert pairs(outer) == [
        ("Name", "db"),
        *((f"SecretString.{name}", value) for name, value in zip(names, values, strict=True)),
    ]
    assert [value for _, value in pairs(f"DB='{inner}'\n")] == values
    assert pairs("TOKEN={notjson\n") == [("TOKEN", "{notjson")]


def test_json_is_read_by_path_however_deep() -> None:
    tree = {
        "data": {"data": {"db": {"password": "p"}, "keys": ["a", "b"], "n": 12345678901234567890}}
    }
    assert pairs(json.dumps({**tree, "ok": True, "none": None})) == [
        ("data.data.db.password", "p"),
        ("data.data.keys[0]", "a"),
        ("data.data.keys[1]", "b"),
        ("data.data.n", "12345678901234567890"),
    ]


def test_two_values_of_one_name_are_both_read() -> None:
    assert pairs('{"a": "1", "a": "2"}') == [("a (1)", "1"), ("a (2)", "2")]
    assert pairs("A=1\nA=2\n") == [("A (1)", "1"), ("A (2)", "2")]


def test_lines_are_named_by_their_number() -> None:
    assert pairs("ann@mail.example\n\n 4711 \r\n") == [
        ("line 1", "ann@mail.example"),
        ("line 3", "4711"),
    ]
    assert pairs("[x\nA=1\n", "lines") == [("line 1", "[x"), ("line 2", "A=1")]


def test_a_name_that_may_be_a_secret_is_not_shown() -> None:
    token = "ghp_" + "cAnArY0vZ5rKx2Lp7"
    names = [name for name, _ in pairs(f"{token}=1\nAPI_KEY=2\n") + pairs(json.dumps({token: "3"}))]
    assert names == ["line 1", "API_KEY", "#1"]
    assert [name for name, _ in pairs(json.dumps({"ann@mail.example": "3"}))] == ["#1"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n\x00\x01binary", "line 2 holds a NUL byte: it is no text"),
        (b"good\nsecret-\xff\xfe", "line 2 is not UTF-8"),
        ("a\n\x00".encode("utf-16"), "line 2 holds a NUL byte: it is no text"),
        (b"\xff\xfea", "it begins as UTF-16, and is none"),
        (b'{"password": "hunter22",\n "x" hunter}', "not JSON: line 2, column 6"),
        (b"[" * 200_000, "not JSON: nested too deeply"),
        (b'{"n": ' + b"9" * 10_000 + b"x}", "not JSON: line 1, column 10007"),
    ],
    ids=[
        "binary",
        "not UTF-8",
        "binary UTF-16",
        "half of UTF-16",
        "broken JSON",
        "deep JSON",
        "a long number",
    ],
)
def test_what_is_wrong_is_told_by_its_place(data: bytes, message: str) -> None:
    with pytest.raises(BadInventory) as caught:
        read_inventory(data)
    assert str(caught.value) == message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_windows_writes_is_read() -> None:
    for text in ("ann@mail.example\r\n", "mail;name\r\nann@mail.example;Ann\r\n"):
        for encoding in ("utf-16-le", "utf-16-be", "utf-8"):
            assert read_inventory(f"\ufeff{text}".encode(encoding)) == read_inventory(text.encode())


def test_what_is_looked_for_does_not_show_itself() -> None:
    for each in (Wanted("line 1", "s3cr3t"), Spelling(0, "s3cr3t", "")):
        for shown in (repr(each), str([each]), pretty_repr(each)):
            assert "s3cr3t" not in shown


def test_a_huge_inventory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_VALUES", 2000)
    monkeypatch.setattr(reading, "MOST_BYTES", 2**20)
    with pytest.raises(BadInventory, match="more than 2,000 values"):
        read_inventory(b"a\n" * 2001)
    with pytest.raises(BadInventory, match="longer than 1 MiB"):
        read_inventory(b"a" * (2**20 + 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"quoted"', "quoted"),
        ("ann@mail.example,", "ann@mail.example"),
        ("'quoted';", "quoted"),
        ("a%20b%2Fc", "a b/c"),
        ("a+b c", "a%2Bb%20c"),
        ("c2VjcmV0LXZhbHVl", "secret-value"),
        ("https://user:pa%40ss@host/path", "pa@ss"),
        ("https://user:pa%40ss@host/path", "pa%40ss"),
        ("Bearer abcdef123", "abcdef123"),
        ("user:password", "dXNlcjpwYXNzd29yZA=="),
        ("Ann <ann@mail.example>", "ann@mail.example"),
        ("Server=x;Pwd=hun/ter2;Db=y", "hun/ter2"),
        ("https://hooks.example/T0/B1/XyZw1234", "XyZw1234"),
        ("https://h.example/?token=abc%2Fdef", "abc/def"),
        ("-----BEGIN\\nabc\\n-----END", "-----BEGIN\nabc\n-----END"),
    ],
)
def test_a_value_is_tried_as_what_a_detector_may_have_claimed(value: str, expected: str) -> None:
    assert expected in [text for text, _ in variants(value)]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=6, max_size=40))
def test_what_is_base64_of_a_text_is_tried_as_that_text(text: str) -> None:
    assume(text.isprintable() and text == text.strip())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert text in [variant for variant, _ in variants(encode(text.encode()).decode())]


@pytest.mark.parametrize(
    "value", ["=" * 5000, "a:" * 5000, "<a@" * 5000, "key=" * 5000, "%" * 5000]
)
def test_variants_are_few_whatever_the_value(value: str) -> None:
    assert len(list(variants(value))) <= 26


KEY = """\
-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0B
CpaLdCbYBfF/rI0gOmTi+A==
-----END PRIVATE KEY-----"""


@pytest.mark.parametrize(
    "value",
    [
        base64.b64encode(b"secret value 1\n").decode(),
        base64.encodebytes(b"secret value 1" + b" " * 80).decode(),
        quote(base64.b64encode(b"secret value 1").decode(), safe=""),
        json.dumps(base64.b64encode(b"secret value 1").decode()),
        base64.b64encode(base64.b64encode(b'"secret value 1"')).decode(),
        json.dumps("secret\u0020value 1").replace(" ", "\\u0020"),
    ],
    ids=["a line", "broken", "in a URL", "quoted", "twice", "escaped"],
)
def test_a_value_is_tried_as_what_it_says_in_the_end(value: str) -> None:
    assert "secret value 1" in [text for text, _ in variants(value)]


def test_a_value_is_tried_as_base64_of_it_and_of_its_line() -> None:
    encoded = [base64.b64encode(text).decode() for text in (b"s3cr3t", b"s3cr3t\n")]
    assert [text for text, _ in variants("s3cr3t")] == ["s3cr3t", *encoded]
    assert len(spellings(["s3cr3t"] * MOST_ENCODED)) == 3 * MOST_ENCODED
    assert len(spellings(["s3cr3t"] * (MOST_ENCODED + 1))) == MOST_ENCODED + 1


@pytest.mark.parametrize(
    "claimed",
    [
        base64.b64encode(b"ann:p4ss/word77").decode(),
        base64.b64encode(b"ann:p4sswordX77").decode(),
        base64.b64encode(b"p4ss/word77\n").decode(),
        "postgres://ann:p4ss%2Fword77@db/shop",
        "p4ss%2Fword77",
        json.dumps("p4ss/word77"),
    ],
)
def test_what_a_detector_claimed_is_kept_as_what_it_says(claimed: str) -> None:
    kept = {text.strip() for text in parts("secret.basic_auth", claimed)}
    assert kept & {"p4ss/word77", "p4sswordX77"}


@pytest.mark.parametrize(
    "claimed",
    [
        KEY,
        KEY.replace("\n", "\\n"),
        KEY.replace("\n", "\r\n"),
        KEY.partition("\n")[2].rpartition("\n")[0],
        base64.b64encode(KEY.encode()).decode(),
    ],
    ids=["lines", "escaped", "CRLF", "its body", "base64"],
)
@pytest.mark.parametrize(
    "looked_for",
    [
        KEY,
        f"{KEY}\n",
        KEY.replace("\n", "\\n"),
        KEY.replace("\n", " "),
        base64.encodebytes(KEY.encode()).decode(),
        f"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n{KEY}\n",
    ],
    ids=["lines", "with a line feed", "escaped", "one line", "base64", "behind a certificate"],
)
def test_a_key_is_found_however_its_lines_are_broken(claimed: str, looked_for: str) -> None:
    kept = set(parts("secret.private_key", claimed))
    assert kept & {text for text, _ in variants(looked_for)}
