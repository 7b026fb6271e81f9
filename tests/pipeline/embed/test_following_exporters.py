"""Exporters that others wrote, in an application that follows: what they do wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from following_spans import follow, lift, spans_to, trace, tracing
from live_control import ControlServer
from mask_canaries import masking
from metered_sink import MeteredSink, metered_sink
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from waiting import wait_for

from errlock.pipeline.embed import OtelSpanExporter, otel_following

OTHER = "otlp/other"


class Exporter(SpanExporter):
    """Keeps the names of what it is given."""

    answer: Any = SpanExportResult.SUCCESS

    def __init__(self) -> None:
        self.names: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.names += [span.name for span in spans]
        result: SpanExportResult = self.answer
        return result


class Answerless(Exporter):
    """Forgets to answer, which no processor of the SDK minds."""

    answer = None


def test_an_exporter_without_an_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    inner = Answerless()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OtelSpanExporter(inner, masking())))
    trace(provider, 1)
    provider.shutdown()
    assert inner.names == ["event 1 "]
    assert caplog.messages == []


def test_what_an_exporter_without_an_answer_was_given_is_not_sent_again(
    fleet: ControlServer, caplog: pytest.LogCaptureFixture
) -> None:
    inner = Answerless()
    fleet.say(held=("otlp",))
    with tracing(fleet, lambda: inner) as provider:
        trace(provider, 1)
        provider.force_flush()
        lift(fleet)
        wait_for(lambda: inner.names == ["event 1 "])
        trace(provider, 2)
        provider.force_flush()
    assert inner.names == ["event 1 ", "event 2 "]
    assert [each for each in caplog.messages if "follow" not in each] == []


def test_the_session_that_an_exporter_is_given_follows_no_redirect(
    fleet: ControlServer, other: MeteredSink
) -> None:
    with ExitStack() as sinks:
        backend = sinks.enter_context(metered_sink("sends elsewhere"))
        backend.elsewhere = f"http://127.0.0.1:{other.port}/v1/traces".encode()

        class Own(Exporter):
            def __init__(self, session: Any) -> None:
                super().__init__()
                self._session = session

            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                url = f"http://127.0.0.1:{backend.port}/"
                answer = self._session.post(url, data=" ".join(span.name for span in spans))
                return SpanExportResult.SUCCESS if answer.ok else SpanExportResult.FAILURE

        with tracing(fleet, Own) as provider:
            trace(provider, 1)
            provider.force_flush()
        assert backend.numbers == [1]
    assert other.received == b""


@pytest.mark.parametrize("raises", [True, False])
def test_an_exporter_that_does_not_shut_down_keeps_no_other_from_being_cut_off(
    fleet: ControlServer, backend: MeteredSink, raises: bool
) -> None:
    done = threading.Event()

    class Stubborn(Exporter):
        def shutdown(self) -> None:
            if raises:
                raise RuntimeError
            done.wait(30)

    with ExitStack() as running:
        silent = running.enter_context(metered_sink("never answers"))
        running.callback(done.set)
        provider = running.enter_context(tracing(fleet, Stubborn, {OTHER: spans_to(silent)}))
        trace(provider, 1)
        provider.force_flush()
        fleet.say(held=("otlp",), active={"otlp": OTHER})
        fleet.wait_until_applied()
        trace(provider, 2)
        silent.wait_for_bytes()
        fleet.say(distrusted=("otlp", OTHER))
        said = time.monotonic()
        wait_for(lambda: silent.ended, 20)
        assert time.monotonic() - said < 2
        fleet.wait_until_applied()
        done.set()


def test_shutting_down_waits_no_longer_than_for_the_last_chance(
    fleet: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel_following, "_LAST_CHANCE_MILLIS", 500)
    pipeline = masking()

    class Slow(Exporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            time.sleep(0.2)
            return super().export(spans)

    inner = Slow()
    fleet.say(held=("otlp",))
    with follow(fleet) as control:
        provider = TracerProvider(shutdown_on_exit=False)
        exporter = OtelSpanExporter(lambda: inner, pipeline, control=control)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace(provider, *range(50))
        fleet.wait_until_applied()
        lift(fleet)
        wait_for(lambda: inner.names)
        began = time.monotonic()
        provider.shutdown()
        assert time.monotonic() - began < 2
        lost = pipeline.counters.total("exporter_dropped", reason="shutdown")
        wait_for(lambda: len(inner.names) == 50 - lost)  # one was under way
