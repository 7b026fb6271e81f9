"""What was found once is found again, and nothing else: where it is the same, and only there."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import engine_twins as twins
import pytest

from errlock.policy.detection import Detection
from errlock.policy.engine import Engine, expected, raw, verdicts
from errlock.policy.engine.finder import GatedFinder
from errlock.policy.engine.verdicts import Verdict, Verdicts
from errlock.policy.fields import CODE, TEXT
from errlock.policy.findings import Mark, PolicyLimit, Span
from errlock.policy.judging import MAX_VIEWS, Site, Work
from errlock.policy.parts import RedactPart
from errlock.policy.plan import Findings, Plan, Subject
from errlock.policy.views import View

_HARMLESS = "token: see zq81xk-72ab"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were judged, each as often as it was."""
    texts: list[str] = []
    spans: Callable[[GatedFinder, str, str | None], list[Span]] = GatedFinder.spans

    def counted(self: GatedFinder, text: str, key: str | None) -> list[Span]:
        texts.append(text)
        return spans(self, text, key)

    monkeypatch.setattr(GatedFinder, "spans", counted)
    return texts


def _site(text: str, *marks: Mark, quoted: bool = False) -> Site:
    view = View(text, quoted=quoted)
    return Site(("extra", "note"), view, TEXT, marks=list(marks), views=[view])


def _values(plan: Plan, tree: Any) -> set[str]:
    (found,) = plan.detect([Subject("event", tree)])
    assert isinstance(found, Findings)
    return {mark.value for site in found.sites for mark in site.marks}


def test_a_text_is_known_only_under_its_key_in_its_field() -> None:
    known = Verdicts()
    known.remember(known.digest(_HARMLESS, "note", None, TEXT), Work(2, 30), None)
    assert known.of(known.digest(_HARMLESS, "note", None, TEXT)) == Verdict(Work(2, 30))
    for other in (
        known.digest(_HARMLESS + ".", "note", None, TEXT),
        known.digest(_HARMLESS, "password", None, TEXT),
        known.digest(_HARMLESS, None, None, TEXT),
        known.digest(_HARMLESS, "note", "secret.password", TEXT),
        known.digest(_HARMLESS, "note", None, CODE),
        known.digest(_HARMLESS, "note", None, None),
        Verdicts().digest(_HARMLESS, "note", None, TEXT),
    ):
        assert known.of(other) is None


def test_no_text_passes_for_a_key() -> None:
    known = Verdicts()
    assert known.digest("b", "a", None, None) != known.digest("a", "b", None, None)
    assert known.digest("", "x', None, None)", None, None) != known.digest(
        "', None, None)", "x", None, None
    )


def test_of_what_was_found_the_place_is_kept_and_not_the_value() -> None:
    known = Verdicts()
    text = "ask bob@mail.example"
    mark = Mark(4, 20, "pii.email", "email", "bob@mail.example")
    digest = known.digest(text, "note", None, TEXT)
    known.remember(digest, Work(1, 20), _site(text, mark))
    verdict = known.of(digest)
    assert verdict is not None
    assert "bob" not in repr(known.__dict__)
    site = verdict.site(text, ("extra", "other"), is_key=False)
    assert (site.path, site.marks, site.view.text) == (("extra", "other"), [mark], text)
    site.marks.append(mark)  # a copy of something else, in that document
    assert verdict.site(text, (), is_key=False).marks == [mark]


@pytest.mark.parametrize(
    "site",
    [
        _site("x=bob%40mail.example", Mark(2, 20, "pii.email", "email", "bob@mail.example")),
        _site("4" * 16, Mark(0, 16, "financial.card", "card", "4" * 16), quoted=True),
        _site("a" * 99, *(Mark(at, at + 1, "pii.ip", "ipv4", "a") for at in range(65))),
    ],
)
def test_what_had_to_be_decoded_is_judged_each_time(site: Site) -> None:
    known = Verdicts()
    digest = known.digest(site.view.text, "note", None, TEXT)
    known.remember(digest, Work(1, 20), site)
    assert known.of(digest) is None


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_REMEMBERED", 4)
    known = Verdicts()
    digests = [known.digest(str(number), None, None, None) for number in range(11)]
    for digest in digests:
        known.remember(digest, Work(0, 0), None)
        assert known.of(digest) is not None
    assert sum(known.of(digest) is not None for digest in digests) <= 4


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


def test_what_a_document_shows_again_is_judged_once(judged: list[str]) -> None:
    plan = Plan((RedactPart(),))
    address = "203.0.113.7"
    tree: Any = {"extra": {"seen": [{"ip": address}, {"ip": address}, {"ip": address, "n": 1}]}}
    (found,) = plan.detect([Subject("event", tree)])
    assert isinstance(found, Findings)
    assert len(found.sites) == 3
    assert judged.count(address) == 1


def test_what_was_found_in_one_document_is_known_in_the_next(judged: list[str]) -> None:
    plan = Plan((RedactPart(),))
    text = "ask bob@mail.example, or ann@mail.example"
    for number in range(3):
        tree: Any = {"extra": {"note": text, "number": number}, "logentry": {"message": text}}
        assert _values(plan, tree) == {"bob@mail.example", "ann@mail.example"}
    assert judged.count(text) == 2  # as a note, and as a message


def test_copies_stand_in_what_was_found_before_too() -> None:
    """Also in what has to be decoded beside it."""
    note = "ask bob@mail.example about zq81xk-72ab and about zq81xk%2D72ab"
    for secret in ({}, {}, {"password": "zq81xk-72ab"}, {"password": "zq81xk-72ab"}, {}):
        tree: Any = {"extra": {"note": note, **secret}}
        assert twins.difference("default", "event", tree) is None
        plan = twins.twins("default").engine
        (found,) = plan.detect([Subject("event", tree)])
        assert isinstance(found, Findings)
        marks = [mark.value for site in found.sites for mark in site.marks]
        assert marks.count("zq81xk-72ab") == (3 if secret else 0)


def test_what_was_found_once_counts_as_work_each_time() -> None:
    engine = Engine(Detection((RedactPart(),)))
    tree: Any = {"extra": {"note": "password=hunter22x, and %41"}}
    work = [engine.scan("event", tree)._judge.work for _ in range(3)]
    assert work == [Work(1, 25)] * 3


def test_strings_that_hold_nothing_count_as_work_though_nobody_reads_them_again() -> None:
    engine = Engine(Detection((RedactPart(),)))
    paths = [rf"C:\ntdll\{number}.dll" for number in range(MAX_VIEWS + 10)]

    def event(number: int, paths: list[str]) -> bytes:
        return json.dumps({"event_id": f"{number}", "extra": {"t": paths}}).encode()

    for at in range(0, len(paths), 50):
        assert engine.is_clean("event", event(at, paths[at : at + 50]))
    assert not engine.is_clean("event", event(-1, paths))


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


def test_documents_that_are_never_clean_are_not_looked_at_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    look: Callable[[raw.RawLook, str, bytes], bool] = raw.RawLook.is_clean

    def counted(self: raw.RawLook, type_: str, data: bytes) -> bool:
        looks.append(type_)
        return look(self, type_, data)

    monkeypatch.setattr(raw.RawLook, "is_clean", counted)
    plan = Plan((RedactPart(),))
    for number in range(200):
        event = b'{"event_id":"%d","message":"ask bob@mail.example"}' % number
        assert not plan.is_clean("event", event)
    assert len(looks) < 30
    clean = [plan.is_clean("event", b'{"event_id":"%d"}' % number) for number in range(40)]
    assert clean.index(True) < 2 * expected._AGAIN
    assert all(clean[clean.index(True) :])
    assert plan.is_clean("transaction", b'{"transaction":"/orders"}')
