"""What was harmless once is harmless again: where it is the same, and for nothing else."""

from __future__ import annotations

from typing import Any

import engine_twins as twins
import pytest

from errlock.policy.engine import verdicts
from errlock.policy.engine.verdicts import Verdicts
from errlock.policy.fields import CODE, TEXT
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Findings, Plan, Subject

_HARMLESS = "token: see zq81xk-72ab"


def _values(plan: Plan, tree: Any) -> set[str]:
    (found,) = plan.detect([Subject("event", tree)])
    assert isinstance(found, Findings)
    return {mark.value for site in found.sites for mark in site.marks}


def test_a_text_is_known_only_under_its_key_in_its_field() -> None:
    known = Verdicts()
    known.remember(known.digest(_HARMLESS, "note", None, TEXT))
    assert known.is_harmless(known.digest(_HARMLESS, "note", None, TEXT))
    for other in (
        known.digest(_HARMLESS + ".", "note", None, TEXT),
        known.digest(_HARMLESS, "password", None, TEXT),
        known.digest(_HARMLESS, None, None, TEXT),
        known.digest(_HARMLESS, "note", "secret.password", TEXT),
        known.digest(_HARMLESS, "note", None, CODE),
        known.digest(_HARMLESS, "note", None, None),
        Verdicts().digest(_HARMLESS, "note", None, TEXT),
    ):
        assert not known.is_harmless(other)


def test_no_text_passes_for_a_key() -> None:
    known = Verdicts()
    assert known.digest("b", "a", None, None) != known.digest("a", "b", None, None)
    assert known.digest("", "x', None, None)", None, None) != known.digest(
        "', None, None)", "x", None, None
    )


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_REMEMBERED", 4)
    known = Verdicts()
    digests = [known.digest(str(number), None, None, None) for number in range(11)]
    for digest in digests:
        known.remember(digest)
        assert known.is_harmless(digest)
    assert sum(map(known.is_harmless, digests)) <= 4


def test_what_was_harmless_once_is_searched_for_copies() -> None:
    plan = Plan((RedactPart(),))
    assert _values(plan, {"extra": {"note": _HARMLESS}}) == set()
    found = _values(plan, {"extra": {"note": _HARMLESS, "password": "zq81xk-72ab"}})
    assert found == {"zq81xk-72ab"}
    (result,) = plan.detect(
        [Subject("event", {"extra": {"note": _HARMLESS, "password": "zq81xk-72ab"}})]
    )
    assert isinstance(result, Findings)
    assert {site.path[-1] for site in result.sites} == {"note", "password"}


def test_what_was_harmless_once_is_judged_under_another_key() -> None:
    plan = Plan((RedactPart(),))
    assert _values(plan, {"extra": {"note": "hunter2x"}}) == set()
    assert _values(plan, {"extra": {"password": "hunter2x"}}) == {"hunter2x"}


@pytest.mark.parametrize("policy", sorted(twins.policies()))
def test_the_walk_sees_the_same_each_time(policy: str) -> None:
    texts = [
        _HARMLESS,
        "a%20b",
        "x='[email]'",
        "[email:e1:0x9f3b6c02d41a]",
        "{'a': 'b\\n'}",
        "1" * 9,
    ]
    for _ in range(3):
        for key in ("note", "password", "--token"):
            tree = {"extra": {key: texts, "other": [key, *texts], "x": dict.fromkeys(texts, key)}}
            assert twins.difference(policy, "event", tree) is None
