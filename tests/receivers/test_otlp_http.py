"""OTLP over HTTP: encodings, types, methods, paths, browsers."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import brotli  # type: ignore[import-untyped]  # it has no stubs
import pytest
import zstandard
from aiohttp import web
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # no annotations
from otlp_door import JSON, PROTOBUF, Door, opened_door
from otlp_messages import log_request
from recording_sink import RecordingSink

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.receivers.budget import Budget
from errlock.receivers.http import HttpServer
from errlock.receivers.otlp import ProtocolsConfig
from errlock.receivers.otlp_http import CorsConfig, HttpConfig, OtlpHttpDoor


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with opened_door() as opened:
        yield opened


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
async def test_bodies_may_be_compressed(door: Door, encoding: str, encode: Any) -> None:
    body = encode(log_request("hello").SerializeToString())
    status, _, _ = await door.post(body, {**PROTOBUF, "Content-Encoding": encoding})
    assert (status, door.sink.trees) == (200, [{"body": "hello"}])


async def test_success_is_an_empty_response_of_the_same_type(door: Door) -> None:
    status, headers, body = await door.post(log_request().SerializeToString())
    assert (status, headers["Content-Type"], body) == (200, "application/x-protobuf", b"")
    status, headers, body = await door.post(
        b'{"resourceLogs":[]}', {"Content-Type": "application/json; charset=utf-8"}
    )
    assert (status, headers["Content-Type"], body) == (200, "application/json", b"{}")


async def test_large_requests_are_read(door: Door) -> None:
    body = log_request("x" * 300_000).SerializeToString()
    as_json = OtlpRequest.decode(body, "logs").encode_json()
    assert (await door.post(body))[0] == (await door.post(as_json, JSON))[0] == 200
    assert [len(tree["body"]) for tree in door.sink.trees] == [300_000, 300_000]


async def test_json_is_read(door: Door) -> None:
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]}
    status, _, _ = await door.post(json.dumps(body).encode(), JSON)
    assert (status, door.sink.trees) == (200, [{"body": "x"}])


async def test_partial_success_in_json(door: Door) -> None:
    door.sink.refused = {("otlp_span", "limit"): 1}
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"hunter2"}]}]}]}'
    answer = json.loads((await door.post(body, JSON, path="/v1/traces"))[2])
    assert answer == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": "refused (limit: 1)"}
    }


async def test_busy_in_json(door: Door) -> None:
    door.sink.be_busy()
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}'
    status, _, answer = await door.post(body, JSON)
    assert (status, json.loads(answer)) == (
        503,
        {
            "code": 14,
            "message": "too many bytes are waiting to be sanitised",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}],
        },
    )


async def test_another_receiver_can_offer_otlp_for_a_project_of_its_own() -> None:
    sink, counters = RecordingSink(), Counters()
    settings = Settings(id="sentry", counters=counters, log=logging.getLogger("errlock.t"))
    otlp = OtlpHttpDoor(settings, limit=1000, budget=Budget(10_000))

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await otlp.answer(request, "logs", project="7")

    server = HttpServer(handle, "localhost:0", log=settings.log, most=9)
    await server.start()
    request = log_request("a", service="one")
    request.MergeFrom(log_request("b", service="two"))
    url = f"http://localhost:{server.port}/api/7/integration/otlp/v1/logs"
    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> int:
            async with session.post(url, data=body, headers=PROTOBUF) as response:
                return response.status

        assert await post(request.SerializeToString()) == 503
        otlp.intake.sink = sink
        assert await post(request.SerializeToString()) == 200
        assert await post(bytes(1001)) == 413
    await server.stop()
    (payload,) = sink.payloads
    assert (payload.project, len(payload.documents)) == ("7", 2)
    assert counters.total("receiver_accepted", receiver="sentry", transport="http") == 2


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"hunter2",
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"hunter2"}]}]}]}',
        b'{"resourceSpans":' + b"[" * 100_000,
    ],
)
async def test_what_is_no_json_is_an_invalid_argument(door: Door, body: bytes) -> None:
    status, headers, answer = await door.post(body, JSON, path="/v1/traces")
    assert (status, headers["Content-Type"]) == (400, "application/json")
    assert json.loads(answer) == {
        "code": 3,
        "message": "the body is not an OTLP request in JSON",
    }


def zero_bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


async def test_a_bomb_is_too_large_over_http(door: Door) -> None:
    bomb = zero_bomb(300 << 20)
    assert len(bomb) < 400_000
    status, _, body = await door.post(bomb, {**PROTOBUF, "Content-Encoding": "gzip"})
    assert status == 413
    told = Status.FromString(body)
    assert (told.code, told.message) == (8, "the body has more than 20971520 bytes")
    assert door.refused("http", "too_large") == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "text/plain"}, b"hunter2"),
        ({"Content-Type": "application/octet-stream"}, b"hunter2"),
        ({**PROTOBUF, "Content-Encoding": "snappy"}, b"hunter2"),
    ],
)
async def test_a_wrong_type_is_unsupported(door: Door, headers: Any, body: bytes) -> None:
    status, _, answer = await door.post(body, headers)
    assert status == 415
    assert b"hunter2" not in answer


async def test_without_a_known_type_the_answer_is_text(door: Door) -> None:
    _, headers, answer = await door.post(b"hunter2", {"Content-Type": "text/plain"})
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer == b"expected Content-Type application/x-protobuf or application/json"
    assert door.refused("http", "content_type") == 1


async def test_broken_gzip_is_a_bad_request(door: Door) -> None:
    status, _, answer = await door.post(b"hunter2", {**PROTOBUF, "Content-Encoding": "gzip"})
    assert status == 400
    assert Status.FromString(answer).message == "the body is not what its Content-Encoding says"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(door: Door, method: str) -> None:
    status, headers, _ = await door.post(b"", method=method)
    assert (status, headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/v1/logs/", "/v1development/profiles", "/hunter2"])
async def test_other_paths_are_not_found(door: Door, path: str) -> None:
    status, _, answer = await door.post(b"", path=path)
    assert (status, answer) == (404, b"no such path")
    assert door.refused("http", "path") == 1


async def test_browsers_of_allowed_origins_may_send() -> None:
    cors = CorsConfig(allowed_origins=("https://*.shop.example",), allowed_headers=("x-tenant",))
    http = HttpConfig(endpoint="localhost:0", cors=cors)
    async with opened_door(protocols=ProtocolsConfig(http=http)) as door:
        origin = {"Origin": "https://www.shop.example"}
        status, headers, _ = await door.post(b"", origin, method="OPTIONS")
        assert (status, headers["Access-Control-Allow-Methods"]) == (204, "POST")
        assert headers["Access-Control-Allow-Origin"] == "https://www.shop.example"
        assert headers["Access-Control-Allow-Headers"] == (
            "content-type, content-encoding, authorization, x-tenant"
        )
        _, headers, _ = await door.post(b"", {**PROTOBUF, **origin})
        assert headers["Access-Control-Allow-Origin"] == "https://www.shop.example"
        for wrong in ("https://shop.example.evil.example", "https://shop.example"):
            _, headers, _ = await door.post(b"", {**PROTOBUF, "Origin": wrong})
            assert "Access-Control-Allow-Origin" not in headers


async def test_paths_can_be_chosen() -> None:
    http = HttpConfig(endpoint="localhost:0", logs_url_path="/in")
    async with opened_door(protocols=ProtocolsConfig(http=http)) as door:
        assert (await door.post(b"", path="/in"))[0] == 200
        assert (await door.post(b"", path="/v1/logs"))[0] == 404
