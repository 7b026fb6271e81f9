"""As many connections as there may be, and who makes room for whom."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from self_signed import self_signed

from errlock.pipeline.http import listening
from errlock.pipeline.http.endpoints import listen
from errlock.pipeline.http.listening import Listener
from errlock.pipeline.http.quiet_http import QuietServer

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MOST = 4

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Bench:
    """A listener for four, what it said, and its clients."""

    listener: Listener
    port: int
    made_room: list[int]
    go: asyncio.Event  # until it is set, nobody is answered who asks with a body
    clients: list[Client] = field(default_factory=list)

    async def connect(self, said: bytes = b"") -> Client:
        client = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(client)
        client[1].write(said)
        return client

    async def served(self, many: int) -> None:
        while self.listener.count < many:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)

    async def ask(self) -> bytes:
        reader, _ = await self.connect(ASK)
        return await reader.readuntil(b"here")


@asynccontextmanager
async def running(
    *, tls: ssl.SSLContext | None = None, before: Bench | None = None
) -> AsyncIterator[Bench]:
    go = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        if request.method == "POST":
            await go.wait()
        return web.Response(text="here")

    sockets = listen("127.0.0.1:0")
    made_room: list[int] = []
    elder = before.listener if before is not None else None
    server = QuietServer(answer)
    listener = Listener(server, sockets, MOST, tls=tls, on_full=made_room.append, before=elder)
    listener.start()
    bench = Bench(listener, sockets[0].getsockname()[1], made_room, go)
    try:
        async with asyncio.timeout(60):
            yield bench
    finally:
        go.set()
        for _, writer in bench.clients:
            writer.close()
        await listener.close(1.0)


async def closed(client: Client) -> bool:
    """Whether a connection has ended by now."""
    try:
        return not await asyncio.wait_for(client[0].read(), 0.3)
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_who_was_idle_for_the_longest_makes_room() -> None:
    async with running() as bench:
        silent = []
        for number in range(MOST):
            silent.append(await bench.connect(ASK[:10] if number else b""))
            await bench.served(number + 1)
        await asyncio.sleep(0.2)
        assert b" 200 " in await bench.ask()
        assert bench.listener.count <= MOST
        assert [await closed(each) for each in silent] == [True, False, False, False]
    assert bench.made_room == [1]


async def test_a_client_that_is_answered_is_not_idle() -> None:
    async with running() as bench:
        working = await bench.connect(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        for number in range(MOST - 1):
            await bench.connect()
            await bench.served(number + 2)
        await asyncio.sleep(0.2)
        for _ in range(5):
            assert b" 200 " in await bench.ask()
        bench.go.set()
        assert b" 200 " in await working[0].readuntil(b"here")


async def test_where_nobody_is_idle_who_has_been_sending_for_long_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "_LONG", 1.0)
    async with running() as bench:
        drip = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx"
        slow = [await bench.connect(drip) for _ in range(MOST)]
        await bench.served(MOST)
        assert b" 200 " in await bench.ask()
        assert sum([await closed(each) for each in slow]) == 1
    assert bench.made_room[0] == 0
    assert bench.made_room[-1] == 1


async def test_where_nobody_can_go_who_connects_waits_and_is_answered() -> None:
    async with running() as bench:
        ask = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        first = [await bench.connect(ask) for _ in range(MOST)]
        await bench.served(MOST)
        waiting = asyncio.create_task(bench.ask())
        await asyncio.sleep(0.5)
        assert not waiting.done()
        bench.go.set()
        assert b" 200 " in await waiting
        for reader, _ in first:
            assert b" 200 " in await reader.readuntil(b"here")
    assert bench.made_room[0] == 0


async def test_who_does_not_shake_hands_counts_and_makes_room(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    async with running(tls=tls) as bench:
        silent = [await bench.connect() for _ in range(MOST)]
        await bench.served(MOST)
        await asyncio.sleep(0.2)
        trusting = ssl.create_default_context(cafile=cert)
        reader, writer = await asyncio.open_connection("localhost", bench.port, ssl=trusting)
        writer.write(ASK)
        assert b" 200 " in await reader.readuntil(b"here")
        writer.close()
        assert await closed(silent[0])
        assert bench.listener.count <= MOST


async def test_who_does_not_shake_hands_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_HANDSHAKE", 0.2)
    cert, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    async with running(tls=tls) as bench:
        reader, _ = await bench.connect(b"\x16")
        await bench.served(1)
        assert await reader.read() == b""
        assert bench.listener.count == 0


async def test_those_of_the_listener_before_it_count_too() -> None:
    async with running() as old:
        for number in range(MOST):
            await old.connect()
            await old.served(number + 1)
        await asyncio.sleep(0.2)
        async with running(before=old) as new:
            assert new.listener.count == MOST
            assert b" 200 " in await new.ask()
            assert await closed(old.clients[0])
            assert new.listener.count <= MOST


async def test_a_listener_is_forgotten_when_those_that_it_had_have_gone() -> None:
    async with running() as new:
        async with running() as old:
            await old.connect()
            await old.served(1)
            listener = Listener(QuietServer(_nothing), [], MOST, before=old.listener)
            older = weakref.ref(old.listener)
            listener.shut()
            assert listener.count == 0
            await listener.close(1.0)
        del old
        gc.collect()
        assert older() is None
        assert new.listener.count == 0


async def _nothing(_: web.BaseRequest) -> web.Response:
    return web.Response()


async def test_an_idle_connection_over_tls_takes_little_memory(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    async with running(tls=tls) as bench:
        trusting = ssl.create_default_context(cafile=cert)
        reader, writer = await asyncio.open_connection("localhost", bench.port, ssl=trusting)
        writer.write(ASK)
        await reader.readuntil(b"here")
        [connection] = bench.listener._open
        assert connection.transport is not None
        protocol = connection.transport._ssl_protocol  # type: ignore[attr-defined]  # asyncio's own
        assert len(protocol._ssl_buffer) == 16 * 1024
        writer.close()
