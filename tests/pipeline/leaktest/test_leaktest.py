"""The leak test: what the default policy holds back, and that the generator bites."""

from collections import Counter
from functools import cache
from random import Random

import msgspec
import pytest

from errlock.pipeline.api import Pipeline
from errlock.pipeline.leaktest.cases import (
    Case,
    all_kinds,
    all_slots,
    chosen_kinds,
    promised,
    unpromised,
)
from errlock.pipeline.leaktest.encodings import ENCODINGS
from errlock.pipeline.leaktest.kinds import Canary
from errlock.pipeline.leaktest.reading import has_leaked, text_of
from errlock.pipeline.leaktest.running import Outcome, run
from errlock.policy.classes import CLASSES, matches
from errlock.policy.parts import Method
from errlock.processors.filter import Filter
from errlock.processors.redact import Redact


@cache
def quick_run() -> Outcome:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))
    return run(Pipeline.default(), cases)


def some_cases(count: int = 400) -> list[Case]:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))
    return Random(7).sample(cases, count)


def leaks_of(outcome: Outcome) -> list[tuple[tuple[str, ...], str]]:
    return [(leak.case.coordinates, leak.value) for leak in outcome.leaks]


def test_the_default_policy_leaks_nothing() -> None:
    assert leaks_of(quick_run()) == []


def test_a_sample_of_the_full_run_leaks_nothing_else(soak: bool) -> None:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=False))
    assert (
        leaks_of(run(Pipeline.default(), Random(11).sample(cases, 60_000 if soak else 1_000))) == []
    )


def test_every_document_of_the_quick_run_goes_out() -> None:
    assert not quick_run().withheld


def test_the_default_policy_keeps_what_stands_beside_canaries() -> None:
    outcome = quick_run()
    assert outcome.neighbours > 50_000
    assert [lost for lost in outcome.lost if lost.case is None] == []
    assert len(outcome.lost) <= outcome.neighbours / 1000


def test_the_quick_run_has_every_kind_in_every_slot_and_every_encoding_in_every_slot() -> None:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))
    formats = {k.name for k in all_kinds() if k.name.endswith(")") and "secret" in k.class_}
    possible = {
        (kind.name, slot.id)
        for kind in chosen_kinds([])
        if kind.name not in formats
        for slot in all_slots()
        if any(unpromised(kind, slot, each) is None for each in ENCODINGS)
    }
    assert possible <= {(case.kind.name, case.slot.id) for case in cases}
    assert {case.encoding.name for case in cases} == {each.name for each in ENCODINGS}
    assert formats <= {case.kind.name for case in cases}


def test_every_class_that_a_value_can_have_has_canaries() -> None:
    classes = {kind.class_ for kind in all_kinds()}
    missing = [
        name
        for name in CLASSES
        if not name.startswith("code.") and not any(matches(each, name) for each in classes)
    ]
    assert missing == ["secret.known_value"]


def test_a_policy_without_processors_leaks_every_canary() -> None:
    cases = some_cases()
    outcome = run(Pipeline({}), cases)
    leaked = Counter(leak.case for leak in outcome.leaks)
    # What errlock discards under every policy is no leak.
    assert [c.coordinates for c in cases if not leaked[c]] == []


@pytest.mark.parametrize("class_", ["pii.email", "financial.card", "secret.password", "pii.health"])
def test_a_class_that_is_kept_leaks_and_no_other_does(class_: str) -> None:
    slots = [slot for slot in all_slots() if slot.id in ("event/extra", "otlp-logs/body")]
    kinds = chosen_kinds(["pii.email", "financial.card", "secret.password", "pii.health"])
    cases = [
        case for case in promised(kinds, slots, quick=False)
        if case.encoding.name in ("plain", "JSON key", "field", "percent")
    ]  # fmt: skip
    outcome = run(Pipeline([Redact(classes={class_: "keep"})]), cases)
    assert {leak.case for leak in outcome.leaks} == {c for c in cases if c.kind.class_ == class_}


@pytest.mark.parametrize("kept", [{}, {"pii.email": "keep"}], ids=["taken", "kept"])
def test_of_a_document_that_went_out_in_part_only_a_leak_counts(kept: dict[str, Method]) -> None:
    ids = ("otlp-logs/body (array)", "attachment/payload")
    slots = [slot for slot in all_slots() if slot.id in ids]
    cases = list(promised(chosen_kinds(["pii.email"]), slots, quick=True))
    drop = [{"type": ["attachment"]}, {"field": "$log.body", "equals": "refused"}]
    outcome = run(Pipeline([Redact(classes=kept), msgspec.convert({"drop": drop}, Filter)]), cases)
    _, logged = sorted(cases, key=lambda case: case.slot.id)
    assert [leak.case for leak in outcome.leaks] == outcome.tested == ([logged] if kept else [])
    assert outcome.withheld == {"attachment": 1} | ({} if kept else {"otlp-logs": 1})
    assert (outcome.neighbours, outcome.lost) == (0, [])


def test_the_same_seed_plants_the_same_values() -> None:
    cases = some_cases(60)
    values = [[leak.value for leak in run(Pipeline({}), cases, seed).leaks] for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda each: each.name)
def test_a_canary_is_readable_in_each_encoding(encoding: object) -> None:
    slots = [slot for slot in all_slots() if slot.id == "event/extra"]
    cases = [
        c for c in promised(chosen_kinds(["secret.password", "secret.otp"]), slots, quick=False)
        if c.encoding is encoding
    ]  # fmt: skip
    assert cases
    assert len(run(Pipeline({}), cases).leaks) == len(cases)


def test_a_run_of_sixty_per_cent_of_a_value_is_a_leak() -> None:
    canary = Canary("Tr0ub4dor-canary-91x", ("Tr0ub4dor-canary-91x",))
    assert has_leaked(canary, "it was Tr0ub4dor-ca…")
    assert not has_leaked(canary, "it was Tr0ub4dor-c…")


def test_a_short_value_is_a_leak_only_when_it_stands_alone() -> None:
    canary = Canary("917", ("917",))
    assert has_leaked(canary, "cvv 917, page 2")
    assert not has_leaked(canary, "order 91728, batch917")


def test_three_encodings_are_undone() -> None:
    assert "a b&c" in text_of(["YSUyMGIlMjZhbXA7Yw=="])
