"""Our exporter to our receiver and to scripted HTTP servers, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import zstandard
from aiohttp import web
from live_ports import listening_port
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from otlp_door import opened_door
from otlp_messages import logs_payload as payload
from recording_sink import RecordingSink

from errlock.exporters.otlp_http import OtlpHttpExporter, OtlpHttpExporterConfig
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Duration, Secret
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.receivers.otlp import AuthConfig, OtlpReceiver, ProtocolsConfig
from errlock.receivers.otlp_http import HttpConfig

SETTINGS = Settings(id="otlp_http", counters=Counters(), log=logging.getLogger("errlock.t"))
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[tuple[OtlpReceiver, RecordingSink]]:
    protocols = ProtocolsConfig(http=HttpConfig(endpoint="localhost:0"))
    async with opened_door(protocols=protocols, **options) as door:
        yield door.receiver, door.sink


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """A server that answers as told; yields its URL."""
    server = web.Server(answer, auto_decompress=False, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    try:
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def exporting(endpoint: str | None = None, **options: Any) -> AsyncIterator[OtlpHttpExporter]:
    exporter = OtlpHttpExporterConfig(endpoint=endpoint, **options).build(SETTINGS)
    await exporter.start()
    try:
        yield exporter
    finally:
        await exporter.stop()


async def export_to(answer: Answer, sent: OtlpRequest, **options: Any) -> Delivered:
    async with answering(answer) as url, exporting(url, **options) as exporter:
        return await exporter.export(sent)


async def failure(answer: Answer, **options: Any) -> ExportFailed:
    with pytest.raises(ExportFailed) as failed:
        await export_to(answer, payload("hunter2"), **options)
    return failed.value


def saying(status: int, **options: Any) -> Answer:
    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, **options)

    return say


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("encoding", ["proto", "json"])
async def test_what_is_sent_arrives(encoding: Any, compression: Any) -> None:
    async with receiving() as (receiver, sink):
        endpoint = f"http://localhost:{receiver.http_port}/"
        async with exporting(endpoint, encoding=encoding, compression=compression) as exporter:
            sent = payload(count=3)
            assert await exporter.export(sent) == Delivered(3)
    assert [each.encode() for each in sink.payloads] == [sent.encode()]


PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "none": bytes,
}


@pytest.mark.parametrize("compression", PLAIN)
async def test_what_is_on_the_wire_is_what_the_headers_say(compression: Any) -> None:
    async def check(request: web.BaseRequest) -> web.Response:
        assert request.headers.get("Content-Encoding", "none") == compression
        assert request.headers["Content-Type"] == "application/x-protobuf"
        assert PLAIN[compression](await request.read()) == sent.encode()
        return web.Response()

    sent = payload()
    assert await export_to(check, sent, compression=compression) == Delivered(1)


async def test_signals_go_to_their_own_paths_or_urls() -> None:
    seen: list[str] = []

    async def look(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response()

    async with (
        answering(look) as url,
        exporting(f"{url}/base", logs_endpoint=f"{url}/elsewhere") as exporter,
    ):
        for signal in ("logs", "traces", "metrics"):
            await exporter.export(OtlpRequest.decode(b"", signal))
    assert seen == ["/elsewhere", "/base/v1/traces", "/base/v1/metrics"]


async def test_a_signal_without_an_endpoint_is_unroutable() -> None:
    async with exporting(traces_endpoint="http://localhost:1/") as exporter:
        assert await exporter.export(payload(count=2)) == Delivered(0, {"unroutable": 2})


async def test_headers_are_sent_and_never_shown() -> None:
    headers = {"Authorization": Secret("Bearer s3cret")}
    assert "s3cret" not in repr(OtlpHttpExporterConfig(endpoint="http://a", headers=headers))
    async with (
        receiving(auth=AuthConfig(bearer=Secret("s3cret"))) as (receiver, sink),
        exporting(f"http://localhost:{receiver.http_port}", headers=headers) as exporter,
    ):
        await exporter.export(payload())
    assert len(sink.payloads) == 1


@pytest.mark.parametrize("encoding", ["proto", "json"])
async def test_what_a_partial_success_rejects_is_lost(encoding: Any) -> None:
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = 2
    response.partial_success.error_message = "hunter2"
    body, type_ = response.SerializeToString(), "application/x-protobuf"
    if encoding == "json":
        body, type_ = b'{"partialSuccess":{"rejectedLogRecords":"2"}}', "application/json"
    answer = saying(200, body=body, content_type=type_)
    sent = payload(count=5)
    assert await export_to(answer, sent, encoding=encoding) == Delivered(3, {"invalid": 2})


@pytest.mark.parametrize(
    "answer",
    [
        saying(204),
        saying(200, text="ok"),
        saying(200, body=b"", content_type="application/json"),
        saying(202, body=b"{}", content_type="application/json"),
    ],
)
async def test_answers_of_servers_that_are_not_strict_are_taken(answer: Answer) -> None:
    assert await export_to(answer, payload()) == Delivered(1)


@pytest.mark.parametrize(
    "answer",
    [
        saying(200, text="<html>hunter2", content_type="text/html"),
        saying(200, text="<html>hunter2", content_type="application/x-protobuf"),
        saying(200, text='["hunter2"]', content_type="application/json"),
        saying(200, text="{", content_type="application/json"),
    ],
)
async def test_an_answer_that_is_no_otlp_is_a_permanent_failure(answer: Answer) -> None:
    failed = await failure(answer)
    assert (failed.kind, failed.retryable) == ("not_otlp", False)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (429, True), (502, True), (503, True), (504, True), (400, False), (401, False),
        (404, False), (408, False), (413, False), (500, False), (501, False),
    ],
)  # fmt: skip
async def test_statuses_are_retryable_as_the_specification_says(
    status: int, retryable: bool
) -> None:
    failed = await failure(saying(status, text="hunter2"))
    assert (failed.kind, failed.retryable) == (f"http_{status}", retryable)
    assert (failed.retry_after, str(failed)) == (None, f"http_{status}")


async def test_the_destination_says_when() -> None:
    failed = await failure(saying(503, headers={"Retry-After": "7"}))
    assert (failed.retryable, failed.retry_after) == (True, 7.0)
    failed = await failure(saying(400, headers={"Retry-After": "7"}))
    assert (failed.retryable, failed.retry_after) == (False, None)


@asynccontextmanager
async def in_pieces(*pieces: bytes, length: int) -> AsyncIterator[str]:
    """A server whose answer comes in packets of its own; it hangs up after the last one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}"
        for piece in (head.encode() + b"\r\n\r\n", *pieces):
            writer.write(piece)
            await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(serve, "localhost", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
        await over.wait()


async def test_an_answer_may_come_in_pieces() -> None:
    pieces = b'{"partialSuccess":', b'{"rejectedLogRecords":"2"}}'
    async with (
        in_pieces(*pieces, length=len(b"".join(pieces))) as url,
        exporting(url) as exporter,
    ):
        assert await exporter.export(payload(count=5)) == Delivered(3, {"invalid": 2})


async def test_nobody_knows_what_an_answer_said_that_breaks_off() -> None:
    async with (
        in_pieces(b"{}", length=100) as url,
        exporting(url) as exporter,
    ):
        with pytest.raises(ExportFailed, match=r"^broken_answer$") as failed:
            await exporter.export(payload())
    assert failed.value.retryable
    assert failed.value.unclear


async def test_redirects_are_not_followed() -> None:
    seen: list[bytes] = []

    async def look(request: web.BaseRequest) -> web.Response:
        seen.append(await request.read())
        return web.Response()

    async with answering(look) as elsewhere:
        failed = await failure(saying(307, headers={"Location": elsewhere}))
    assert (failed.kind, failed.retryable, seen) == ("http_307", False, [])


async def test_an_attempt_ends_after_the_timeout() -> None:
    async def sleep(request: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    failed = await failure(sleep, timeout=Duration("100ms"))
    assert (failed.kind, failed.retryable) == ("timeout", True)


async def test_nobody_there_is_worth_another_attempt() -> None:
    async with exporting(f"http://localhost:{listening_port()}") as exporter:
        with pytest.raises(ExportFailed) as failed:
            await exporter.export(payload())
    assert (failed.value.kind, failed.value.retryable) == ("connection", True)


async def test_cancelling_closes_the_connection() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(request: web.BaseRequest) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    async with answering(hang) as url, exporting(url) as exporter:
        attempt = asyncio.create_task(exporter.export(payload()))
        await begun.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await ended.wait()


async def test_without_start_it_is_worth_another_attempt() -> None:
    exporter = OtlpHttpExporterConfig(endpoint="http://localhost:1").build(SETTINGS)
    with pytest.raises(ExportFailed, match="not_started") as failed:
        await exporter.export(payload())
    assert failed.value.retryable
    await exporter.stop()


ONE_LINE = "expected one line; a variable that was filled from a file may end in a line end"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "endpoint: is missing; expected a http or https URL"),
        ({"endpoint": "a:1"}, "endpoint: expected a http or https URL without credentials"),
        (
            {"logs_endpoint": "ftp://a"},
            "logs_endpoint: expected a http or https URL without credentials",
        ),
        (
            {"endpoint": "http://a", "headers": {"a b": Secret("x")}},
            "headers: expected names that HTTP allows",
        ),
        (
            {"endpoint": "http://a", "headers": {"a": Secret("x\n")}},
            f"headers.a: {ONE_LINE}",
        ),
        (
            {"endpoint": "http://a", "timeout": Duration("0")},
            "timeout: expected a duration above 0",
        ),
    ],
)
def test_problems_of_a_configuration(options: dict[str, Any], problem: str) -> None:
    found = OtlpHttpExporterConfig(**options).problems()
    assert [str(each) for each in found] == [problem]


def test_a_good_configuration_has_no_problems() -> None:
    config = OtlpHttpExporterConfig(traces_endpoint="https://a.example/v1/traces")
    assert list(config.problems()) == []
