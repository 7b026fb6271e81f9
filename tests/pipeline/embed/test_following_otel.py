"""opentelemetry-sdk in an application that follows a control document."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
from following_spans import follow, lift, spans_to, trace, tracing
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # no annotations
from grpc_sink import grpc_sink
from live_control import ControlServer
from mask_canaries import masking
from metered_sink import MeteredSink, metered_sink
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter
from waiting import wait_for
from wire import Wire

from errlock.pipeline.embed import OtelLogExporter, OtelSpanExporter

STANDBY = "otlp/standby"
MakeWire = Callable[[int], Wire]


def test_a_program_that_ends_at_once_sends(fleet: ControlServer, backend: MeteredSink) -> None:
    with tracing(fleet, spans_to(backend)) as provider:
        trace(provider, 1)
    assert backend.numbers == [1]


def test_spans_of_a_held_destination_wait(fleet: ControlServer, backend: MeteredSink) -> None:
    fleet.say(held=("otlp",))
    with tracing(fleet, spans_to(backend)) as provider:
        trace(provider, *range(50))
        fleet.wait_until_applied()
        provider.force_flush()
        assert backend.received == b""
        lift(fleet)
        wait_for(lambda: len(backend.numbers) == 50)
    assert sorted(backend.numbers) == list(range(50))


def test_log_records_wait_and_follow_as_spans_do(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    def make(session: Any) -> OTLPLogExporter:
        endpoint = f"http://127.0.0.1:{backend.port}/v1/logs"
        return OTLPLogExporter(endpoint=endpoint, session=session)

    fleet.say(held=("otlp",))
    with follow(fleet) as control:
        provider = LoggerProvider(shutdown_on_exit=False)
        exporter = OtelLogExporter(make, masking(), control=control)
        provider.add_log_record_processor(
            BatchLogRecordProcessor(exporter, schedule_delay_millis=20)
        )
        record = LogRecord(body="event 1 ", severity_number=SeverityNumber.ERROR)
        provider.get_logger("shop").emit(record)
        fleet.wait_until_applied()
        provider.force_flush()
        assert backend.received == b""
        lift(fleet)
        wait_for(lambda: backend.numbers == [1])
        provider.shutdown()


def test_while_distrusted_the_standby_gets_the_spans(
    fleet: ControlServer, backend: MeteredSink, other: MeteredSink
) -> None:
    with tracing(fleet, spans_to(backend), {STANDBY: spans_to(other)}) as provider:
        trace(provider, 1)
        wait_for(lambda: backend.numbers == [1])
        fleet.say(distrusted=("o.example",), active={"otlp": STANDBY})
        fleet.wait_until_applied()
        wait_for(lambda: backend.ended == 1)  # the connection that was kept
        trace(provider, 2)
        wait_for(lambda: other.numbers == [2])
        lift(fleet, "o.example")
        fleet.wait_until_applied()
        trace(provider, 3)
    assert (backend.numbers, other.numbers) == ([1, 3], [2])


@pytest.mark.parametrize("manner", ["never answers", "reads slowly"])
def test_an_export_under_way_is_cut_off_and_goes_to_the_standby(
    fleet: ControlServer, other: MeteredSink, manner: Any
) -> None:
    with ExitStack() as sinks:
        backend = sinks.enter_context(metered_sink(manner))
        with tracing(fleet, spans_to(backend), {STANDBY: spans_to(other)}) as provider:
            span = provider.get_tracer("shop").start_span("event 1 ")
            for number in range(120):
                span.set_attribute(f"a{number}", "x" * 8000)
            span.end()
            backend.wait_for_bytes()
            fleet.say(distrusted=("otlp",), active={"otlp": STANDBY})
            said = time.monotonic()
            wait_for(lambda: backend.ended == 1)
            assert time.monotonic() - said < 2
            received = len(backend.received)
            wait_for(lambda: 1 in other.numbers)
            assert len(backend.received) == received
            assert manner == "never answers" or received < len(other.received)


def test_a_grpc_exporter_is_cut_off_and_made_anew(
    fleet: ControlServer, other: MeteredSink, wire: MakeWire
) -> None:
    answered: list[object] = []

    def export(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(lambda: answered.append(True))
        return b""

    def make() -> GrpcSpans:
        return GrpcSpans(endpoint=f"http://127.0.0.1:{relay.port}", insecure=True)

    with ExitStack() as running:
        relay = wire(running.enter_context(grpc_sink("trace", export)))
        provider = running.enter_context(tracing(fleet, make, {STANDBY: spans_to(other)}))
        trace(provider, 1)
        wait_for(lambda: relay.contains(b"event 1 ") and answered)
        fleet.say(distrusted=("otlp",), active={"otlp": STANDBY})
        fleet.wait_until_applied()
        time.sleep(0.5)  # the end of the first call may be on its way
        sent = len(relay.sent)
        trace(provider, 2)
        # The first may have been cut off between its answer and whoever waits for that.
        wait_for(lambda: 2 in other.numbers)
        time.sleep(0.3)
        assert len(relay.sent) == sent
        lift(fleet)
        fleet.wait_until_applied()
        trace(provider, 3)
        wait_for(lambda: relay.contains(b"event 3 "))
    assert not relay.contains(b"event 2 ")


def test_a_grpc_exporter_makes_no_further_attempt_while_held(fleet: ControlServer) -> None:
    came, held = list[bytes](), threading.Event()
    at_once = RetryInfo(retry_delay=Duration(nanos=1_000_000)).SerializeToString()

    def export(request: bytes, context: grpc.ServicerContext) -> bytes:
        came.append(request)
        if len(came) == 1:
            held.wait(30)
        if len(came) < 3:
            context.set_trailing_metadata((("google.rpc.retryinfo-bin", at_once),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "come again")
        return b""

    with grpc_sink("trace", export) as port:

        def make() -> GrpcSpans:
            return GrpcSpans(endpoint=f"http://127.0.0.1:{port}", insecure=True)

        with tracing(fleet, make) as provider:
            trace(provider, 1)
            wait_for(lambda: len(came) == 1)
            fleet.say(held=("otlp",))
            fleet.wait_until_applied()
            held.set()
            provider.force_flush()  # returns when the first attempt is over
            assert len(came) == 1
            lift(fleet)
            wait_for(lambda: len(came) == 3)  # allowed again, it is tried as often as ever
            provider.force_flush()
    assert all(b"event 1 " in each for each in came)
    assert len(came) == 3


def test_what_there_is_no_room_for_is_counted(fleet: ControlServer, backend: MeteredSink) -> None:
    fleet.say(held=("otlp",))
    pipeline = masking()
    with tracing(fleet, spans_to(backend), pipeline=pipeline, queue_size=2000) as provider:
        for number in range(50):
            trace(provider, number)
            provider.force_flush()
        lost = pipeline.counters.total("exporter_dropped", exporter="otlp", reason="queue_full")
        assert 30 < lost < 50
        fleet.wait_until_applied()
        lift(fleet)
        wait_for(lambda: len(backend.numbers) == 50 - lost)
        assert sorted(backend.numbers) == list(range(lost, 50))


def test_what_still_waits_in_the_end_is_counted(fleet: ControlServer, backend: MeteredSink) -> None:
    fleet.say(held=("otlp",))
    pipeline = masking()
    with tracing(fleet, spans_to(backend), pipeline=pipeline) as provider:
        trace(provider, 1, 2)
        fleet.wait_until_applied()
    assert backend.received == b""
    assert pipeline.counters.total("exporter_dropped", reason="shutdown") == 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_follows_and_sends_by_itself(
    fleet: ControlServer, backend: MeteredSink
) -> None:
    with tracing(fleet, spans_to(backend)) as provider:
        trace(provider, 1)
        provider.force_flush()
        child = os.fork()
        if child == 0:
            try:
                trace(provider, 2)
                provider.force_flush()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        wait_for(lambda: sorted(backend.numbers) == [1, 2])


def test_exporters_and_what_makes_them_are_told_apart(fleet: ControlServer) -> None:
    with follow(fleet) as control, pytest.raises(TypeError, match="what makes an exporter"):
        OtelSpanExporter(ConsoleSpanExporter(), masking(), control=control)
    with pytest.raises(TypeError, match="need control"):
        OtelSpanExporter(ConsoleSpanExporter, masking())
