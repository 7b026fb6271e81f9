"""OTLP over real sockets: the SDK's own exporters, hand-made and hostile requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # no annotations
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # no annotations
from grpc import aio
from live_ports import listening_port
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetrics,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from otlp_door import GRPC, HTTP, JSON, LOGS, PROTOBUF, Door, is_open, opened_door
from otlp_messages import log_request

from errlock.pipeline.options import Secret
from errlock.pipeline.payloads.otlp_signals import SERVICES
from errlock.receivers import otlp_grpc
from errlock.receivers.otlp import (
    AuthConfig,
    OtlpReceiver,
    OtlpReceiverConfig,
    ProtocolsConfig,
)
from errlock.receivers.otlp_grpc import GrpcConfig
from errlock.receivers.otlp_http import HttpConfig

RESOURCE = Resource({"service.name": "shop"})


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened_door() as opened:
        yield opened


def one_log(exporter: Any) -> None:
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("library").emit(
        LogRecord(timestamp=1, body={"text": "hello"}, attributes={"n": 1, "user": "ada"})
    )
    provider.shutdown()


def one_span(exporter: Any) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.raises(ValueError), provider.get_tracer("library").start_as_current_span("work"):
        raise ValueError("no")
    provider.shutdown()


def one_metric(exporter: Any) -> None:
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], RESOURCE)
    provider.get_meter("library").create_counter("orders").add(3, {"customer": "ada"})
    provider.shutdown()


SENT: dict[str, tuple[Any, Any, Any]] = {
    "logs": (one_log, GrpcLogs, HttpLogs),
    "traces": (one_span, GrpcSpans, HttpSpans),
    "metrics": (one_metric, GrpcMetrics, HttpMetrics),
}


def check(door: Door, signal: str, transport: str) -> None:
    (payload,) = door.sink.payloads
    (document,) = payload.documents
    assert (payload.signal, payload.project) == (signal, "shop")
    assert payload.contexts[0].tree == {"attributes": {"service.name": "shop"}}
    assert payload.contexts[1].tree == {"name": "library"}
    if signal == "logs":
        assert document.tree["body"] == {"text": "hello"}
        assert document.tree["attributes"] == {"n": 1, "user": "ada"}
    elif signal == "traces":
        assert (document.tree["name"], document.tree["status"]["code"]) == ("work", 2)
        assert document.tree["events"][0]["attributes"]["exception.type"] == "ValueError"
    else:
        assert (document.tree["as_int"], document.tree["attributes"]) == (3, {"customer": "ada"})
    labels = {"receiver": "otlp", "transport": transport, "type": document.type}
    assert list(door.counters) == [("receiver_accepted", tuple(labels.items()), 1)]


@pytest.mark.parametrize("signal", SENT)
@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
async def test_the_sdk_sends_over_grpc(door: Door, signal: str, compression: Any) -> None:
    emit, exporter, _ = SENT[signal]
    await asyncio.to_thread(
        lambda: emit(exporter(f"http://{door.target}", insecure=True, compression=compression))
    )
    check(door, signal, "grpc")


@pytest.mark.parametrize("signal", SENT)
@pytest.mark.parametrize("compression", list(Compression))
async def test_the_sdk_sends_over_http(door: Door, signal: str, compression: Any) -> None:
    emit, _, exporter = SENT[signal]
    url = door.url(f"/v1/{signal}")
    await asyncio.to_thread(lambda: emit(exporter(url, compression=compression)))
    check(door, signal, "http")


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/traces", "/v1/metrics"])
async def test_an_empty_request_is_a_success(door: Door, path: str) -> None:
    assert (await door.post(b"", path=path))[0] == 200
    assert (await door.post(b"{}", JSON, path=path))[0] == 200
    assert door.sink.payloads == []


async def test_an_empty_grpc_request_is_a_success(door: Door) -> None:
    assert await door.call(b"") == b""
    assert door.sink.payloads == []


async def test_services_of_one_request_become_payloads_of_their_own(door: Door) -> None:
    request = log_request("a", service="one")
    request.MergeFrom(log_request("b", service="two"))
    await door.call(request.SerializeToString())
    assert [payload.project for payload in door.sink.payloads] == ["one", "two"]


async def test_what_was_refused_is_told_as_partial_success(door: Door) -> None:
    door.sink.refused = {("log_record", "limit"): 1, ("log_record", "broken"): 2}
    request = log_request("hunter2")
    for _ in range(4):
        request.MergeFrom(log_request("hunter2"))
    expected = "refused (broken: 2, limit: 1)"
    for answer in (
        await door.call(request.SerializeToString()),
        (await door.post(request.SerializeToString()))[2],
    ):
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
        assert (partial.rejected_log_records, partial.error_message) == (3, expected)
    count = door.counters.total
    assert count("receiver_refused", transport="grpc", type="log_record", reason="broken") == 2
    assert count("receiver_refused", transport="http", type="log_record", reason="limit") == 1
    assert count("receiver_accepted", transport="http", type="log_record") == 2


async def test_a_busy_pipeline_is_unavailable_and_says_when_to_come_again(door: Door) -> None:
    door.sink.be_busy()
    body = log_request("hunter2").SerializeToString()

    status, headers, answer = await door.post(body)
    assert (status, headers["Retry-After"]) == (503, "1")
    told = Status.FromString(answer)
    delay = RetryInfo()
    assert told.details[0].Unpack(delay)
    assert (told.code, delay.retry_delay.seconds) == (14, 1)

    error = await door.failed_call(body)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert error.details() == "too many bytes are waiting to be sanitised"
    details = dict(error.trailing_metadata())
    assert Status.FromString(details["grpc-status-details-bin"]) == told

    answer = (await door.post(b'{"resourceLogs":[]}', JSON))[2]
    assert answer == b"{}"
    assert door.refused("http", "busy") == door.refused("grpc", "busy") == 1


async def test_the_sdk_tries_again_when_busy(door: Door) -> None:
    door.sink.be_busy()
    exporter = GrpcLogs(f"http://{door.target}", insecure=True)
    sent: Any = asyncio.create_task(asyncio.to_thread(one_log, exporter))
    await door.sink.entered.wait()
    door.sink.failure = None
    await sent
    assert len(door.sink.payloads) == 1


async def test_requests_beyond_the_budget_are_refused_while_others_are_judged() -> None:
    async with opened_door(max_bytes_in_flight=3000) as door:
        door.sink.open.clear()
        body = log_request("x" * 2000).SerializeToString()
        first = asyncio.create_task(door.call(body))
        await door.sink.entered.wait()
        assert (await door.post(body))[0] == 503
        assert (await door.failed_call(body)).code() == grpc.StatusCode.UNAVAILABLE
        door.sink.open.set()
        await first
        assert (await door.post(body))[0] == 200
        assert door.refused("http", "busy") == door.refused("grpc", "busy") == 1


async def test_a_call_whose_message_does_not_come_is_ended(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_grpc, "READ_TIMEOUT", 0.2)
    async with aio.insecure_channel(door.target) as channel:
        call = channel.stream_unary(f"/{SERVICES['logs']}/Export")()
        assert await call.code() == grpc.StatusCode.UNAVAILABLE
    assert door.refused("grpc", "timeout") == 1


HOSTILE = {
    "no protobuf": b"\xff\xffhunter2",
    "truncated": log_request("hunter2" * 9).SerializeToString()[:-5],
    "bad utf-8": log_request("hunter2").SerializeToString().replace(b"hunter2", b"hunter\xff"),
    "too deep": b"",
}
_deep: Any = "hunter2"
for _ in range(60):
    _deep = [_deep]
HOSTILE["too deep"] = log_request(_deep).SerializeToString()


@pytest.mark.parametrize("kind", HOSTILE)
async def test_what_is_no_protobuf_is_an_invalid_argument(door: Door, kind: str) -> None:
    expected = "the body is not an OTLP request in protobuf"
    status, headers, body = await door.post(HOSTILE[kind])
    assert (status, headers["Content-Type"]) == (400, "application/x-protobuf")
    assert Status.FromString(body) == Status(code=3, message=expected)
    error = await door.failed_call(HOSTILE[kind])
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, expected)
    assert door.refused("http", "malformed") == door.refused("grpc", "malformed") == 1


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_a_message_over_the_limit_is_refused_over_grpc(
    door: Door, compression: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = await door.failed_call(bytes(5 << 20), compression=compression)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata())
    await door.receiver.stop()
    assert door.refused("grpc", "too_large") == 1
    assert caplog.messages == []


async def test_refusals_that_find_nobody_any_more_are_no_errors(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    # gRPC refuses the message, the client leaves, and some of our answers come at that very moment:
    # three in a hundred when this was written, with gzip.
    call = partial(door.failed_call, bytes(5 << 20), compression=grpc.Compression.Gzip)
    for _ in range(20):
        errors = await asyncio.gather(*(call() for _ in range(8)))
        assert {each.code() for each in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    await door.receiver.stop()
    assert door.refused("grpc", "too_large") == 160
    assert caplog.messages == []


async def test_a_grpc_call_without_a_message_is_refused(door: Door) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async with aio.insecure_channel(door.target) as channel:
        with pytest.raises(aio.AioRpcError) as failed:
            await channel.stream_unary(LOGS)(nothing(), timeout=20)
    assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failed.value.details() == "no message, or one of more than 4 MiB"


async def test_profiles_are_not_implemented(door: Door) -> None:
    service = "opentelemetry.proto.collector.profiles.v1development.ProfilesService"
    error = await door.failed_call(b"hunter2", f"/{service}/Export")
    assert (error.code(), error.details()) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "Method not found!",
    )


async def test_a_failure_behind_the_door_is_internal_and_says_nothing(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.sink.failure = ValueError("hunter2")
    body = log_request("hunter2").SerializeToString()
    status, _, answer = await door.post(body)
    error = await door.failed_call(body)
    assert (status, Status.FromString(answer)) == (500, Status(code=13, message="internal error"))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    assert caplog.messages == ["a request failed: ValueError"] * 2
    assert "hunter2" not in caplog.text


async def test_an_unknown_field_goes_nowhere(door: Door) -> None:
    request = log_request("a")
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.MergeFromString(b"\x9a\x06\x07hunter2")
    assert await door.call(request.SerializeToString()) == b""
    assert b"hunter2" not in door.sink.payloads[0].encode()
    assert door.counters.total("receiver_repaired", receiver="otlp") == 1


async def test_a_token_is_asked_for_before_anything_is_read() -> None:
    async with opened_door(auth=AuthConfig(bearer=Secret("s3cret"))) as door:
        body = log_request().SerializeToString()
        for headers in (PROTOBUF, {**PROTOBUF, "Authorization": "Bearer no"}):
            status, answer_headers, answer = await door.post(body, headers)
            assert (status, answer_headers["WWW-Authenticate"]) == (401, "Bearer")
            assert Status.FromString(answer).code == 16
        error = await door.failed_call(body, metadata=(("authorization", "Bearer no"),))
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        assert door.sink.payloads == []
        assert (await door.post(body, {**PROTOBUF, "Authorization": "Bearer s3cret"}))[0] == 200
        await door.call(body, metadata=(("authorization", "Bearer s3cret"),))
        assert len(door.sink.payloads) == 2
        assert (door.refused("http", "auth"), door.refused("grpc", "auth")) == (2, 1)


@pytest.mark.parametrize(
    ("protocols", "grpc_on", "http_on"),
    [
        (ProtocolsConfig(), True, True),
        (ProtocolsConfig(grpc=None), True, False),
        (ProtocolsConfig(http=None), False, True),
        (ProtocolsConfig(grpc=None, http=None), True, True),
    ],
)
def test_a_protocol_that_is_not_written_is_off(
    protocols: ProtocolsConfig, grpc_on: bool, http_on: bool
) -> None:
    receiver: OtlpReceiver = Door(protocols=protocols).receiver
    assert (receiver._grpc is not None, receiver._http is not None) == (grpc_on, http_on)


def test_problems_of_a_configuration() -> None:
    http = HttpConfig(endpoint="nowhere", logs_url_path="logs", traces_url_path="logs")
    assert [str(problem) for problem in http.problems()] == [
        "endpoint: expected host:port, such as localhost:4317 or [::1]:4317",
        "logs_url_path: expected a path that begins with /",
        "expected three different url paths",
    ]
    assert [str(problem) for problem in GrpcConfig(endpoint="::1:5").problems()] == [
        "endpoint: expected host:port, such as localhost:4317 or [::1]:4317"
    ]
    assert list(OtlpReceiverConfig().problems()) == []


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_a_taken_port_is_an_os_error_and_opens_nothing(door: Door, protocol: str) -> None:
    taken = f"localhost:{getattr(door.receiver, f'{protocol}_port')}"
    config: Any = {"grpc": GRPC, "http": HTTP}
    config[protocol] = type(config[protocol])(endpoint=taken)
    other = Door(protocols=ProtocolsConfig(**config))
    with pytest.raises(OSError):
        await other.receiver.start(other.sink)
    assert not await is_open(other.receiver.grpc_port)
    assert not await is_open(other.receiver.http_port)


async def test_stopping_finishes_what_has_begun_and_refuses_the_rest(door: Door) -> None:
    door.sink.open.clear()
    body = log_request().SerializeToString()
    over_grpc = asyncio.create_task(door.call(body))
    await door.sink.entered.wait()
    door.sink.entered.clear()
    over_http = asyncio.create_task(door.post(body))
    await door.sink.entered.wait()
    stopping = asyncio.create_task(door.receiver.stop())
    while await is_open(door.receiver.grpc_port) or await is_open(door.receiver.http_port):
        assert not stopping.done()
    door.sink.open.set()
    await stopping
    assert (await over_http)[0] == 200
    assert await over_grpc == b""
    assert (await door.failed_call(body)).code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(aiohttp.ClientConnectorError):
        await door.post(body)


async def test_another_receiver_answers_on_the_same_connection() -> None:
    grpc_only = ProtocolsConfig(grpc=GrpcConfig(endpoint=f"127.0.0.1:{listening_port()}"))
    new = Door(protocols=grpc_only, auth=AuthConfig(bearer=Secret("token")))
    body, token = log_request().SerializeToString(), (("authorization", "Bearer token"),)
    async with opened_door(protocols=grpc_only) as old:
        channel = aio.insecure_channel(old.target, (("grpc.enable_retries", 0),))
        export = channel.unary_unary(LOGS)
        await export(body)
        new.receiver.take_over(old.receiver)
        await new.receiver.start(new.sink)
        await old.receiver.retire()
        with pytest.raises(aio.AioRpcError) as failed:
            await export(body)
        assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED
        await export(body, metadata=token)
        assert (len(old.sink.payloads), len(new.sink.payloads)) == (1, 1)
        await channel.close()
        await new.receiver.stop()
        assert not await is_open(new.receiver.grpc_port)


async def test_a_receiver_that_was_not_needed_after_all_gives_the_door_back() -> None:
    grpc_only = ProtocolsConfig(grpc=GrpcConfig(endpoint=f"127.0.0.1:{listening_port()}"))
    new = Door(protocols=grpc_only, auth=AuthConfig(bearer=Secret("token")))
    async with opened_door(protocols=grpc_only) as old:
        new.receiver.take_over(old.receiver)
        await new.receiver.start(new.sink)
        await new.receiver.stop()
        await old.call(log_request().SerializeToString())
        assert (len(old.sink.payloads), len(new.sink.payloads)) == (1, 0)
