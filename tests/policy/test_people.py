"""People in texts: what is said of them goes, what only looks like it stays."""

from __future__ import annotations

from typing import Any

import pytest
from engine_twins import difference
from rows import Row, hold, seen_otherwise
from scrubbing import scrubbed

NOBODY: list[Row] = [
    (text, [], [text])
    for text in (
        "Full Name: Foo",
        "User name: postgres",
        "login: success",
        "Nachname: Pflichtfeld",
        "passport: v0.7.0",
        "VIN: 5V0A2B3C4D5E6F7G8",
        "{'first_name': ['This field is required.'], 'username': ['This value is already taken']}",
    )
]

NAMED: list[Row] = [
    ("first_name: Jane Roe", ["Jane", "Roe"], ["first_name: "]),
    ("first_name: Jane Maiden: x", ["Jane"], ["Maiden: x"]),
    ("{'username': ['jroe is already taken']}", ["jroe"], ["username"]),
    ("{'last_name': [\"Roe is not valid\"], 'x': 1}", ["Roe"], ["'x': 1"]),
    ("postal_code=94043-1351 zip: 01310-200", ["94043-1351", "01310-200"], ["postal_code="]),
]

LABELLED: list[Row] = [
    ("First name = Jane\nUser name = jroe, x", ["Jane", "jroe"], ["First name = "]),
    ("Achternaam: van der Roe, Voornaam: Jana", ["Roe", "Jana"], ["Achternaam: "]),
    ("Nazwisko: Roe, Imię: Jana\nData urodzenia: 12.07.1984", ["Roe", "Jana", "1984"], ["Imię"]),
    ("Příjmení: Novotná, Soyadı: Yılmazer", ["Novotná", "Yılmazer"], ["Soyadı: "]),
    ("Фамилия: Иванова, Имя: Ольга не найдена", ["Иванова", "Ольга"], ["Имя: ", "не найдена"]),
    ("氏名: 佐藤 花子", ["佐藤", "花子"], ["氏名: "]),
    ("姓名：王小明，手机号：13812345678", ["王小明", "13812345678"], ["姓名：", "，手机号："]),
    ("이름: 김철수, 전화번호: 010-1234-5678", ["김철수", "010-1234-5678"], ["이름: "]),
    ("الاسم: فاطمة الزهراء", ["فاطمة", "الزهراء"], ["الاسم"]),
    ("fecha de nacimiento: 12/07/1984 no válida", ["1984"], ["no válida"]),
    ("生年月日：1984年7月12日", ["1984年7月12"], ["生年月日"]),
    ("Numer telefonu: 601 234 567 jest zajęty", ["601 234 567"], ["jest zajęty"]),
    ("Telefone: (11) 96123-4567", ["96123-4567"], ["Telefone: "]),
    ("order 17: address: 5 Elm Street, Springfield", ["5 Elm", "Springfield"], ["order 17: "]),
    ("Adresse: Musterweg 3, 10115 Berlin\nOrt: x", ["Musterweg", "Berlin"], ["\nOrt: x"]),
    ("住所: 東京都新宿区西新宿2-8-1", ["西新宿"], ["住所: "]),
    ("Indirizzo: Via Roma 12, Citta: Roma", ["Via Roma 12"], [", Citta: Roma"]),
]

# What labels are of in programs and in messages of forms.
UNLABELLED: list[Row] = [
    (text, [], [text])
    for text in (
        "First name = required; user name = value",
        "Column name: First Name, Display name: Checkout Service",
        "Имя: обязательно, Имя файла: report.pdf, имя: app.log",
        "氏名: 必須",
        "电话号码格式不正确, 姓名不能为空, 住所は必須です",
        "Address: 0x401000 Size: 4096, Adres: 0x7f3a2b1c",
        "address: localhost:8080, x",
        "Address: 10 retries left",
        "adresse mémoire 0x7fff5fbff8c0",
        "geb. 12 Beispiele, born in 2.3s, born 2 goroutines",
        "sort by last name: asc, sort by: last name: Asc Nulls Last Please",
        "Telefone: campo obrigatório, Teléfono: 12",
    )
]

ROWS = [*NOBODY, *NAMED, *LABELLED, *UNLABELLED]


@pytest.mark.parametrize(("text", "gone", "stay"), ROWS)
def test_only_what_is_said_of_a_person_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


def test_the_engine_sees_in_them_what_the_walk_sees() -> None:
    assert seen_otherwise(ROWS) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("first_name", "This field is required."),
        ("last_name", "Dieses Feld ist erforderlich."),
        ("surname", "Ce champ est obligatoire."),
        ("address", "can't be blank"),
        ("zip", "must be 5 digits"),
        ("username", "A user with that username already exists."),
        ("username", "postgres"),
        ("姓名", "不能为空"),
    ],
)
def test_what_a_form_says_of_an_entry_stays(key: str, value: Any) -> None:
    tree = {"extra": {"errors": {key: [value]}}}
    assert scrubbed(tree) == tree
    assert difference("default", "event", tree) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("first_name", "Jane Roe is not valid"),
        ("last_name", "'Roe' is not a valid choice."),
        ("username", "jroe is already taken"),
        ("postal_code", "94043-1351"),
        ("plz", "00-838"),
    ],
)
def test_what_a_form_quotes_of_an_entry_goes(key: str, value: str) -> None:
    tree = {"extra": {"errors": {key: [value]}}}
    assert value not in str(scrubbed(tree))
    assert difference("default", "event", tree) is None
