"""Whatever goes wrong in the engine, nothing of the document goes out, and a counter says why."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from scripted_exporter import ScriptedExporter

import errlock.policy.engine as engine
from errlock.delivery.clock import Clock
from errlock.delivery.destination import Destination
from errlock.delivery.options import DeliveryOptions
from errlock.delivery.standby import Lineup
from errlock.delivery.store import MemoryStore
from errlock.pipeline.api import Pipeline
from errlock.pipeline.chain import Chain
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.graph.routes import Branch, Route
from errlock.pipeline.payloads.envelope import Envelope
from errlock.policy import judging
from errlock.policy.engine.databases import Database, EngineError
from errlock.policy.engine.gate import Gate
from errlock.policy.engine.raw import RawLook
from errlock.policy.engine.scan import FastScan
from errlock.policy.text import Rule

SECRET = "hunter22correct"
DIRTY = b'{"message": "password=hunter22correct", "extra": {"mail": "jane@example.com"}}'
CLEAN = b'{"message": "all is well", "level": "error"}'


def failing(error: type[Exception] = RuntimeError) -> Any:
    def fail(*args: Any, **_: Any) -> Any:
        raise error(f"while looking at {SECRET} of {args!r}")

    return fail


@pytest.fixture(autouse=True)
def no_remembered_gates() -> Iterator[None]:
    engine._gate.cache_clear()
    yield
    engine._gate.cache_clear()


def dropped(pipeline: Pipeline) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, labels, amount in pipeline.counters:
        told = dict(labels)
        if name == "processor_dropped" and told["type"] == "event":
            found[told["reason"]] = found.get(told["reason"], 0) + amount
    return found


def assert_nothing_goes_out(data: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pipeline = Pipeline.default()
    assert pipeline.scrub(data) is None
    assert dropped(pipeline) == {reason: 1}
    destination = Destination(
        "one",
        ScriptedExporter(),
        DeliveryOptions(),
        Counters(),
        logging.getLogger("t"),
        MemoryStore(),
    )
    branch = Branch(pipeline._chain._plan, None, ("sentry",), [destination], "errors:1")
    lineup = Lineup({"one": destination}, {}, Clock())
    route = Route("errors", pipeline._chain, [branch], lineup)
    judged = route.judge(Envelope.from_event(json.loads(data)), frozenset(["one"]))
    assert [len(each.payload.alive) for each in judged.offers if each.payload] in ([], [0])
    assert not any(SECRET.encode() in (each.body or b"") for each in judged.offers)
    assert judged.refused == {("event", reason): 1}
    assert SECRET not in caplog.text
    assert "jane@" not in caplog.text


_STAGES: dict[str, tuple[Any, str]] = {
    "scanning": (Database, "scan"),
    "the fast walk": (FastScan, "_look"),
    "judging a text": (judging.Judge, "text"),
    "a rule": (Rule, "spans"),
    "what a hit means": (Gate, "bits_of"),
    "marking copies": (FastScan, "mark_copies"),
    "finishing": (FastScan, "finish"),
}


@pytest.mark.parametrize("stage", sorted(_STAGES))
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, EngineError, TimeoutError, OSError])
def test_an_error_at_any_stage_lets_nothing_out(
    stage: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    Pipeline.default().scrub(DIRTY)  # what is made once is made now
    owner, name = _STAGES[stage]
    monkeypatch.setattr(owner, name, failing(error))
    assert_nothing_goes_out(DIRTY, "processor_failed", caplog)


@pytest.mark.parametrize("data", [DIRTY, CLEAN])
@pytest.mark.parametrize("error", [EngineError, RuntimeError])
def test_an_engine_that_cannot_be_made_lets_nothing_out(
    data: bytes,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(engine, "Gate", failing(error))
    assert_nothing_goes_out(data, "processor_failed", caplog)


@pytest.mark.parametrize("data", [DIRTY, CLEAN])
def test_a_document_is_judged_in_full_when_the_look_at_its_bytes_fails(
    data: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = Pipeline.default().scrub_event(json.loads(data))
    monkeypatch.setattr(RawLook, "is_clean", failing())
    caplog.set_level(logging.DEBUG)
    out = Pipeline.default().scrub(data)
    assert out is not None
    assert json.loads(out) == expected
    assert SECRET.encode() not in out
    assert SECRET not in caplog.text


def test_work_beyond_the_bounds_lets_nothing_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(judging, "FLOOR", 10)
    monkeypatch.setattr(judging, "MAX_EXPANSION", 0)
    data = json.dumps({"message": f"password%3D{SECRET} a%20b"}).encode()
    assert_nothing_goes_out(data, "limit", caplog)


def _scrubbed(pipeline: Pipeline, data: bytes, format_: Any) -> bytes | None:
    """What goes out; nothing when it is refused, which must be counted or said without values."""
    try:
        out = pipeline.scrub(data, format_)
    except RefusedPayload as refused:
        said = str(refused)
    else:
        assert sum(dropped(pipeline).values()) == 1
        return out
    assert SECRET not in said
    return None


def test_nesting_beyond_the_bounds_lets_nothing_out(caplog: pytest.LogCaptureFixture) -> None:
    data = b'{"a":' * 140 + json.dumps({"password": SECRET}).encode() + b"}" * 140
    caplog.set_level(logging.DEBUG)
    pipeline = Pipeline.default()
    assert _scrubbed(pipeline, data, "event") is None
    assert SECRET not in caplog.text


def test_a_document_that_cannot_be_loaded_lets_nothing_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    header = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n{"type":"event"}\n'
    for body in (b'{"password": "hunter22correct", ', b'{"a": "\xff hunter22correct"}'):
        pipeline = Pipeline.default()
        assert _scrubbed(pipeline, header + body + b"\n", "envelope") is None
    assert SECRET not in caplog.text


def test_a_chain_whose_engine_fails_passes_nothing_by_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Pipeline.default()._chain.passes("event", CLEAN)
    engine._gate.cache_clear()
    monkeypatch.setattr(engine, "Gate", failing(EngineError))
    chain: Chain = Pipeline.default()._chain
    assert not chain.passes("event", CLEAN)
