"""Lists whose items have their names in a template or among columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_twins import difference, raw_difference
from scrubbing import scrubbed, scrubbed_text

SECRET = "wintertime"

NAMED: list[tuple[dict[str, Any], list[str]]] = [
    ({"message": "login password=%s of %s", "params": [SECRET, "b1"]}, ["b1"]),
    ({"message": "n %d, with password '%s'", "params": [7, SECRET]}, []),
    ({"message": "{} has password: {!r}", "params": ["b1", SECRET]}, ["b1"]),
    ({"message": "50%% for firstName -> %s", "params": ["Jane " + SECRET]}, []),
    ({"columns": ["id", "password"], "rows": [["b1", SECRET], ["b2", SECRET]]}, ["b1", "b2"]),
    ({"columns": ["id", "password", "n"], "data": [["b1", SECRET, "n1"]]}, ["b1", "n1"]),
    ({"keys": ["user", "password"], "values": ["b1", SECRET]}, ["b1"]),
    ({"sql": "INSERT INTO u (id, password) VALUES (?, ?)", "params": ["b1", SECRET]}, ["b1"]),
    ({"query": 'UPDATE u SET "password" = $1 WHERE id=$2', "parameters": [SECRET, "b1"]}, ["b1"]),
    ({"query": "x where password = $2 and id = $1", "parameters": ["b1", SECRET]}, ["b1"]),
    (
        {
            "query": "insert into `u` (`id`, `password`) values (?, ?), (?, ?)",
            "bindings": ["b1", SECRET, "b2", SECRET],
        },
        ["b1", "b2"],
    ),
    ({"label": "Password", "value": SECRET}, ["Password"]),
    ({"question": "Your password", "answer": SECRET, "type": "x1"}, ["x1"]),
]
OTHERS: list[dict[str, Any]] = [
    {"message": "unexpected token %s at session %s", "params": ["EOF", "start"]},
    {"message": "password must be %s", "params": ["required"]},
    {"message": "password=%s", "params": [None, True]},
    {"message": "of %s", "params": [["password", "is required"]]},
    {"columns": ["id", "name"], "rows": [["b1", "wintertime"]]},
    {"columns": ["password"], "rows": [["b1", "wintertime"]]},
    {"sql": "SELECT a FROM u WHERE n = ? AND plan = ?", "params": ["wintertime", "pro"]},
    {"query": "is the password right?", "parameters": ["wintertime"]},
    {"message": "session=%s", "params": ["closed"]},
    {"columns": ["id", "session"], "rows": [["b1", "closed"]]},
    {"label": "Session", "value": "Yoga class"},
    {"label": "Password", "value": "Forgot your password?"},
    {"label": "Token", "value": "Copy"},
    {"label": "Sessions", "value": "120"},
]


@pytest.mark.parametrize(("tree", "stay"), NAMED)
def test_items_are_judged_by_their_names(tree: dict[str, Any], stay: list[str]) -> None:
    for left in (json.dumps(scrubbed({"extra": {"x": tree}})), scrubbed_text(json.dumps(tree))):
        assert SECRET not in left
        assert [each for each in stay if each not in left] == []


@pytest.mark.parametrize("tree", OTHERS)
def test_what_has_no_telling_name_stays(tree: dict[str, Any]) -> None:
    assert scrubbed({"extra": {"x": tree}}) == {"extra": {"x": tree}}


@pytest.mark.parametrize("tree", [tree for tree, _ in NAMED] + OTHERS)
def test_the_engine_sees_what_the_walk_sees(tree: dict[str, Any]) -> None:
    for event in ({"logentry": tree}, {"extra": {"x": json.dumps(tree)}}):
        assert difference("default", "event", event) is None
        assert raw_difference("default", "event", json.dumps(event).encode()) is None
