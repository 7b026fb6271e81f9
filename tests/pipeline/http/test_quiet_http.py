"""The server that all doors and all endpoints for operators have."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from errlock.pipeline.http import quiet_http
from errlock.pipeline.http.listening import serve_at
from errlock.pipeline.http.quiet_http import QuietServer


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_who_says_nothing_more_is_sent_away(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet_http, "_KEEPALIVE", 0.2)

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="here")

    listener, port = await serve_at(QuietServer(answer), "127.0.0.1:0", 9)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    async with asyncio.timeout(60):
        answered = await reader.read()  # until it is closed
    assert (b"here" in answered) == bool(said)
    writer.close()
    await listener.close(1.0)
