from __future__ import annotations

from functools import cache

import msgspec
import pytest
import re2

from errlock.policy.classes import is_class
from errlock.policy.detectors import Detector, example, load_catalogue, load_detectors
from errlock.policy.errors import PolicyError
from errlock.policy.findings import Span
from errlock.policy.text import TextScanner
from errlock.policy.validation.validators import VALIDATORS

CATALOGUE = load_catalogue()


EACH = pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.id)


@cache
def scanner_of(detector: Detector) -> TextScanner:
    return TextScanner([detector])


@cache
def everything() -> TextScanner:
    return TextScanner(CATALOGUE)


@cache
def found_in(text: str) -> list[Span]:
    """What the whole catalogue finds."""
    return everything().scan(text)


def found_by(detector: Detector, text: str) -> list[tuple[int, int]]:
    spans = scanner_of(detector).scan(text)
    return [(span.start, span.end) for span in spans if span.detector == detector.id]


def covers(spans: list[Span], start: int, end: int) -> bool:
    """Whether spans together leave nothing out between two places."""
    for span in sorted(spans, key=lambda span: span.start):
        if span.start <= start < span.end:
            start = span.end
    return start >= end


@EACH
def test_a_detector_catches_each_of_its_examples_exactly(detector: Detector) -> None:
    assert detector.catch
    for notation in detector.catch:
        text, start, end = example(detector.id, notation)
        assert (start, end) in found_by(detector, text), text


@EACH
def test_a_detector_spares_each_of_its_look_alikes(detector: Detector) -> None:
    assert detector.spare
    for notation in detector.spare:
        text, _, _ = example(detector.id, notation)
        assert found_by(detector, text) == [], text


def test_what_a_detector_needs_stands_in_each_of_its_examples() -> None:
    for detector in CATALOGUE:
        literals = detector.needs or detector.context
        for notation in detector.catch:
            text, _, _ = example(detector.id, notation)
            assert not literals or any(it in text.casefold() for it in literals), detector.id


def test_a_detector_says_where_its_format_comes_from() -> None:
    for detector in CATALOGUE:
        assert detector.source, detector.id
        assert is_class(detector.class_), detector.id


@EACH
def test_the_whole_catalogue_catches_each_example(detector: Detector) -> None:
    for notation in detector.catch:
        text, start, end = example(detector.id, notation)
        assert any(span.start <= start and end <= span.end for span in found_in(text)), text


@EACH
def test_no_detector_can_be_taken_away(detector: Detector) -> None:
    """Without it, one of its examples is not found, or not as what it is."""
    missed = []
    for notation in detector.catch:
        text, start, end = example(detector.id, notation)
        rest = [span for span in found_in(text) if span.detector != detector.id]
        missed.append(not covers([s for s in rest if s.class_ == detector.class_], start, end))
    assert any(missed)


def test_every_entry_of_the_catalogue_is_right() -> None:
    entries = [msgspec.to_builtins(detector) for detector in CATALOGUE]
    assert load_detectors(entries) == CATALOGUE


def test_an_example_is_made_up_the_same_way_each_time() -> None:
    assert example("x", "a «{hex:8}» b") == example("x", "a «{hex:8}» b")
    assert example("x", "{hex:8}") != example("y", "{hex:8}")


def test_an_example_gives_the_span_between_its_marks() -> None:
    assert example("x", "key «AK{join}IA» here") == ("key AKIA here", 4, 8)


def test_an_example_without_marks_is_its_own_span() -> None:
    assert example("x", "abc") == ("abc", 0, 3)


ENTRY = {"id": "acme", "class": "custom.acme", "source": "we", "pattern": r"ACME-(?P<v>\d{6})"}


def test_a_users_detector_finds_its_group() -> None:
    (detector,) = load_detectors([ENTRY])
    assert found_by(detector, "ref ACME-123456 lost") == [(9, 15)]


def test_a_users_detector_may_ask_for_words_before_it() -> None:
    (detector,) = load_detectors([{**ENTRY, "pattern": r"\d{6}", "context": ["badge"]}])
    assert found_by(detector, "badge no 123456") == [(9, 15)]
    assert found_by(detector, "order no 123456") == []


def test_the_words_before_a_value_may_stand_in_its_key() -> None:
    (detector,) = load_detectors([{**ENTRY, "pattern": r"\d{6}", "context": ["badge"]}])
    spans = TextScanner([detector]).scan("123456", key="staffBadgeNumber")
    assert [span.detector for span in spans] == ["acme"]


def messages(*entries: dict[str, object]) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_detectors(entries, path="processors.redact.detectors")
    return str(caught.value).split("\n")


def test_every_problem_of_every_detector_is_told_at_once() -> None:
    found = messages(
        {**ENTRY, "class": "pii.emial"},
        {**ENTRY, "id": "two", "pattern": "(?=x)"},
        {**ENTRY, "id": "open", "pattern": "[a"},
        {**ENTRY, "id": "three", "validator": "ibam"},
        {**ENTRY, "id": "four", "needs": ["ACME"]},
        {**ENTRY, "id": "four", "pattern": "x*"},
    )
    path = "processors.redact.detectors"
    near = "did you mean 'pii.email'?"
    opened = "secret.api_key.*, pii.national_id.*, custom.*"
    known = ", ".join(sorted(VALIDATORS))
    refused = "RE2 does not take it (look-around and back-references are not)"
    assert found == [
        f"{path}[0].class: unknown class 'pii.emial'; {near} Open classes: {opened}",
        f"{path}[1].pattern: {refused}",
        f"{path}[2].pattern: RE2 does not take it: missing ]",
        f"{path}[3].validator: unknown; did you mean 'iban'? Known: {known}",
        f"{path}[4].needs: write the words in lower case",
        f"{path}[5].pattern: matches the empty text",
        f"{path}[5].id: 'four' is there twice",
    ]


def test_an_unknown_field_of_a_detector_is_refused_with_what_is_allowed() -> None:
    allowed = "id, class, source, pattern, needs, context, validator, catch, spare"
    (message,) = messages({**ENTRY, "regex": "x"})
    assert message == (
        f"processors.redact.detectors[0]: Object contains unknown field `regex`. Allowed: {allowed}"
    )


def test_no_pattern_of_the_catalogue_outgrows_its_memory() -> None:
    """RE2 falls back to a slower engine when its automaton has no room."""
    options = re2.Options()
    options.max_mem = 8 << 20
    for detector in CATALOGUE:
        assert re2.compile(detector.pattern.encode(), options).search(b"x" * 100) is None
