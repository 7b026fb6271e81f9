"""Parameters that a log shows beside their statement: behind it or before, of each its own."""

from __future__ import annotations

import time

import pytest
from rows import Row, hold, seen_otherwise

from errlock.policy.words.sql import find_in_sql

ROWS: list[Row] = [
    (
        (
            "[SQL: INSERT INTO users (id, password) VALUES (%s, %s)]\n"
            "[parameters: (1, 'sommer')]\n"
            "[SQL: INSERT INTO audit (token, note) VALUES (%s, %s)]\n"
            "[parameters: ('herbst', 'fine')]"
        ),
        ["sommer", "herbst"],
        ["(1, ", "'fine')]"],
    ),
    (
        (
            "[Parameters=[@p0='7', @p1='sommer']]\n"
            "INSERT INTO Users (Id, Password) VALUES (@p0, @p1)\n"
            "[Parameters=[@p2='herbst', @p3='8']]\n"
            "INSERT INTO Audit (Token, Id) VALUES (@p2, @p3)"
        ),
        ["sommer", "herbst"],
        ["@p0='7'", "@p3='8'"],
    ),
    (
        'msg=Query args="[1 wintertime]" pid=7 sql="UPDATE users SET password = $2 WHERE id = $1"',
        ["wintertime"],
        ['args="[1 ', "pid=7"],
    ),
    (
        "Query args=[bob wintertime] pid=7 sql=INSERT INTO users (name, password) VALUES ($1, $2)",
        ["wintertime"],
        ["args=[", "pid=7"],
    ),
    (
        "UPDATE users SET password = $2 WHERE id = $1, args: [71, 'wintertime']",
        ["wintertime"],
        ["args: [71, "],
    ),
    (
        "Query args=[10 shipped] pid=7 sql=UPDATE orders SET state = $2 WHERE id = $1",
        [],
        ["args=[10 shipped]"],
    ),
]


@pytest.mark.parametrize(("text", "gone", "stay"), ROWS)
def test_only_what_is_sensitive_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


def test_the_engine_sees_in_them_what_the_walk_sees() -> None:
    assert seen_otherwise(ROWS) == []


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t (password) VALUES (?) " * 3_000,
        b"args=[" * 20_000 + b"INSERT INTO t (password) VALUES (?)",
        b"args=[x INSERT INTO t (password) VALUES (?) " * 3_000,
        b"INSERT INTO t (password) VALUES (@p) @p='x' " * 3_000,
    ],
    ids=["many statements", "many lists", "both", "named"],
)
def test_hostile_statements_are_read_in_proportion_to_their_size(text: bytes) -> None:
    # A bound that quadratic work on these sizes would miss by far, and linear work by far keeps.
    began = time.process_time()
    list(find_in_sql(text))
    assert time.process_time() - began < 10
