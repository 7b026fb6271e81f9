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

ROWS = [*NOBODY, *NAMED]


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
