"""What was harmless once is harmless again: where it is the same, and for nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import engine_twins as twins
import pytest

from errlock.policy.detection import Detection
from errlock.policy.engine import Engine, raw, verdicts
from errlock.policy.engine.finder import GatedFinder
from errlock.policy.engine.verdicts import Verdicts
from errlock.policy.fields import CODE, TEXT
from errlock.policy.findings import PolicyLimit, Span
from errlock.policy.judging import MAX_VIEWS, Work
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Findings, Plan, Subject

_HARMLESS = "token: see zq81xk-72ab"


def _values(plan: Plan, tree: Any) -> set[str]:
    (found,) = plan.detect([Subject("event", tree)])
    assert isinstance(found, Findings)
    return {mark.value for site in found.sites for mark in site.marks}


def test_a_text_is_known_only_under_its_key_in_its_field() -> None:
    known = Verdicts()
    known.remember(known.digest(_HARMLESS, "note", None, TEXT), Work(2, 30))
    assert known.work(known.digest(_HARMLESS, "note", None, TEXT)) == Work(2, 30)
    for other in (
        known.digest(_HARMLESS + ".", "note", None, TEXT),
        known.digest(_HARMLESS, "password", None, TEXT),
        known.digest(_HARMLESS, None, None, TEXT),
        known.digest(_HARMLESS, "note", "secret.password", TEXT),
        known.digest(_HARMLESS, "note", None, CODE),
        known.digest(_HARMLESS, "note", None, None),
        Verdicts().digest(_HARMLESS, "note", None, TEXT),
    ):
        assert known.work(other) is None


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
        known.remember(digest, Work(0, 0))
        assert known.work(digest) is not None
    assert sum(known.work(digest) is not None for digest in digests) <= 4


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


@pytest.mark.parametrize("policy", sorted(twins.policies()))
@pytest.mark.parametrize("encode", [quote_plus, lambda text: b64encode(text.encode()).decode()])
def test_what_a_harmless_text_decodes_to_is_searched_for_copies(
    policy: str, encode: Callable[[str], str]
) -> None:
    note = "see " + encode("nothing to see, zq81xk-72ab; and so on")
    for extra in ({"note": note}, {"note": note}, {"note": note, "password": "zq81xk-72ab"}):
        assert twins.difference(policy, "event", {"extra": extra}) is None
    if policy == "default":
        assert _values(Plan((RedactPart(),)), {"extra": extra}) == {"zq81xk-72ab"}


def test_what_was_harmless_once_counts_as_work_each_time() -> None:
    plan = Plan((RedactPart(),))
    many: Any = {"extra": {"texts": ["%41"] * (MAX_VIEWS + 1)}}
    for _ in range(2):
        (found,) = plan.detect([Subject("event", many)])
        assert isinstance(found, PolicyLimit)


def test_what_was_harmless_once_is_not_counted_twice_where_it_is_searched_for_copies() -> None:
    """The first of an error's events went out, and the second was over the limit of work."""
    line = r" as a line of what was logged \\\\\\\ " * 4
    notes: list[Any] = [f"{_HARMLESS}, {number}{line}" for number in range(MAX_VIEWS // 4)]
    for _ in range(2):
        tree: Any = {"extra": {"notes": notes, "password": 'zq8"1xk-72ab'}}
        assert twins.difference("default", "event", tree) is None
        assert _values(twins.twins("default").engine, tree) == {'zq8"1xk-72ab'}


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


@pytest.mark.parametrize("policy", sorted(twins.policies()))
def test_what_a_document_shows_again_is_found_wherever_it_stands(policy: str) -> None:
    told = ["b'cookie'", "b'theme=dark; sessionid=9f3b6c02d41a77'"]
    texts = [
        "ask bob@mail.example",
        "password%3Dhunter22x",
        "{'pin': '4711-x', 'a': 'b'}",
        "4711-x",
    ]
    frame = {"vars": {"scope": {"headers": [told, ["b'x-real-ip'", "b'203.0.113.7'"]]}, "t": texts}}
    tree = {
        "stacktrace": {"frames": [frame, frame, {"vars": {"conn": frame["vars"]["scope"]}}]},
        "extra": {**{key: {texts[0]: texts[1]} for key in "abc"}, "password": "zq81xk-72ab"},
    }
    assert twins.difference(policy, "event", tree) is None


def test_what_a_document_shows_again_counts_as_work_each_time() -> None:
    engine = Engine(Detection((RedactPart(),)))
    text = "password=hunter22x %41"
    work = [engine.scan("event", {"extra": {"t": [text] * n}})._judge.work for n in (1, 7)]
    assert work == [Work(1, len(text) - 2), Work(7, 7 * (len(text) - 2))]


def test_what_a_document_shows_again_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    spans: Callable[[GatedFinder, str, str | None], list[Span]] = GatedFinder.spans

    def counted(self: GatedFinder, text: str, key: str | None) -> list[Span]:
        judged.append(text)
        return spans(self, text, key)

    monkeypatch.setattr(GatedFinder, "spans", counted)
    plan = Plan((RedactPart(),))
    address = "203.0.113.7"
    tree: Any = {"extra": {"seen": [{"ip": address}, {"ip": address}, {"ip": address, "n": 1}]}}
    (found,) = plan.detect([Subject("event", tree)])
    assert isinstance(found, Findings)
    assert len(found.sites) == 3
    assert judged.count(address) == 1


def test_a_harmless_string_is_looked_at_once_though_it_has_a_long_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []
    look: Callable[..., bool] = raw._Look.is_harmless

    def counted(self: raw._Look, data: bytes, start: int, *about: Any) -> bool:
        looks.append(start)
        return look(self, data, start, *about)

    monkeypatch.setattr(raw._Look, "is_harmless", counted)
    engine = Engine(Detection((RedactPart(),)))
    for number in range(3):
        event = b'{"event_id":"%d","modules":{"types-protobuf":"7.35.1.20260906"}}' % number
        assert engine.is_clean("event", event)
    assert len(looks) == 1
