"""A run: cases are planted, many in a document, go through a policy, and are looked for after."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ..api import Pipeline
from ..payloads.document import Payload
from . import otlp_documents, sentry_documents
from .cases import Case
from .encodings import Planted
from .kinds import Canary
from .reading import has_leaked, strings_in_envelope, strings_in_message, text_of
from .slots import Slot


@dataclass(frozen=True, slots=True)
class Leak:
    """A canary that could be read in what went out. Its value is made up: it may be shown."""

    case: Case
    value: str


@dataclass(frozen=True, slots=True)
class Lost:
    """An innocent value that went: beside a canary in the same text, or elsewhere."""

    document: str
    value: str
    case: Case | None = None


@dataclass(slots=True)
class Outcome:
    """What a run found."""

    cases: int = 0
    documents: int = 0
    # By document, cases of which nothing was learned: it did not go out, or not as a whole.
    withheld: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)
    neighbours: int = 0  # innocent values that stood beside canaries
    lost: list[Lost] = field(default_factory=list)
    tested: list[Case] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Planting:
    case: Case
    canary: Canary
    planted: Planted


def run(
    pipeline: Pipeline,
    cases: Sequence[Case],
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Put every case through the policy. The same seed plants the same values."""
    outcome = Outcome()
    templates = {**sentry_documents.documents(), **otlp_documents.documents()}
    ours = {name: frozenset(_strings(_payload(name, each))) for name, each in templates.items()}
    for number, packed in enumerate(_packed(cases)):
        random = Random(f"{seed}/{number}")  # noqa: S311  made-up values, no secrets
        plantings = [_plant(case, i, random) for i, case in enumerate(packed)]
        name = packed[0].slot.document
        _try(pipeline, templates[name], ours[name], plantings, outcome)
        progress(outcome.cases)
    return outcome


def planted_payloads(
    cases: Sequence[Case], seed: int = 0
) -> Iterator[tuple[Payload, Sequence[Canary]]]:
    """The documents of a run, as they go in, each with what is planted in it."""
    templates = {**sentry_documents.documents(), **otlp_documents.documents()}
    for number, packed in enumerate(_packed(cases)):
        random = Random(f"{seed}/{number}")  # noqa: S311  made-up values, no secrets
        name = packed[0].slot.document
        document = copy.deepcopy(templates[name])
        canaries = []
        for index, case in enumerate(packed):
            planting = _plant(case, index, random)
            case.slot.plant(document, case.encoding, planting.planted)
            canaries.append(planting.canary)
        yield _payload(name, document), canaries


def _packed(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Cases of one kind of document together, one in each slot."""
    taken: Counter[Slot] = Counter()
    documents: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        documents.setdefault((case.slot.document, taken[case.slot]), []).append(case)
        taken[case.slot] += 1
    yield from documents.values()


def _plant(case: Case, number: int, random: Random) -> _Planting:
    kind = case.kind
    canary = kind.make(random)
    marker = f"batch{number:03d}"
    key = random.choice(kind.keys or ("detail",))
    neutral = kind.shape and random.random() < 0.5
    return _Planting(
        case, canary,
        Planted(_statement(case, canary.value, marker, random), "detail" if neutral else key,
                canary.value, marker),
    )  # fmt: skip


def _statement(case: Case, value: str, marker: str, random: Random) -> str:
    kind = case.kind
    end = "" if kind.header else ", gave up"
    if kind.phrases and not (kind.shape and random.random() < 0.5):
        return f"worker {marker} failed: {random.choice(kind.phrases).format(value)}{end}"
    if kind.shape:
        return f"worker {marker} refused {value} at once"
    written = f'"{value}"' if " " in value else value
    return f"worker {marker} failed: {random.choice(kind.keys)}={written}{end}"


def _try(
    pipeline: Pipeline,
    template: Any,
    ours: frozenset[str],
    plantings: list[_Planting],
    outcome: Outcome,
) -> None:
    """One document. `ours` is what the template says without any canary."""
    document = copy.deepcopy(template)
    for each in plantings:
        each.case.slot.plant(document, each.case.encoding, each.planted)
    name = plantings[0].case.slot.document
    payload = _payload(name, document)
    expected = len(payload.alive)
    result = pipeline.scrub_payload(payload)
    outcome.cases += len(plantings)
    outcome.documents += 1
    text = "" if result is None else text_of(_strings(result))
    whole = result is not None and len(result.alive) == expected
    _look_for_leaks(text, whole, plantings, outcome)
    if whole:
        _look_for_neighbours(text, plantings, outcome)
        innocent = ours & set(_strings(payload))
        outcome.neighbours += len(innocent)
        outcome.lost += [Lost(name, each) for each in sorted(innocent) if each not in text]


def _payload(name: str, document: Any) -> Payload:
    if name.startswith("otlp-"):
        return otlp_documents.to_payload(name, document)
    return sentry_documents.to_payload(document)


def _strings(payload: Payload) -> Iterator[str]:
    """What stands in the bytes that a destination would get."""
    body = payload.encode()
    if payload.protocol == "sentry":
        return strings_in_envelope(body)
    from ..payloads.otlp import OtlpRequest
    from ..payloads.otlp_signals import SHAPES

    assert isinstance(payload, OtlpRequest)
    return strings_in_message(SHAPES[payload.signal].request.FromString(body))


def _look_for_leaks(text: str, whole: bool, plantings: list[_Planting], outcome: Outcome) -> None:
    """Of a document that did not go out as a whole only a leak says something."""
    for each in plantings:
        leaked = has_leaked(each.canary, text)
        if leaked:
            outcome.leaks.append(Leak(each.case, each.canary.value))
        if leaked or whole:
            outcome.tested.append(each.case)
        else:
            outcome.withheld[each.case.slot.document] += 1


def _look_for_neighbours(text: str, plantings: list[_Planting], outcome: Outcome) -> None:
    for each in plantings:
        if not each.case.encoding.whole:
            outcome.neighbours += 1
            if each.planted.marker not in text:
                outcome.lost.append(Lost(each.case.slot.document, each.planted.marker, each.case))
