"""Our exporter to our receiver and to scripted gRPC servers, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # no annotations
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # no annotations
from grpc import aio
from live_ports import listening_port
from opentelemetry import context
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from otlp_door import opened_door
from otlp_messages import logs_payload as payload
from recording_sink import RecordingSink
from self_signed import self_signed
from wire import Wire

from errlock.exporters.http import KEPT
from errlock.exporters.otlp import GrpcTlsConfig, OtlpExporter, OtlpExporterConfig
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Duration, PemFile, Secret
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.pipeline.payloads.otlp_signals import SERVICES
from errlock.receivers.otlp import AuthConfig, OtlpReceiver, ProtocolsConfig
from errlock.receivers.otlp_grpc import GrpcConfig
from errlock.receivers.tls import TlsConfig

SETTINGS = Settings(id="otlp", counters=Counters(), log=logging.getLogger("errlock.t"))
PLAIN = GrpcTlsConfig(insecure=True)
Answer = Callable[[bytes, Any], Awaitable[bytes]]


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[tuple[OtlpReceiver, RecordingSink]]:
    tls = options.pop("tls", None)
    protocols = ProtocolsConfig(grpc=GrpcConfig(endpoint="localhost:0", tls=tls))
    async with opened_door(protocols=protocols, **options) as door:
        yield door.receiver, door.sink


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server that answers logs as told; yields its endpoint."""
    server = aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICES["logs"], {"Export": handler}),)
    )
    port = server.add_insecure_port("localhost:0")
    await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def exporting(endpoint: str, **options: Any) -> AsyncIterator[OtlpExporter]:
    options.setdefault("tls", PLAIN)
    exporter = OtlpExporterConfig(endpoint=endpoint, **options).build(SETTINGS)
    await exporter.start()
    try:
        yield exporter
    finally:
        await exporter.stop()


async def failure(answer: Answer, **options: Any) -> ExportFailed:
    async with answering(answer) as endpoint, exporting(endpoint, **options) as exporter:
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(payload("hunter2"))
    return failed.value


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
async def test_what_is_sent_arrives_compressed(
    compression: Any, wire: Callable[[int], Wire]
) -> None:
    sent = payload("a text that is easy to compress " * 20, count=3)
    async with receiving() as (receiver, sink):
        relay = wire(receiver.grpc_port)
        async with exporting(f"localhost:{relay.port}", compression=compression) as exporter:
            assert await exporter.export(sent) == Delivered(3)
    assert [each.encode() for each in sink.payloads] == [sent.encode()]
    assert (sent.encode() in relay.sent) == (compression == "none")


async def test_metrics_and_traces_have_services_of_their_own() -> None:
    async with (
        receiving() as (receiver, sink),
        exporting(f"http://localhost:{receiver.grpc_port}", tls=GrpcTlsConfig()) as exporter,
    ):
        for signal in ("metrics", "traces"):
            await exporter.export(OtlpRequest.decode(b"", signal))
    assert sink.payloads == []


async def test_a_connection_that_a_load_balancer_may_be_closing_is_not_used() -> None:
    peers = []

    async def answer(_: bytes, context: Any) -> bytes:
        peers.append(context.peer())
        return b""

    async with answering(answer) as endpoint, exporting(endpoint) as exporter:
        for _ in range(3):
            await exporter.export(payload())
            await asyncio.sleep(KEPT + 0.1)
    assert len(set(peers)) == 3


async def test_several_that_end_an_idle_time_share_a_connection() -> None:
    peers = []

    async def answer(_: bytes, context: Any) -> bytes:
        peers.append(context.peer())
        return b""

    async with answering(answer) as endpoint, exporting(endpoint) as exporter:
        await exporter.export(payload())
        await asyncio.sleep(KEPT + 0.1)
        await asyncio.gather(*[exporter.export(payload()) for _ in range(20)])
    assert len(peers) == 21
    assert len(set(peers)) == 2


async def test_lost_documents_are_not_sent() -> None:
    sent = payload("hunter2", count=2)
    sent.documents[0].dropped = "filtered"
    sent.documents[1].tree = {"body": "clean"}
    async with (
        receiving() as (receiver, sink),
        exporting(f"localhost:{receiver.grpc_port}") as exporter,
    ):
        assert await exporter.export(sent) == Delivered(1)
    assert sink.trees == [{"body": "clean"}]


async def test_headers_are_sent_and_never_shown() -> None:
    config = OtlpExporterConfig(
        endpoint="localhost:1", tls=PLAIN, headers={"Authorization": Secret("Bearer s3cret")}
    )
    assert "s3cret" not in repr(config)
    async with receiving(auth=AuthConfig(bearer=Secret("s3cret"))) as (receiver, sink):
        endpoint = f"localhost:{receiver.grpc_port}"
        async with exporting(endpoint, headers=config.headers) as exporter:
            await exporter.export(payload())
    assert len(sink.payloads) == 1


async def test_what_a_partial_success_rejects_is_lost() -> None:
    async def some(request: bytes, context: Any) -> bytes:
        response = ExportLogsServiceResponse()
        response.partial_success.rejected_log_records = 2
        response.partial_success.error_message = "hunter2"
        return response.SerializeToString()

    async with answering(some) as endpoint, exporting(endpoint) as exporter:
        assert await exporter.export(payload(count=5)) == Delivered(3, {"invalid": 2})
        assert await exporter.export(payload(count=1)) == Delivered(0, {"invalid": 1})


async def test_an_answer_that_is_no_otlp_is_a_permanent_failure() -> None:
    async def greet(request: bytes, context: Any) -> bytes:
        return b"<html>hunter2"

    failed = await failure(greet)
    assert (failed.kind, failed.retryable) == ("not_otlp", False)


RETRYABLE = {"CANCELLED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
CODES = [code for code in grpc.StatusCode if code.name not in ("OK", "DEADLINE_EXCEEDED")]


@pytest.mark.parametrize("code", CODES, ids=[code.name for code in CODES])
async def test_statuses_are_retryable_as_the_specification_says(code: Any) -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        await context.abort(code, "hunter2")
        return b""

    failed = await failure(refuse)
    assert (failed.kind, failed.retryable, failed.retry_after) == (
        f"grpc_{code.name.lower()}",
        code.name in RETRYABLE,
        None,
    )
    assert "hunter2" not in str(failed)
    assert failed.__suppress_context__


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
async def test_with_retry_info_the_destination_says_when(code: str) -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        info = RetryInfo()
        info.retry_delay.seconds, info.retry_delay.nanos = 7, 500_000_000
        status = Status(code=8)
        status.details.add().Pack(info)
        details = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode[code], "", details)
        return b""

    failed = await failure(refuse)
    assert (failed.retryable, failed.retry_after) == (True, 7.5)
    assert (failed.unclear, failed.answered) == (False, True), "logs would be given up as unclear"


async def test_a_server_that_is_unavailable_has_answered() -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "data refused due to high memory usage")
        return b""

    failed = await failure(refuse)
    assert (failed.unclear, failed.answered) == (False, True), "logs would be given up as unclear"


async def test_whether_a_request_arrived_before_its_connection_broke_nobody_knows(
    wire: Callable[[int], Wire],
) -> None:
    begun = asyncio.Event()

    async def hang(request: bytes, context: Any) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    async with answering(hang) as endpoint:
        relay = wire(int(endpoint.rpartition(":")[2]))
        async with exporting(f"localhost:{relay.port}") as exporter:
            attempt = asyncio.ensure_future(exporter.export(payload()))
            await begun.wait()
            await asyncio.to_thread(relay.close)
            with pytest.raises(ExportFailed) as failed:
                await attempt
    assert (failed.value.kind, failed.value.retryable) == ("grpc_unavailable", True)
    assert (failed.value.unclear, failed.value.answered) == (True, False)


async def test_details_that_are_no_status_say_nothing() -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        details = (("grpc-status-details-bin", b"\xff\xff"),)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "", details)
        return b""

    failed = await failure(refuse)
    assert (failed.retryable, failed.retry_after) == (False, None)


async def test_our_own_receiver_when_busy_is_tried_again_when_it_says() -> None:
    async with receiving() as (receiver, sink):
        sink.be_busy()
        async with exporting(f"localhost:{receiver.grpc_port}") as exporter:
            with pytest.raises(ExportFailed) as failed:
                await exporter.export(payload())
    assert (failed.value.kind, failed.value.retryable) == ("grpc_unavailable", True)
    assert failed.value.retry_after == 1.0
    assert not failed.value.unclear


async def test_an_attempt_ends_after_the_timeout() -> None:
    async def sleep(request: bytes, context: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    failed = await failure(sleep, timeout=Duration("100ms"))
    assert (failed.kind, failed.retryable) == ("timeout", True)


async def test_nobody_there_is_worth_another_attempt() -> None:
    async with exporting(f"localhost:{listening_port()}") as exporter:
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(payload())
    assert (failed.value.kind, failed.value.retryable) == ("connection", True)
    assert not failed.value.unclear


async def test_a_name_that_nobody_has_is_told_as_that() -> None:
    async with exporting("handshake.invalid:4317") as exporter:
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(payload())
    assert (failed.value.kind, failed.value.retryable) == ("dns", True)


async def test_what_an_answer_says_of_connections_is_not_why_there_is_none() -> None:
    async def refuse(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "failed to connect: CERTIFICATE_VERIFY")
        return b""

    assert (await failure(refuse)).kind == "grpc_unavailable"


async def test_cancelling_aborts_the_attempt() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(request: bytes, context: Any) -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b""

    async with answering(hang) as endpoint, exporting(endpoint) as exporter:
        attempt = asyncio.create_task(exporter.export(payload()))
        await begun.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await ended.wait()


async def test_tls_with_an_own_authority(tmp_path: Path) -> None:
    cert_file, key_file = self_signed(tmp_path)
    tls = TlsConfig(cert_file=PemFile(cert_file), key_file=PemFile(key_file))
    async with receiving(tls=tls) as (receiver, sink):
        endpoint = f"localhost:{receiver.grpc_port}"
        async with exporting(endpoint, tls=GrpcTlsConfig(ca_file=PemFile(cert_file))) as exporter:
            await exporter.export(payload())
        for tls_of_ours, kind in (
            (GrpcTlsConfig(), "certificate"),
            (
                GrpcTlsConfig(ca_file=PemFile(cert_file), server_name_override="other.example"),
                "certificate",
            ),
            (GrpcTlsConfig(insecure=True), "connection"),
        ):
            async with exporting(endpoint, tls=tls_of_ours) as exporter:
                with pytest.raises(ExportFailed) as failed:
                    await exporter.export(payload())
                assert failed.value.kind == kind
    async with receiving() as (receiver, _):
        endpoint = f"https://localhost:{receiver.grpc_port}"
        async with exporting(endpoint, tls=GrpcTlsConfig()) as exporter:
            with pytest.raises(ExportFailed) as failed:
                await exporter.export(payload())
            assert failed.value.kind == "tls"
    assert len(sink.payloads) == 1


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://localhost:{listening_port()}")
    monkeypatch.setenv("grpc_proxy", f"http://localhost:{listening_port()}")
    async with (
        receiving() as (receiver, sink),
        exporting(f"localhost:{receiver.grpc_port}") as exporter,
    ):
        await exporter.export(payload())
    assert len(sink.payloads) == 1


async def test_instrumentations_do_not_see_our_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def look(request: bytes, _: Any) -> bytes:
        return b""

    def wrapped(*args: Any, **options: Any) -> Any:
        seen.append(args)

    monkeypatch.setattr(aio, "insecure_channel", wrapped)
    monkeypatch.setattr(grpc.aio, "insecure_channel", wrapped)
    async with answering(look) as endpoint, exporting(endpoint) as exporter:
        channel: Any = exporter._channel
        real, suppressed = channel.unary_unary, []

        def call(method: str) -> Any:
            suppressed.append(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY))
            return real(method)

        monkeypatch.setattr(channel, "unary_unary", call)
        await exporter.export(payload())
    assert (seen, suppressed) == ([], [True])


async def test_without_start_it_is_worth_another_attempt() -> None:
    exporter = OtlpExporterConfig(endpoint="localhost:1", tls=PLAIN).build(SETTINGS)
    with pytest.raises(ExportFailed, match="not_started") as failed:
        await exporter.export(payload())
    assert failed.value.retryable
    await exporter.stop()


@pytest.mark.parametrize(
    "endpoint", ["", "localhost", "localhost:x", "http://a:1/path", "ftp://a:1", "a:b@c:1", ":4317"]
)
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    assert [str(problem) for problem in OtlpExporterConfig(endpoint=endpoint).problems()] == [
        "endpoint: expected host:port or a http(s) URL of these alone"
    ]


def test_other_problems_of_a_configuration() -> None:
    config = OtlpExporterConfig(
        endpoint="[::1]:4317",
        headers={"grpc-x": Secret("a"), "sp ace": Secret("b"), "fine": Secret("ü")},
        timeout=Duration("0"),
    )
    assert [str(problem) for problem in config.problems()] == [
        "timeout: expected a duration above 0",
        "headers: expected names of letters, digits, -, _ and . and values of ASCII",
        "headers: expected names of letters, digits, -, _ and . and values of ASCII",
        "headers: expected names of letters, digits, -, _ and . and values of ASCII",
    ]
    tls = GrpcTlsConfig(key_file=PemFile("key.pem"))
    assert [str(problem) for problem in tls.problems()] == [
        "expected both cert_file and key_file or none of them"
    ]
