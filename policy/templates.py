"""Lists whose items have their names elsewhere: in a message's template, or among the columns.

{"message": "login password=%s of %s", "params": ["x1", "bob"]}           Sentry's `logentry`
{"query": "… SET password = $1 …", "parameters": ["x1"]}                  what ORMs say of an error
{"columns": ["email", "password"], "rows": [["jane@x.example", "x1"]]}    what databases answered
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .findings import Tree
from .keys import MAX_KEY, classify_key
from .words.values import looks_random

PARAMS, MESSAGE, COLUMNS = "params", "message", ("columns", "fields", "keys")
STATEMENTS = ("sql", "query", "statement", "db.statement", "db.query.text")
# Where the values stand.
TOLD = (PARAMS, "parameters", "bindings", "db.params")
_ROWS = ("rows", "data", "values", "records")
_MARK, _BETWEEN = "\x1eitems", "\x1f"  # how the name of such a list ends; between names of items
_MOST_COLUMNS, _LONGEST = 100, 2000

_PLACE = re.compile(
    r"%%|%[-+ #0]*+[0-9]*+(?:\.[0-9]++)?[sdrifxXeEgGcuav]|\{[0-9]*+(?:![rsa])?(?::[^{}]*+)?\}"
)
# The name that stands before a place, and what is between them.
_BEFORE = re.compile(
    r"([^\W\d_][\w.\- ]{0,60}?)[\"'`\])]{0,2} ?(=>?|:|->|\bis|\bwas|\bwith)? ?[\"'`(\[<]{0,2}\Z"
)
_FAR = 80


def named_items(node: Mapping[str, Tree]) -> dict[str, str]:
    """The fields of an object that are such lists, each with a name that `item_names` reads."""
    message, given = node.get(MESSAGE), node.get(PARAMS)
    if isinstance(message, str) and isinstance(given, list) and len(message) <= _LONGEST:
        places = names_of_places(message)
        if any(places):
            return {PARAMS: _BETWEEN.join(places) + _MARK}
    for key in STATEMENTS:
        statement = node.get(key)
        if isinstance(statement, str) and len(statement) <= _LONGEST:
            places = names_of_columns(statement)
            if any(places):
                listed = _BETWEEN.join(places) + _MARK
                return {key: listed for key in TOLD if isinstance(node.get(key), list)}
    for key in COLUMNS:
        columns = node.get(key)
        if isinstance(columns, list) and 2 <= len(columns) <= _MOST_COLUMNS:
            names = [each if isinstance(each, str) else "" for each in columns]
            if any(len(name) <= MAX_KEY and classify_key(name) for name in names):
                listed = _BETWEEN.join(name[:MAX_KEY] for name in names) + _MARK
                return {rows: listed for rows in _ROWS if isinstance(node.get(rows), list)}
    return {}


def is_marked(key: str | None) -> bool:
    """Whether the items of a list that goes by this key have names."""
    return key is not None and key.endswith(_MARK)


def item_names(node: Sequence[Tree], key: str | None) -> Mapping[int, str]:
    """The names of the items of a list that goes by a key of `named_items`, by their places."""
    if key is None or not key.endswith(_MARK) or any(isinstance(each, list) for each in node):
        return {}
    names = key.removesuffix(_MARK).split(_BETWEEN)
    return {
        index: name
        for index, (name, value) in enumerate(zip(names, node, strict=False))
        if name and is_entered(name, value)
    }


def is_entered(name: str, value: Tree) -> bool:
    """Whether a value may be what a name beside it says: of words only a password is a secret."""
    class_ = classify_key(name) or ""
    if not isinstance(value, str) or not class_.startswith("secret."):
        return True
    return class_ in ("secret.password", "secret.otp") or looks_random(value.strip("\"'"))


def names_of_places(message: str) -> tuple[str, ...]:
    """What a template calls the values that go into it; nothing where it does not tell.

    Behind a sign it may be of any class, behind words only a password: `unexpected token %s`.
    """
    names: list[str] = []
    at = 0
    for place in _PLACE.finditer(message):
        if place[0] == "%%":
            continue
        before = _BEFORE.search(message[max(at, place.start() - _FAR) : place.start()])
        name, class_ = _named(before[1]) if before is not None else ("", None)
        sure = before is not None and before[2] in ("=", "=>", ":", "->")
        told = class_ is not None and (sure or class_ == "secret.password")
        names.append(name if told else "")
        at = place.end()
    return tuple(names)


def _named(said: str) -> tuple[str, str | None]:
    """The last words of a sentence that tell something: `bob has password`."""
    words = said.split()
    for first in (0, -2, -1):
        name = " ".join(words[first:])
        if (class_ := classify_key(name)) is not None:
            return name, class_
    return said, None


_BOUND = re.compile(r"\?|%s|\$([0-9]{1,3})|:([0-9]{1,3})\b")
_INSERTED = re.compile(
    r"(?i)\b(?:insert|replace)\s+(?:ignore\s+)?into\s+[^\s()]{1,200}\s*\(([^()]{1,1500})\)\s*values?\b"
)
_COMPARED = re.compile(
    r"(?i)([\w$]{1,60})[\"`\]]?\s*(?:=|<>|!=|<=?|>=?|\blike\b|\bilike\b|\bin\b)\s*\(?\Z"
)


def names_of_columns(statement: str) -> tuple[str, ...]:
    """The columns that the values of an SQL statement are for, in the order of these; "" of others.

    Nothing where none of them tells anything.
    """
    names: dict[int, str] = {}
    inserted = _INSERTED.search(statement)
    columns = [each.strip(' \t\r\n"`[]') for each in inserted[1].split(",")] if inserted else []
    row = 0
    for count, place in enumerate(_BOUND.finditer(statement)):
        number = int(place[1] or place[2] or count + 1) - 1
        if inserted is not None and place.start() >= inserted.end():
            names[number] = columns[row % len(columns)]
            row += 1
        else:
            before = _COMPARED.search(statement[max(0, place.start() - _FAR) : place.start()])
            names[number] = before[1] if before is not None else ""
    if not any(map(classify_key, names.values())):
        return ()
    return tuple(names.get(number, "") for number in range(min(max(names) + 1, _MOST_COLUMNS)))
