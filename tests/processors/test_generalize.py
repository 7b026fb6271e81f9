import logging
from typing import Any

import msgspec
import pytest
from scrubbing import scrubbed_text

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.processors.generalize import Generalize

SETTINGS = Settings("generalize", Counters(), logging.getLogger("test"))


NO_REPLACEMENT = "its replacement names a group that it does not have, or ends in \\"


def run(text: str, **options: Any) -> Any:
    config = msgspec.convert(options, Generalize)
    assert list(config.problems()) == []
    return scrubbed_text(text, [config.build(SETTINGS)])


def test_addresses_become_networks_by_default_and_nothing_else_changes() -> None:
    text = "203.0.113.7 jane@example.com 2024-01-02T03:04:05Z GET /users/4711"
    assert run(text) == text.replace("203.0.113.7", "203.0.113.0/24")


def test_everything_can_be_switched_on() -> None:
    assert run(
        "203.0.113.7 jane@example.com 2024-01-02T03:04:05Z order 12",
        ip={"v4": 8},
        email="domain",
        timestamps="hour",
        rules=[{"match": "order [0-9]+", "with": "order <id>"}],
    ) == "203.0.0.0/8 [email]@example.com 2024-01-02T03:00:00Z order <id>"  # fmt: skip


def test_addresses_can_be_left_alone() -> None:
    assert run("203.0.113.7", ip=False) == "203.0.113.7"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"rules": [{"match": "(?=x)", "with": ""}]},
            "rules[0].match: RE2 does not take it (look-around and back-references are not)",
        ),
        (
            {"rules": [{"match": "a(b", "with": ""}]},
            "rules[0].match: RE2 does not take it: missing )",
        ),
        ({"rules": [{"match": "(a)", "with": "\\2"}]}, f"rules[0].match: {NO_REPLACEMENT}"),
        ({"rules": [{"match": "(a)", "with": "a\\"}]}, f"rules[0].match: {NO_REPLACEMENT}"),
        ({"bands": {"age": 0}}, "bands.age: expected a width of 1 or more"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], problem: str) -> None:
    config = msgspec.convert(options, Generalize)
    assert [str(found) for found in config.problems()] == [problem]
