"""A document is not read for what its SDK notes in `_meta`, unless that may not stay."""

from __future__ import annotations

import json
from typing import Any

import engine_twins as twins
import pytest

from errlock.policy.plan import Findings, Subject

_FILTERED = {"": {"rem": [["!config", "s"]]}}
_CUT = {"": {"len": 2570, "rem": [["!limit", "x", 1021, 1024]]}}
_EVENT: dict[str, Any] = {
    "message": "it failed",
    "request": {"headers": {"Cookie": "[Filtered]", "Accept": "*/*"}},
    "breadcrumbs": {"values": [{"message": "one"}, {"message": "two..."}]},
    "extra": {"password": "[Filtered]"},
}
# As sentry-python and @sentry/node write them.
_KEPT: list[dict[str, Any]] = [
    {"request": {"headers": {"Cookie": _FILTERED}}},
    {"breadcrumbs": {"": {"len": 2570}}},
    {"breadcrumbs": {"values": {"1": {"message": _CUT}}}, "extra": {"password": _FILTERED}},
]


def _is_clean(data: bytes, type_: str = "event") -> bool:
    return twins.twins("default").engine.is_clean(type_, data)


@pytest.mark.parametrize("notes", _KEPT)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("type_", ["event", "transaction"])
def test_notes_of_sdks_do_not_have_a_document_read(
    notes: dict[str, Any], indent: int | None, type_: str
) -> None:
    for event in ({**_EVENT, "_meta": notes}, {"_meta": notes, **_EVENT}):
        assert _is_clean(json.dumps(event, indent=indent).encode(), type_)
        # The walk leaves it as it is, too.
        plan = twins.twins("default").walk
        subject = Subject(type_, event)
        (found,) = plan.detect([subject])
        assert isinstance(found, Findings)
        assert plan.render(subject, found).tree is event


def test_beside_notes_everything_is_looked_at() -> None:
    for said in ("ask bob@mail.example", "password: hunter22x", "4111 1111 1111 1111"):
        event = {**_EVENT, "message": said, "_meta": _KEPT[0]}
        assert not _is_clean(json.dumps(event).encode())
        assert twins.raw_difference("default", "event", json.dumps(event).encode()) is None


@pytest.mark.parametrize(
    "notes",
    [
        '{"message": {"": {"val": "it was hunter22x", "len": 3}}}',
        '{"message": {"": {"len": 3, "rem": [["it was hunter22x", "s"]]}}}',
        '{"message": {"": {"len": 3}, "hunter22x": {"": {"len": 3}}}}',
        '{"message": {"": {"val": "x"}}, "message": {"": {"len": 3}}}',
        '{"message": {"": {"val": "x", "len": 3}, "": {"len": 3}}}',
        '{"message": {"": {"len": "x", "len": 3}}}',
        '{"message": {"": {"len": 3}}, "_meta": {"": {"len": 3}}}',
        '{"hunter22x": {"": {"len": 3}}}',
        '{"breadcrumbs": {"values": {"2": {"": {"len": 3}}}}}',
        '{"message": {"": {"\\u0076al": "x", "len": 3}}}',
        '"hunter22x"',
        "{}",
        "[]",
    ],
)
def test_notes_that_cannot_stay_have_it_read(notes: str) -> None:
    data = json.dumps(_EVENT)[:-1].encode() + b', "_meta": ' + notes.encode() + b"}"
    assert json.loads(data)["message"] == "it failed"
    assert not _is_clean(data)


@pytest.mark.parametrize(
    ("type_", "tree"),
    [
        ("event", {"extra": {"_meta": _KEPT[1]}, "breadcrumbs": {}}),
        ("event", {"message": "_meta", "breadcrumbs": {}}),
        ("event", {"extra": {"_meta": 1}, "_meta": {"extra": {"": {"len": 1}}}}),
        ("log", {"body": "x", "_meta": {"body": {"": {"len": 1}}}}),
    ],
)
def test_other_things_of_that_name_are_read(type_: str, tree: dict[str, Any]) -> None:
    assert not _is_clean(json.dumps(tree).encode(), type_)
