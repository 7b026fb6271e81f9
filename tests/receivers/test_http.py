import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import brotli  # type: ignore[import-untyped]  # it has no stubs
import pytest
import zstandard
from aiohttp import web

from errlock.pipeline.errors import RefusedPayload
from errlock.receivers.bodies import read_body
from errlock.receivers.budget import Budget
from errlock.receivers.http import HttpServer

LIMIT = 1_000_000
TEXT = b"What goes in must come out. " * 3000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
}


@asynccontextmanager
async def server(
    *, budget: Budget | None = None, patience: float = 10.0
) -> AsyncIterator[tuple[str, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A server that answers with the body it read, or with the refusal."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            if budget is None:
                body = await read_body(request, limit=LIMIT, timeout=patience)
            else:
                with budget.hold() as held:
                    body = await read_body(request, limit=LIMIT, held=held, timeout=patience)
        except RefusedPayload as refused:
            return web.Response(status=refused.status, text=f"{refused.reason}: {refused}")
        return web.Response(body=body)

    running = HttpServer(answer, "127.0.0.1:0", log=logging.getLogger("test"), most=9, grace=1.0)
    await running.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        yield f"http://127.0.0.1:{running.port}/", reader, writer
    finally:
        writer.close()
        await running.stop()


async def post(url: str, data: bytes, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=data, headers=named) as response,
    ):
        return response.status, await response.read()


async def raw(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, *, end: bool = False
) -> bytes:
    """What comes back on the wire for these bytes."""
    writer.write(data)
    if end:
        writer.write_eof()
    return await asyncio.wait_for(reader.read(), 60)


@pytest.mark.parametrize("name", PACKERS)
async def test_an_encoded_body_is_read(name: str) -> None:
    encoding, pack = PACKERS[name]
    async with server() as (url, _, _):
        assert await post(url, pack(TEXT), Content_Encoding=encoding) == (200, TEXT)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
async def test_several_members_are_one_body(name: str) -> None:
    encoding, pack = PACKERS[name]
    async with server() as (url, _, _):
        packed = pack(b"one ") + pack(b"two")
        assert await post(url, packed, Content_Encoding=encoding) == (200, b"one two")


@pytest.mark.parametrize("name", PACKERS)
async def test_a_bomb_is_too_large(name: str) -> None:
    encoding, pack = PACKERS[name]
    bomb = pack(bytes(30_000_000))
    assert len(bomb) < 40_000
    async with server() as (url, _, _):
        status, text = await post(url, bomb, Content_Encoding=encoding)
    assert (status, text) == (413, b"too_large: the body has more than 1000000 bytes")


@pytest.mark.parametrize("name", PACKERS)
async def test_a_body_of_exactly_the_limit_is_read(name: str) -> None:
    encoding, pack = PACKERS[name]
    async with server() as (url, _, _):
        status, text = await post(url, pack(bytes(LIMIT)), Content_Encoding=encoding)
    assert (status, len(text)) == (200, LIMIT)


@pytest.mark.parametrize("name", PACKERS)
async def test_a_cut_body_is_broken(name: str) -> None:
    encoding, pack = PACKERS[name]
    async with server() as (url, _, _):
        status, text = await post(url, pack(TEXT)[:-6], Content_Encoding=encoding)
    assert status == 400
    assert text == b"broken_encoding: the body is not what its Content-Encoding says"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_what_is_not_encoded_as_it_says_is_broken(encoding: str) -> None:
    async with server() as (url, _, _):
        status, text = await post(url, b"\xff\xff hunter2", Content_Encoding=encoding)
    assert status == 400
    assert text == b"broken_encoding: the body is not what its Content-Encoding says"


@pytest.mark.parametrize("name", ["deflate", "raw deflate", "br"])
async def test_bytes_after_the_end_are_broken(name: str) -> None:
    encoding, pack = PACKERS[name]
    async with server() as (url, _, _):
        assert (await post(url, pack(TEXT) + b"more", Content_Encoding=encoding))[0] == 400


async def test_an_unknown_encoding_is_refused_with_those_known() -> None:
    async with server() as (url, _, _):
        status, text = await post(url, b"x", Content_Encoding="compress")
    assert status == 415
    assert text == b"encoding: unknown Content-Encoding; known: br, deflate, gzip, zstd"


async def test_a_chunked_body_is_read() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with (
        server() as (url, _, _),
        aiohttp.ClientSession() as session,
        session.post(url, data=chunks()) as response,
    ):
        assert await response.read() == b"one two"


async def test_a_length_over_the_limit_is_refused_before_the_body_comes() -> None:
    async with server() as (_, reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with server() as (_, reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert (await reader.readuntil(b"body")).endswith(b"\r\n\r\nbody")


async def test_a_client_that_asks_first_is_not_told_to_send_too_much() -> None:
    async with server() as (_, reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_ends_early_is_not_taken() -> None:
    async with server() as (_, reader, writer):
        answer = await raw(
            reader,
            writer,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhunter2",
            end=True,
        )
    assert b"200 OK" not in answer
    assert b"hunter2" not in answer


async def test_bad_chunks_are_answered_without_quoting_them() -> None:
    async with server() as (_, reader, writer):
        answer = await raw(
            reader,
            writer,
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nhunter2\r\n",
        )
    assert b" 400 Bad Request\r\n" in answer
    assert b"hunter2" not in answer


async def test_bad_http_is_answered_without_quoting_it(caplog: pytest.LogCaptureFixture) -> None:
    async with server() as (_, reader, writer):
        answer = await raw(reader, writer, b"POST / HTTP/1.1\r\nhun ter2\r\n\r\n")
    assert b" 400 Bad Request\r\n" in answer
    assert b"ter2" not in answer
    assert "ter2" not in caplog.text


async def test_a_body_that_drips_is_given_up() -> None:
    async with server(patience=0.05) as (_, reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nslow")
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"


async def test_no_body_is_read_beyond_the_budget() -> None:
    budget = Budget(10)
    async with server(budget=budget) as (url, _, _):
        assert await post(url, b"0123456789") == (200, b"0123456789")
        with budget.hold() as other:
            other.take(1)
            assert await post(url, b"0123456789") == (429, b"busy: too many bytes in flight")
        never = await post(url, b"01234567890")
        assert never == (413, b"too_large: the body has more than 10 bytes")
        assert budget.used == 0


async def test_a_failing_handler_tells_only_the_type_of_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(request: web.BaseRequest) -> web.StreamResponse:
        raise ValueError("hunter2")

    running = HttpServer(fail, "127.0.0.1:0", log=logging.getLogger("test"), most=9)
    await running.start()
    try:
        answer = await post(f"http://127.0.0.1:{running.port}/", b"")
    finally:
        await running.stop()
    assert answer == (500, b'{"detail": "internal error"}')
    assert caplog.messages == ["a request handler failed: ValueError"]


async def test_stopping_finishes_the_requests_that_have_begun() -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(request: web.BaseRequest) -> web.StreamResponse:
        begun.set()
        await go.wait()
        return web.Response(text="done")

    running = HttpServer(wait, "127.0.0.1:0", log=logging.getLogger("test"), most=9)
    await running.start()
    asking = asyncio.create_task(post(f"http://127.0.0.1:{running.port}/", b""))
    await begun.wait()
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)  # let it begin to stop
    assert running.stopping
    go.set()
    assert await asking == (200, b"done")
    await stopping
    await running.stop()


async def test_a_stop_cuts_a_retirement_short() -> None:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    running = HttpServer(answer, "127.0.0.1:0", log=logging.getLogger("test"), most=9, grace=1.0)
    await running.start()
    retiring = asyncio.create_task(running.retire())
    await asyncio.sleep(0)
    await running.stop()
    await asyncio.wait_for(retiring, 60)
