"""Events that SDKs of other languages wrote: what is sensitive in them goes, all else stays.

They were recorded from sentry-go 0.46, sentry (Java) 8.20, sentry (Rust) 0.49, sentry-ruby 5.3 and
@sentry/node 10, and then shortened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_twins import difference
from scrubbing import scrubbed

_EVENTS = sorted((Path(__file__).parent / "recorded").glob("*.json"))
_SENSITIVE = (
    "Zq9hunter2x", "jane.roe@corp-mail.com", "A1b2C3d4E5f6", "c0ffee11deadbeef99", "203.0.113.77",
    "4111 1111 1111 1111", "7B1E5CF0A8D24F9E8C0A7B1E5CF0A8D2",
    "[90 113 57", "0x5a, 0x71", "90, 113, 57", "5a 71 39", "90,\n        113",
)  # fmt: skip
_USERNAME = "jroe"  # where a field says that it is one


def _leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, (*path, key))
    else:
        yield path, tree


@pytest.mark.parametrize("event", _EVENTS, ids=[path.stem for path in _EVENTS])
def test_what_other_sdks_send_stays_but_for_what_is_sensitive(event: Path) -> None:
    given = json.loads(event.read_text())
    left = dict(_leaves({**scrubbed(given), "_meta": None}))
    text = "\n".join(map(str, left.values()))
    assert [value for value in _SENSITIVE if value in text] == []
    changed = {path: value for path, value in _leaves(given) if left.get(path) != value}
    told = (*_SENSITIVE, _USERNAME)
    assert {p: v for p, v in changed.items() if not any(each in str(v) for each in told)} == {}
    assert difference("default", "event", given) is None
