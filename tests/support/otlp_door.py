"""An OTLP receiver that runs, and ways to knock: shared by the tests of both transports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from grpc import aio  # type: ignore[import-untyped]  # it has no annotations
from recording_sink import RecordingSink

from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.receivers.otlp import OtlpReceiverConfig, ProtocolsConfig
from errlock.receivers.otlp_grpc import GrpcConfig
from errlock.receivers.otlp_http import HttpConfig

HTTP = HttpConfig(endpoint="localhost:0")
GRPC = GrpcConfig(endpoint="localhost:0")
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class Door:
    """A receiver that runs, with a sink behind it."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("protocols", ProtocolsConfig(grpc=GRPC, http=HTTP))
        self.sink = RecordingSink()
        self.counters = Counters()
        settings = Settings(id="otlp", counters=self.counters, log=logging.getLogger("errlock.t"))
        self.receiver = OtlpReceiverConfig(**options).build(settings)

    def url(self, path: str = "/v1/logs") -> str:
        return f"http://localhost:{self.receiver.http_port}{path}"

    @property
    def target(self) -> str:
        return f"localhost:{self.receiver.grpc_port}"

    async def post(
        self, body: bytes, headers: dict[str, str] = PROTOBUF, path: str = "/v1/logs", **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        method = more.pop("method", "POST")
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url(path), data=body, headers=headers, **more) as response,
        ):
            return response.status, dict(response.headers), await response.read()

    async def call(self, body: bytes, method: str = LOGS, **more: Any) -> bytes:
        async with aio.insecure_channel(self.target) as channel:
            answer: bytes = await channel.unary_unary(method)(body, timeout=20, **more)
            return answer

    async def failed_call(self, body: bytes, method: str = LOGS, **more: Any) -> aio.AioRpcError:
        with pytest.raises(aio.AioRpcError) as failed:
            await self.call(body, method, **more)
        error: aio.AioRpcError = failed.value
        return error

    def refused(self, transport: str, reason: str) -> int:
        return self.counters.total(
            "receiver_requests_refused", receiver="otlp", transport=transport, reason=reason
        )


@asynccontextmanager
async def opened_door(**options: Any) -> AsyncIterator[Door]:
    door = Door(**options)
    await door.receiver.start(door.sink)
    try:
        yield door
    finally:
        await door.receiver.stop()


async def is_open(port: int) -> bool:
    """Whether somebody listens on a port of this machine (nobody does on 0)."""
    try:
        _, writer = await asyncio.open_connection("localhost", port)
    except OSError:
        return False
    writer.close()
    return True
