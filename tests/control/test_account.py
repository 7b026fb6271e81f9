"""What an application's token may: hand over its account, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from live_operators import Controlled

from errlock.pipeline.control.endpoints import ENDPOINTS
from errlock.pipeline.control.tokens import TokenStore

HAND_OVER: dict[str, Any] = {
    "process": "0123456789abcdef" * 2, "number": 1, "service": "shop", "every": 60, "made": 0,
    "ended": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def token(controlled: Controlled) -> str:
    return TokenStore(controlled.folder / "data").add("shop", "account")


def test_it_hands_over_and_is_told_when_it_is_on_the_disk(
    controlled: Controlled, token: str
) -> None:
    for _ in range(2):
        said = controlled.ask("/v1/account", HAND_OVER, token)
        assert (said.status, said.json) == (200, {"number": 1})


def test_it_may_do_nothing_else(controlled: Controlled, token: str) -> None:
    others = [each for each in ENDPOINTS if each.path != "/v1/account"]
    assert others
    for endpoint in others:
        order: object = None if endpoint.method == "GET" else {}
        said = controlled.ask(endpoint.path.replace("{id}", "x"), order, token)
        assert (said.status, said.kind) == (403, "role")


@pytest.mark.parametrize("role", ["read", "operate", "release"])
def test_people_do_not_hand_over(controlled: Controlled, role: Any) -> None:
    person = TokenStore(controlled.folder / "data").add(f"person-{role}", role)
    said = controlled.ask("/v1/account", HAND_OVER, person)
    assert (said.status, said.kind) == (403, "role")


@pytest.mark.parametrize(
    ("more", "status", "kind"),
    [
        ({"number": 0}, 400, "invalid"),
        ({"rows": [{"service": "hunter22correct"}]}, 400, "invalid"),
        ({"name": "x" * (5 << 20)}, 413, "too_large"),
    ],
    ids=["number", "rows", "size"],
)
def test_what_is_out_of_bounds_is_refused_for_good(
    controlled: Controlled, token: str, more: dict[str, Any], status: int, kind: str
) -> None:
    said = controlled.ask("/v1/account", {**HAND_OVER, **more}, token)
    assert (said.status, said.kind) == (status, kind)
    assert b"hunter22" not in said.body
