import logging
from typing import Any

import msgspec
import pytest
from plain_document import PlainDocument

from errlock.pipeline.component import Processor, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import Drop
from errlock.processors.filter import Filter

SETTINGS = Settings("filter", Counters(), logging.getLogger("test"))
TESTS = ("equals", "in", "matches", "contains", "above", "below", "exists")
ERROR = {"level": "error", "exception": {"values": [{"type": "KeyError", "value": "x"}]}, "n": 5}


def dropped(condition: dict[str, Any], document: PlainDocument) -> bool:
    config = msgspec.convert({"drop": [condition]}, Filter)
    assert list(config.problems()) == []
    processor = config.build(SETTINGS)
    assert isinstance(processor, Processor)
    try:
        processor.process(document)
    except Drop as drop:
        return drop.reason == "filtered"
    return False


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "level", "in": ["debug", "error"]}, True),
        ({"field": "level", "equals": "debug"}, False),
        ({"field": "$error.type", "matches": "^Key"}, True),
        ({"field": "$error.type", "contains": "Val"}, False),
        ({"field": "n", "above": 4}, True),
        ({"field": "n", "below": 4}, False),
        ({"field": "n", "equals": True}, False),
        ({"field": "user", "exists": False}, True),
        ({"field": "level", "exists": True}, True),
        ({"type": ["event"]}, True),
        ({"type": ["log"], "field": "level", "equals": "error"}, False),
        ({"all": [{"field": "level", "equals": "error"}, {"field": "n", "equals": 6}]}, False),
        ({"any": [{"field": "level", "equals": "info"}, {"field": "n", "equals": 5}]}, True),
        ({"not": {"field": "level", "equals": "error"}}, False),
    ],
)
def test_a_condition_decides(condition: dict[str, Any], expected: bool) -> None:
    assert dropped(condition, PlainDocument("event", ERROR)) is expected


def test_fields_of_the_resource_count_too() -> None:
    resource = PlainDocument("resource", {"attributes": {"service.name": "noisy"}})
    record = PlainDocument("log_record", {"body": "x"}, (resource,))
    condition = {"field": "$resource.attributes.'service.name'", "equals": "noisy"}
    assert dropped(condition, record)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({}, "drop[0]: expected a 'field', a 'type', 'all', 'any' or 'not'"),
        ({"equals": 1}, "drop[0]: 'equals' needs a 'field'"),
        (
            {"field": "a"},
            f"drop[0]: a field needs exactly one test of {', '.join(TESTS)}",
        ),
        ({"field": "*", "exists": True}, "drop[0].field: * needs a path; for every field write **"),
        (
            {"field": "a", "matches": "(?!x)"},
            "drop[0].matches: RE2 does not take it (look-around and back-references are not)",
        ),
        (
            {"not": {"all": [{"in": [1]}]}},
            "drop[0].not.all[0]: 'in' needs a 'field'",
        ),
    ],
)
def test_a_wrong_condition_is_told(condition: dict[str, Any], problem: str) -> None:
    config = msgspec.convert({"drop": [condition]}, Filter)
    assert [str(found) for found in config.problems()] == [problem]
