"""Lists of sentry-sdk's EventScrubber: what it removes is gone."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from imported import pipeline_of
from sentry_sdk.scrubber import DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST, EventScrubber

from errlock.policy.importers.eventscrubber import _DEFAULTS, import_eventscrubber
from errlock.policy.importers.fragment import Imported, NotAPolicy

pytestmark = pytest.mark.usefixtures("uncollected")

EVENT: dict[str, Any] = {
    "sdk": {"name": "sentry.python", "version": "2.1.0"},
    "extra": {
        "Loyalty_No": 4711, "cart": {"loyalty_no": {"n": 12, "t": "x"}},
        "list": [{"batch id": "b7"}], "note": "kept",
    },
    "request": {
        "headers": {"X-Real-Ip": "203.0.113.7"}, "data": {"name": "Lina", "token": "abcdef123"},
    },
    "user": {"id": "u-77", "ip_address": "203.0.113.7"},
}  # fmt: skip


def scrubbed(imported: Imported) -> dict[str, Any]:
    result = pipeline_of(imported).scrub_event(copy.deepcopy(EVENT))
    assert result is not None
    return {name: value for name, value in result.items() if name != "_meta"}


def test_what_the_scrubber_removes_is_gone() -> None:
    keys = ["loyalty_no", "batch id", "id", "token", "name", "x-real-ip", "ip_address"]
    event: Any = copy.deepcopy(EVENT)
    EventScrubber(denylist=keys, recursive=True).scrub_event(event)
    theirs = json.dumps(event, default=lambda annotated: annotated.value)
    ours = json.dumps(scrubbed(import_eventscrubber(json.dumps(keys))))
    for value in ("4711", "12", "b7", "Lina", "abcdef123", "u-77", "203.0.113.7"):
        assert (value in theirs, value in ours) == (False, False)
    for value in ("sentry.python", "kept"):
        assert (value in theirs, value in ours) == (True, True)


def test_the_lists_of_the_sdk_are_known() -> None:
    assert _DEFAULTS["DEFAULT_DENYLIST"] == tuple(DEFAULT_DENYLIST)
    assert _DEFAULTS["DEFAULT_PII_DENYLIST"] == tuple(DEFAULT_PII_DENYLIST)


CODE = """
import sentry_sdk
from sentry_sdk.scrubber import EventScrubber, DEFAULT_DENYLIST

denylist = DEFAULT_DENYLIST + ["loyalty_no"]
sentry_sdk.init(
    dsn=DSN, event_scrubber=EventScrubber(denylist=[*denylist, "batch id"], recursive=True)
)
"""


def test_code_is_read() -> None:
    result = import_eventscrubber(CODE)
    assert (result.left_out, result.differs) == ((), ())
    extra = scrubbed(result)["extra"]
    assert extra["Loyalty_No"] == "[custom.denylist]"
    assert extra["list"] == [{"batch id": "[custom.denylist]"}]


@pytest.mark.parametrize(
    "code",
    [
        "denylist = ['a_b']\ndenylist += ['c_d']",
        "denylist = ['a_b']\ndenylist.append('c_d')",
        "denylist = ['a_b']\ndenylist.extend({'c_d'})",
        "keys = ['a_b']\nif PRODUCTION:\n    keys = ['c_d']\ns = EventScrubber(denylist=keys)",
        "s = EventScrubber(denylist=['a_b'])\nt = EventScrubber(denylist=['c_d'])",
    ],
)
def test_keys_that_code_adds_are_read(code: str) -> None:
    result = import_eventscrubber(f"{code}\n")
    keys = " ".join(result.processors["redact"]["keys"])
    assert ("a_b" in keys, "c_d" in keys, result.left_out) == (True, True, ())


@pytest.mark.parametrize(
    "code",
    [
        "denylist = [*scrubber.DEFAULT_DENYLIST, *load()]",
        "denylist = scrubber.DEFAULT_DENYLIST + load()",
        "denylist = [KEY, 'symfony']",
        "denylist = ['symfony']\ndenylist.append(KEY)",
        "denylist = ['symfony']\nif PRODUCTION:\n    denylist = load()",
    ],
)
def test_of_a_list_that_is_computed_in_part_the_rest_is_read(code: str) -> None:
    result = import_eventscrubber(f"{code}\n")
    assert "symfony" in " ".join(result.processors["redact"]["keys"])
    assert [str(note) for note in result.left_out] == [
        "denylist: a part is computed by code; write its keys as a list"
    ]


def test_code_that_computes_a_list_is_told() -> None:
    result = import_eventscrubber("denylist = load()")
    assert [str(note) for note in result.left_out] == [
        "denylist: is computed by code; write its keys as a list"
    ]


@pytest.mark.parametrize(
    "text",
    [
        '["loyalty_no"]',
        "('loyalty_no',)",
        '{"denylist": ["loyalty_no"]}',
        "{'denylist': ['loyalty_no'], 'recursive': False}",
        "EventScrubber(['loyalty_no'])",
        "DENYLIST: list[str] = ['loyalty_no']",
    ],
)
def test_a_list_may_be_written_in_many_ways(text: str) -> None:
    result = import_eventscrubber(text)
    assert scrubbed(result)["extra"]["Loyalty_No"] == "[custom.denylist]"
    assert [str(note) for note in result.differs] == [
        "recursive: keys are looked for at every depth, as with recursive=True"
    ]


def test_the_pii_list_is_not_in_force_with_default_pii() -> None:
    result = import_eventscrubber(
        "{'denylist': ['a_b'], 'pii_denylist': ['c_d'], 'recursive': True, "
        "'send_default_pii': True}"
    )
    assert list(result.processors["redact"]["keys"]) == ["(?i)^(?:a_b)$"]
    assert [note.path for note in result.differs] == ["pii_denylist"]


@pytest.mark.parametrize("text", ["{}", "3", "a b", "x = 1", "[x for x in y]"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(NotAPolicy):
        import_eventscrubber(text)
