"""Passwords in messages of validators, settings of servers and lists of what was tried."""

from __future__ import annotations

import pytest
from rows import Row, hold, seen_otherwise

REFUSED: list[Row] = [
    (
        "INSERT INTO a (first_name) VALUES (%(first_name)s)] x {'first_name': 'Jane'}",
        ["Jane"],
        ["VALUES (%(first_name)s)"],
    ),
    ("token 3f2504e0-4f89-41d3-9a0c-0305e82c3301 is not valid", ["3f2504e0"], ["is not valid"]),
    ("reset token '9fceb02d0ae598e95dc970b74767f193' has expired", ["9fceb02d"], ["has expired"]),
    ("set api key to 9fceb02d0ae598e95dc970b74767f193", ["9fceb02d"], ["set api key to "]),
    ("changed the acme access_token to x7y8z9a1b2", ["x7y8z9a1"], ["the acme access_token to "]),
    (
        "Field error in object 'u' on field 'email': rejected value [jane_at_x]; codes [Email.u]",
        ["jane_at"],
        ["codes [Email.u]"],
    ),
    ("agora key='x7y8z9a1b2c3d4e5f6', secret='w1x2y3z4'", ["x7y8z9a1", "w1x2y3z4"], ["agora key="]),
    (
        "invalid literal for int() with base 10: 'wintertime' (env DB_PASSWORD)",
        ["wintertime"],
        ["(env DB_PASSWORD)"],
    ),
    ("Invalid date: '1985-13-02' for field birth_date", ["1985-13-02"], ["field birth_date"]),
    (
        "'wintertime' from the environment variable 'API_TOKEN' is no number",
        ["wintertime"],
        ["'API_TOKEN' is no number"],
    ),
    (
        'variable "db_password" {\n  type = string\n  default = "wintertime"\n}',
        ["wintertime"],
        ['variable "db_password"', "type = string"],
    ),
    (
        "The field Password must have 8 characters. Attempted value: 'winter'",
        ["winter"],
        ["Attempted value: "],
    ),
    (
        "Invalid type for parameter Password, value: Wint3rfell, type: x",
        ["Wint3rfell"],
        ["type: x"],
    ),
    ("error: argument --api-key: invalid int value: 'Wint3rfell'", ["Wint3rfell"], ["--api-key"]),
    ("expected int for dictionary value @ data['a']['pin']. Got 'wintertime'", ["wintertime"], []),
    (
        "'DBPassword' expected type 'int', got unconvertible type 'string', value: 'wintertime'",
        ["wintertime"],
        ["'DBPassword' expected type 'int'"],
    ),
    (
        "Could not convert string to integer: wintertime. Path 'auth.password', line 1",
        ["wintertime"],
        ["Path 'auth.password', line 1"],
    ),
    (
        "Error converting value \"wintertime\" to type 'System.Int32'. Path 'token', line 1",
        ["wintertime"],
        ["Path 'token', line 1"],
    ),
    ("The value 'wintertime' is not valid for Password.", ["wintertime"], ["for Password."]),
    ("variable DATABASE_PASSWORD with value 'wintertime'", ["wintertime"], ["DATABASE_PASSWORD"]),
    (
        'invalid type: string "wintertime", expected u16 for key `db_password` in a.toml',
        ["wintertime"],
        ["expected u16 for key `db_password` in a.toml"],
    ),
    ("JWT_SECRET is too short: Wint3rf3ll9x", ["Wint3rf3ll9x"], ["JWT_SECRET is too short:"]),
    ("DB_PASSWORD must not contain '@': got Wint3rf3ll9x", ["Wint3rf3ll9x"], ["contain '@': got"]),
    ('    var.admin_password is "wintertime"', ["wintertime"], ["var.admin_password is"]),
    ("wrong password 'wintertime' for bob", ["wintertime"], ["for bob"]),
    ("(SQL: insert into `t` (`a`, `token`) values (ci, d26f5b8f30))", ["d26f5b8f"], ["(ci, "]),
]

SETTINGS: list[Row] = [
    ("requirepass Wint3rfell9\nmaxmemory 1gb", ["Wint3rfell9"], ["maxmemory 1gb"]),
    ("CONFIG SET masterauth Wint3rfell9", ["Wint3rfell9"], []),
    ("HELLO 3 AUTH default Wint3rfell9", ["Wint3rfell9"], ["AUTH default"]),
    ("FTP command: PASS Wint3rfell9\n530 no", ["Wint3rfell9"], ["530 no"]),
    ("nats://Wint3rFell9xQ7Zp2aB@h:4222", ["Wint3rFell9xQ7Zp2aB"], ["h:4222"]),
    ("::add-mask::Wint3rfell9", ["Wint3rfell9"], ["::add-mask::"]),
    ("HTTP 401: username AC12, password Marlin9377!", ["Marlin9377!"], ["HTTP 401"]),
    ("define('SECURE_AUTH_SALT', 'Wint3r!fell 9')", ["Wint3r!fell"], ["SECURE_AUTH_SALT"]),
    ("near 'IDENTIFIED BY \"wintertime\"' at line 1", ["wintertime"], ["at line 1"]),
    ("doctl auth init -t Wint3rfell9 x", ["Wint3rfell9"], [" x"]),
    ("snyk auth 3f2a9c1e-1b2c-4d5e-8f90-a1b2c3d4e5f6", ["3f2a9c1e"], ["snyk auth"]),
    ("ngrok config add-authtoken Wint3rFell9xQ7Zp2aB", ["Wint3rFell9"], ["ngrok"]),
    ("the signing secret is too short: Wint3rf3ll9x", ["Wint3rf3ll9x"], ["is too short:"]),
    ('password: "" => "Wint3rfell9"', ["Wint3rfell9"], []),
    ('  ~ password = "wintertime" -> "summertime"', ["wintertime", "summertime"], []),
]

HARMLESS = [
    "token 3f2504e0-4f89-41d3-9a0c-0305e82c3301 issued, key 9fceb02d0ae598e95dc970b74767f193 found",
    "request 3f2504e0-4f89-41d3-9a0c-0305e82c3301 is not valid",
    "set token to base64url, changed password to optional, updated token to v2beta1",
    "on field 'email': rejected value [null]; codes [Email.u]",
    "key='orders:2024:x7y8', token='none'",
    "mutation L($login: String!, $pwd: String!, $tokens: [String!]!, $name: NameInput!) { a }",
    "Invalid type for parameter MaxKeys, value: x7y8z9a1, type: str",
    "for parameter Token, value: None, type: NoneType",
    "argument --port: invalid int value: 'x7y8z9a1'",
    "argument --token: expected one argument",
    "variable LOG_LEVEL with value 'x7y8z9a1'",
    'invalid type: string "x7y8z9a1", expected u16 for key `port`',
    "api_token must be a string, got undefined2",
    "auth_token must be of type <class 'str'>, got list[str1]",
    "secret_key must have 32 characters, found 12",
    'var.instance_type is "t3.large"',
    'typeof user.password is "string"',
    "invalid token 'foo'",
    "expected int for dictionary value @ data['port']. Got 'x7y8z9a1'",
    "'Port' expected type 'int', got unconvertible type 'string', value: 'x7y8z9a1'",
    "Could not convert string to integer: x7y8z9a1. Path 'order.count', line 1",
    "The value 'x7y8z9a1' is not valid for Quantity.",
    "The value '' is invalid for Password.",
    "insert into t (a, token) values (ci, NOW())",
    "insert into t (a, token) values ($1, :token)",
    "snyk auth is needed",
    "ngrok authtoken missing",
    "doctl auth init --context eu",
    "IDENTIFIED BY the customer",
    'a problem identified by "jamesh"',
    "token is malformed: token contains an invalid number of segments",
    "token is invalid: exp=1700000000",
    "password is too short: 8 of 12",
    "secret is unknown: see vault2/prod",
    "logged_in_key_count=3",
    "nonce=12",
    "requirepass is not set",
    "masterauth disabled",
    "HELLO 3 AUTH default",
    "FTP command: PASV",
    "sent: PASS tests_of_login",
    "::add-mask::$TOKEN",
    "unseal key 1 of 3 was given",
    "snmp community=public",
    "user bob, password expired",
    "user bob, password must have 12 characters",
    "wrong user, password [password]",
    "too short, password (hidden)",
    "x, password authentication",
    "'a' => '', 'b' => 'x7y8z9a1'",
    '~ port = "5432" -> "5433"',
    "{'password': ['Not valid.'], 'n': 1}",
    "Path 'a.b' of schema",
    "The value 'x' is new",
    "nats://alice@x",
    "invalid literal for int() with base 10: 'eight' (env PORT)",
    "Invalid value 'bearer' for option auth",
    "invalid value 'blue' for field colour",
    'variable "region" { default = "eu-west-1" }',
    'variable "db_password" { default = "" }',
]


@pytest.mark.parametrize(("text", "gone", "stay"), [*REFUSED, *SETTINGS])
def test_what_was_refused_or_set_goes(text: str, gone: list[str], stay: list[str]) -> None:
    hold(text, gone, stay)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_same_words_without_a_secret_stay(text: str) -> None:
    hold(text, [], [text])


def test_the_engine_sees_it_as_the_walk_does() -> None:
    harmless: list[Row] = [(text, [], []) for text in HARMLESS]
    assert seen_otherwise([*REFUSED, *SETTINGS, *harmless]) == []
