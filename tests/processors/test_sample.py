"""Sampling: the same part everywhere, budgets on top, weights on what stays."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from typing import Any
from uuid import UUID

import msgspec
import pytest
from line_payload import Line

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import Drop
from errlock.pipeline.payloads.document import DOCUMENT_TYPES, Document, DocumentType, Tree
from errlock.pipeline.payloads.envelope import Envelope
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.processors.budgets import FirstOnes, Limit
from errlock.processors.sample import SAMPLED, Always, Sample, Sampler, randomness, threshold

# Upper half of the randomness: stays at a rate of 0.5. Lower half: goes.
HIGH = "0af7651916cd43dd84" + "ffffffffffffff"
LOW = "0af7651916cd43dd84" + "00000000000001"


class Hand:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def sampler(clock: Hand | None = None, **options: Any) -> Sampler:
    return Sampler(Sample(**options), "sample", clock or Hand())


def decided(sampler: Sampler, document: Document) -> str:
    """What becomes of a document: `stays` or the reason for which it goes."""
    try:
        sampler.process(document)
    except Drop as drop:
        return drop.reason
    return "stays"


def error(
    type_: str = "ValueError",
    function: str = "charge",
    *,
    message: str = "no",
    trace_id: str = LOW,
    level: str = "error",
) -> Line:
    frames: list[Tree] = [
        {"module": "django.core", "function": "handle", "in_app": False},
        {"module": "shop.billing", "function": function, "in_app": True},
    ]
    value: Tree = {"type": type_, "value": message, "stacktrace": {"frames": frames}}
    tree: Tree = {"level": level, "exception": {"values": [value]}}
    return Line("event", tree, trace_id=trace_id)


def test_build_makes_the_processor() -> None:
    settings = Settings(id="sample/x", counters=Counters(), log=logging.getLogger("errlock.test"))
    document = Line("event", {}, trace_id=LOW)
    assert decided(Sample(rate=0.5).build(settings), document) == "sampled"
    assert document.decisions == {"sample/x": "sampled"}


@pytest.mark.parametrize("type_", SAMPLED)
def test_a_trace_shares_its_fate_whatever_the_document(type_: DocumentType) -> None:
    half = sampler(rate=0.5)
    assert decided(half, Line(type_, {}, trace_id=HIGH)) == "stays"
    assert decided(half, Line(type_, {}, trace_id=LOW)) == "sampled"


@pytest.mark.parametrize("type_", sorted(set(DOCUMENT_TYPES) - set(SAMPLED)))
def test_sums_and_what_follows_an_event_are_never_sampled(type_: DocumentType) -> None:
    assert decided(sampler(rate=0), Line(type_, {}, trace_id=LOW)) == "stays"


def test_the_randomness_is_the_last_56_bits_of_the_trace_id() -> None:
    assert randomness(Line("event", {}, trace_id="f" * 18 + "0123456789abcd")) == 0x123456789ABCD
    assert threshold(0.25) == 0xC0000000000000
    assert decided(sampler(rate=0.25), Line("span", {}, trace_id="0" * 17 + "1c" + "0" * 13)) == (
        "stays"
    ), "OpenTelemetry's th:c keeps R >= 0xc0000000000000"
    assert decided(sampler(rate=0.25), Line("span", {}, trace_id="0" * 17 + "1b" + "f" * 13)) == (
        "sampled"
    )


def test_without_a_trace_the_event_id_decides_and_without_that_the_content() -> None:
    assert randomness(Line("event", {}, event_id=LOW)) == 1
    assert randomness(Line("event", {}, trace_id="0" * 32, event_id=LOW)) == 1
    one = randomness(Line("raw_security", {"a": 1, "b": 2}))
    assert one == randomness(Line("raw_security", {"b": 2, "a": 1}))
    assert one != randomness(Line("raw_security", {"b": 2, "a": 3}))


def test_two_processes_decide_alike() -> None:
    code = """
import random
from line_payload import Line
from errlock.processors.sample import randomness
draw = random.Random(1)
for number in range(200):
    id_ = f"{draw.getrandbits(128):032x}"
    keys = {"trace_id": id_} if number % 3 == 0 else {"event_id": id_} if number % 3 == 1 else {}
    print(randomness(Line("event", {"message": id_, "level": "error"}, **keys)))
"""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env={"PYTHONPATH": "tests/support", "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0].split())) == 200


@pytest.mark.parametrize("rate", [0.01, 0.25, 0.9])
def test_of_100_000_traces_the_asked_for_share_stays(rate: float) -> None:
    # The last 56 bits of version 4 UUIDs, as SDKs make them, from a seeded source.
    import random

    draw = random.Random(7)
    least = threshold(rate)
    ids = (UUID(int=draw.getrandbits(128), version=4).hex for _ in range(100_000))
    kept = sum(int(id_[-14:], 16) >= least for id_ in ids)
    spread = (rate * (1 - rate) / 100_000) ** 0.5
    assert abs(kept / 100_000 - rate) < 4 * spread


def test_a_lower_rate_keeps_a_part_of_what_a_higher_one_keeps() -> None:
    assert threshold(1) == 0
    assert threshold(0) == 1 << 56
    assert threshold(0.1) > threshold(0.2)


def test_copies_are_decided_once() -> None:
    first_one = sampler(rate=0, always=Always(first_per_fingerprint="1/1h"))
    original = error()
    copies = [original.copy(()), original.copy(())]
    assert [decided(first_one, copy) for copy in copies] == ["stays", "stays"]
    assert decided(first_one, error()) == "sampled"


def test_levels_that_always_stay_stay() -> None:
    fatal = sampler(rate=0, always=Always(level=("fatal", "warning")))
    assert decided(fatal, error(level="fatal")) == "stays"
    assert decided(fatal, error(level="error")) == "sampled"
    assert decided(fatal, Line("log", {"level": "warn"}, trace_id=LOW)) == "stays"
    assert decided(fatal, Line("log_record", {"severity_number": 21}, trace_id=LOW)) == "stays"
    assert decided(fatal, Line("log_record", {"severity_number": 20}, trace_id=LOW)) == "sampled"
    assert decided(fatal, Line("log_record", {"severity_number": 99}, trace_id=LOW)) == "sampled"
    assert decided(fatal, Line("otlp_span", {"level": "fatal"}, trace_id=LOW)) == "sampled"


def test_an_event_without_a_level_is_an_error() -> None:
    errors = sampler(rate=0, always=Always(level=("error",)))
    assert decided(errors, Line("event", {}, trace_id=LOW)) == "stays"


def test_the_first_errors_of_each_kind_stay() -> None:
    clock = Hand()
    first = sampler(clock, rate=0, always=Always(first_per_fingerprint="2/1h"))
    assert [decided(first, error()) for _ in range(3)] == ["stays", "stays", "sampled"]
    assert decided(first, error(function="refund")) == "stays"
    assert decided(first, error("KeyError")) == "stays"
    clock.now = 3600
    assert decided(first, error()) == "stays"


def test_a_message_that_differs_is_not_another_kind() -> None:
    first = sampler(rate=0, always=Always(first_per_fingerprint="1/1h"))
    assert decided(first, error(message="a")) == "stays"
    assert decided(first, error(message="b")) == "sampled"


def test_library_frames_do_not_make_another_kind_unless_there_are_no_others() -> None:
    def framed(in_app: bool | None, function: str) -> Line:
        frame: Tree = {"module": "lib", "function": function, "in_app": in_app}
        own: Tree = {"module": "shop", "function": "charge", "in_app": True}
        frames: Tree = [frame, own] if in_app is False else [frame]
        value: Tree = {"type": "E", "stacktrace": {"frames": frames}}
        return Line("event", {"exception": [value]}, trace_id=LOW)

    first = sampler(rate=0, always=Always(first_per_fingerprint="1/1h"))
    assert decided(first, framed(False, "a")) == "stays"
    assert decided(first, framed(False, "b")) == "sampled"
    assert decided(first, framed(None, "a")) == "stays"
    assert decided(first, framed(None, "b")) == "stays"


def test_messages_without_an_exception_are_told_apart_by_their_logger() -> None:
    def message(text: str, logger: str) -> Line:
        return Line("event", {"message": text, "logger": logger}, trace_id=LOW)

    first = sampler(rate=0, always=Always(first_per_fingerprint="1/1h"))
    assert decided(first, message("a", "shop")) == "stays"
    assert decided(first, message("b", "shop")) == "sampled"
    assert decided(first, message("b", "mail")) == "stays"


def test_a_full_table_gives_new_kinds_one_budget_for_all() -> None:
    clock = Hand()
    first = FirstOnes(1, 60.0, clock, most=2)
    assert [first.take((kind,)) for kind in "abcde"] == [True, True, True, False, False]
    clock.now = 60
    assert first.take(("e",)), "the table has room again"


def test_a_limit_refills_over_time() -> None:
    clock = Hand()
    limited = sampler(clock, limits={"event": "2/1s"})
    document = {"type_": "event", "tree": {}, "trace_id": HIGH}
    assert [decided(limited, Line(**document)) for _ in range(3)] == [  # type: ignore[arg-type]
        "stays",
        "stays",
        "rate_limited",
    ]
    assert decided(limited, Line("log", {}, trace_id=HIGH)) == "stays"
    clock.now = 0.5
    assert decided(limited, error(trace_id=HIGH)) == "stays"
    assert decided(limited, error(trace_id=HIGH)) == "rate_limited"


def test_each_project_and_each_service_has_a_limit_of_its_own() -> None:
    def event(project: str) -> Document:
        headers = {"event_id": "a" * 32}
        body = b'%b\n{"type":"event"}\n{}\n' % msgspec.json.encode(headers)
        return Envelope.decode(body, project, 1.0).copy().documents[0]

    def record(service: str) -> Document:
        about = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        scope = {"logRecords": [{"body": {"stringValue": "no"}}]}
        request = {"resourceLogs": [{"resource": about, "scopeLogs": [scope]}]}
        body = msgspec.json.encode(request)
        return OtlpRequest.decode_json(body, "logs", received=1.0).copy().documents[0]

    limited = sampler(limits={"event": "1/1h", "log_record": "1/1h"})
    for of in (event, record):
        assert decided(limited, of("shop")) == "stays"
        assert decided(limited, of("shop")) == "rate_limited"
        assert decided(limited, of("mail")) == "stays"


def test_too_many_projects_share_a_bucket() -> None:
    limit = Limit(1, 60.0, Hand(), most=2)
    assert [limit.take(project) for project in "abcd"] == [True, True, True, False]


@pytest.mark.parametrize(
    ("type_", "tree", "weighted"),
    [
        ("event", {"extra": {"a": 1}}, {"extra": {"a": 1, "errlock.sample_weight": 4.0}}),
        ("transaction", {}, {"extra": {"errlock.sample_weight": 4.0}}),
        (
            "log",
            {"attributes": {}},
            {"attributes": {"errlock.sample_weight": {"type": "double", "value": 4.0}}},
        ),
        (
            "span",
            {"attributes": {}},
            {"attributes": {"errlock.sample_weight": {"type": "double", "value": 4.0}}},
        ),
        ("span", {"data": {"b": 1}}, {"data": {"b": 1, "errlock.sample_weight": 4.0}}),
        ("log_record", {}, {"attributes": {"errlock.sample_weight": 4.0}}),
        ("otlp_span", {}, {"attributes": {"errlock.sample_weight": 4.0}}),
        ("raw_security", {"csp-report": {}}, {"csp-report": {}}),
    ],
)
def test_what_stays_says_how_many_it_stands_for(
    type_: DocumentType, tree: Tree, weighted: Tree
) -> None:
    document = Line(type_, tree, trace_id=HIGH)
    quarter = sampler(rate=0.25)
    assert decided(quarter, document) == "stays"
    assert document.tree == weighted
    assert decided(quarter, document) == "stays"
    assert document.tree == weighted, "once, not each time"


def test_nothing_is_written_when_everything_stays() -> None:
    document = Line("event", {"extra": {}}, trace_id=LOW)
    assert decided(sampler(), document) == "stays"
    assert document.tree == {"extra": {}}


def test_what_always_stays_stands_for_itself() -> None:
    document = error(level="fatal", trace_id=HIGH)
    assert decided(sampler(rate=0.25, always=Always(level=("fatal",))), document) == "stays"
    assert isinstance(document.tree, dict)
    assert "extra" not in document.tree


def test_a_larger_weight_from_another_collector_is_kept() -> None:
    document = Line("event", {"extra": {"errlock.sample_weight": 10}}, trace_id=HIGH)
    assert decided(sampler(rate=0.25), document) == "stays"
    assert document.tree == {"extra": {"errlock.sample_weight": 10}}


@pytest.mark.parametrize(
    "claimed", [1_000_001, 1e16, math.inf, math.nan, -1, "9", pytest.param(10**400, id="no float")]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_weight_that_is_nobodys_is_as_none(claimed: Tree, wrapped: bool) -> None:
    there: Tree = {"type": "double", "value": claimed} if wrapped else claimed
    document = Line("event", {"extra": {"errlock.sample_weight": there}}, trace_id=HIGH)
    assert decided(sampler(rate=0.25), document) == "stays"
    assert document.tree == {"extra": {"errlock.sample_weight": 4.0}}
    assert document.weight == 4.0


def test_the_trace_header_gets_the_combined_rate_in_every_copy_once() -> None:
    headers = Line("envelope", {"trace": {"sample_rate": "0.5", "trace_id": HIGH}})
    quarter = sampler(rate=0.25)
    for _ in range(2):
        headers_copy = headers.copy(())
        for _ in range(2):
            document = Line("transaction", {}, parents=(headers_copy,), trace_id=HIGH)
            assert decided(quarter, document) == "stays"
        assert headers_copy.tree == {"trace": {"sample_rate": "0.125", "trace_id": HIGH}}


@pytest.mark.parametrize(
    "headers", [{}, {"trace": {}}, {"trace": {"sample_rate": "lots"}}, {"trace": 1}]
)
def test_a_trace_header_without_a_rate_stays_as_it_is(headers: Tree) -> None:
    above = Line("envelope", headers)
    document = Line("transaction", {}, parents=(above,), trace_id=HIGH)
    assert decided(sampler(rate=0.25), document) == "stays"
    assert above.tree == headers


def test_every_problem_is_named_with_its_path() -> None:
    options = Sample(
        always=Always(first_per_fingerprint="often"),
        limits={"event": "10", "session": "1/1s", "log": "0/1s", "span": "5/1s"},
    )
    assert [str(problem) for problem in options.problems()] == [
        "always.first_per_fingerprint: expected a number and a duration, such as 10/1h",
        "limits.event: expected a number and a duration, such as 10/1h",
        (
            "limits.session: expected one of event, transaction, span, log, raw_security, "
            "otlp_span, log_record"
        ),
        "limits.log: expected a number and a duration, such as 10/1h",
    ]
