"""After an abort, not one byte more reaches a destination: counted at the destination's socket."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sanitised_payloads import envelope, event, logs
from self_signed import self_signed
from slow_peer import SlowPeer

from errlock.exporters.aborting import Attempts, Sockets
from errlock.exporters.file import FileExporterConfig
from errlock.exporters.otlp import GrpcTlsConfig, OtlpExporterConfig
from errlock.exporters.otlp_http import OtlpHttpExporterConfig
from errlock.exporters.sentry import SentryExporterConfig
from errlock.exporters.tls import TlsConfig
from errlock.pipeline.component import Exporter, ExporterConfig, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import PemFile, Secret
from errlock.pipeline.payloads.document import Payload

SETTINGS = Settings(id="x", counters=Counters(), log=logging.getLogger("errlock.t"))
SIZE = 12_000_000
TEXT = random.Random(4).randbytes(SIZE // 2).hex()
Certificate = tuple[Path, Path]
Make = Callable[[int, Certificate], ExporterConfig]

CASES: dict[str, tuple[Make, bool, bool]] = {  # how to make one; over HTTP/2; over TLS
    "sentry": (
        lambda port, _: SentryExporterConfig(
            dsn=Secret(f"http://key@127.0.0.1:{port}/1"), compression="none"
        ),
        False,
        False,
    ),
    "otlp_http over TLS": (
        lambda port, certificate: OtlpHttpExporterConfig(
            endpoint=f"https://localhost:{port}",
            compression="none",
            tls=TlsConfig(ca_file=PemFile(certificate[0])),
        ),
        False,
        True,
    ),
    "otlp_http through a proxy": (
        lambda port, certificate: OtlpHttpExporterConfig(
            endpoint="https://localhost:1",
            compression="none",
            tls=TlsConfig(ca_file=PemFile(certificate[0])),
            proxy_url=Secret(f"http://127.0.0.1:{port}"),
        ),
        False,
        True,
    ),
    "otlp": (
        lambda port, _: OtlpExporterConfig(endpoint=f"http://127.0.0.1:{port}", compression="none"),
        True,
        False,
    ),
    "otlp over TLS": (
        lambda port, certificate: OtlpExporterConfig(
            endpoint=f"localhost:{port}",
            compression="none",
            tls=GrpcTlsConfig(ca_file=PemFile(certificate[0])),
        ),
        True,
        True,
    ),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, certificate: Certificate) -> tuple[SlowPeer, Exporter]:
    make, http2, tls = CASES[request.param]
    proxy = "proxy" in request.param
    peer = SlowPeer(http2=http2, certificate=certificate if tls else None, proxy=proxy)
    return peer, make(peer.port, certificate).build(SETTINGS)


def large(exporter: Exporter) -> Payload:
    if "otlp" in exporter.accepts:
        return logs(TEXT)
    parts = [TEXT[at : at + 500_000] for at in range(0, SIZE, 500_000)]
    return envelope(*(event(extra={"text": part}) for part in parts))


async def outcome(attempt: asyncio.Task[object]) -> str:
    with pytest.raises(ExportFailed) as raised:
        await asyncio.wait_for(attempt, 30)
    assert raised.value.retryable
    return raised.value.kind


async def test_no_byte_follows_an_abort_and_the_peer_sees_a_reset(
    case: tuple[SlowPeer, Exporter],
) -> None:
    peer, exporter = case
    payload = large(exporter)
    with peer:
        await exporter.start()
        attempt = asyncio.create_task(exporter.export(payload))
        await asyncio.to_thread(peer.wait_for, 100_000)
        exporter.abort()
        arrived = peer.arrived
        assert await outcome(attempt) == "aborted"
        await asyncio.to_thread(peer.read_on)
        assert (peer.received, peer.ended) == (arrived, "reset")
        assert peer.received < SIZE / 2
        with pytest.raises(ExportFailed):
            await exporter.export(payload)
        await asyncio.sleep(0.3)
        assert peer.connections == 1
        await exporter.stop()


async def test_an_abort_from_a_thread_needs_no_event_loop(
    case: tuple[SlowPeer, Exporter],
) -> None:
    peer, exporter = case
    arrived = []

    def abort() -> None:
        time.sleep(0.2)
        exporter.abort()
        arrived.append(peer.arrived)
        peer.read_on()
        arrived.append(peer.received)

    with peer:
        await exporter.start()
        attempt = asyncio.create_task(exporter.export(large(exporter)))
        await asyncio.to_thread(peer.wait_for, 100_000)
        thread = threading.Thread(target=abort)
        thread.start()
        thread.join()  # the loop stands still meanwhile
        assert arrived[0] == arrived[1]
        assert peer.ended == "reset"
        assert await outcome(attempt) == "aborted"
        await exporter.stop()


@pytest.mark.parametrize("name", ["sentry", "otlp"])
async def test_an_abort_from_a_thread_resets_before_the_event_loop_closes(
    name: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, http2, _ = CASES[name]
    text = TEXT[:900_000]  # the kernel has all of it soon: closing the connection would send it
    whole = logs(text) if http2 else envelope(event(extra={"text": text}))
    loop = asyncio.get_running_loop()
    call = loop.call_soon_threadsafe

    def call_and_wait(*args: Any, **options: Any) -> asyncio.Handle:
        handle = call(*args, **options)
        if threading.current_thread().name == "aborting":
            time.sleep(0.2)  # the loop is quicker than the thread
        return handle

    monkeypatch.setattr(loop, "call_soon_threadsafe", call_and_wait)
    with SlowPeer(http2=http2) as peer:
        exporter = make(peer.port, certificate).build(SETTINGS)
        await exporter.start()
        attempt = asyncio.create_task(exporter.export(whole))
        await asyncio.to_thread(peer.wait_for, 300_000)
        thread = threading.Thread(target=exporter.abort, name="aborting")
        thread.start()
        assert await outcome(attempt) == "aborted"
        await asyncio.to_thread(thread.join)
        await asyncio.to_thread(peer.read_on)
        assert peer.ended == "reset"
        assert peer.received < len(text)
        await exporter.stop()


async def test_after_an_abort_it_can_be_started_again(
    case: tuple[SlowPeer, Exporter],
) -> None:
    peer, exporter = case
    with peer:
        await exporter.start()
        exporter.abort()
        exporter.abort()
        # Who tries in the meantime does not know yet: it is no failure of the destination's.
        assert await outcome(asyncio.create_task(exporter.export(large(exporter)))) == "aborted"
        await exporter.start()
        attempt = asyncio.create_task(exporter.export(large(exporter)))
        await asyncio.to_thread(peer.wait_for, 100_000)
        assert not attempt.done()
        exporter.abort()
        assert await outcome(attempt) == "aborted"
        await exporter.stop()


@pytest.mark.parametrize("name", CASES)
def test_an_abort_before_the_first_start_leaves_alone_what_others_listen_on(
    name: str, certificate: Certificate
) -> None:
    make, *_ = CASES[name]
    exporter = make(1, certificate).build(SETTINGS)
    with socket.create_server(("127.0.0.1", 0)) as ours:
        exporter.abort()
        with socket.create_connection(ours.getsockname(), timeout=10):
            pass


async def test_stopping_right_after_an_abort_waits_until_all_is_closed(
    case: tuple[SlowPeer, Exporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, exporter = case
    end, closed = Attempts.end, []

    def end_and_say(attempts: Attempts, close: Callable[[], Awaitable[None]]) -> None:
        async def close_and_say() -> None:
            await close()
            closed.append(True)

        end(attempts, close_and_say)

    monkeypatch.setattr(Attempts, "end", end_and_say)
    with peer:
        await exporter.start()
        exporter.abort()
        await exporter.stop()
    assert closed == [True]


async def test_an_idle_connection_is_reset_too(certificate: Certificate) -> None:
    ended = asyncio.Queue[object]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try:
            while await reader.read(65536):
                pass
            await ended.put("closed")
        except ConnectionResetError:
            await ended.put("reset")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = SentryExporterConfig(dsn=Secret(f"http://key@127.0.0.1:{port}/1"))
    exporter = config.build(SETTINGS)
    await exporter.start()
    await exporter.export(envelope())
    exporter.abort()
    assert await asyncio.wait_for(ended.get(), 30) == "reset"
    await exporter.stop()
    server.close()


async def test_an_abort_that_is_slow_does_not_end_what_was_started_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    exporter = SentryExporterConfig(dsn=Secret(f"http://key@127.0.0.1:{port}/1")).build(SETTINGS)
    cutting, again, cut = threading.Event(), threading.Event(), Sockets.cut

    def slowly(sockets: Sockets) -> None:
        cut(sockets)
        cutting.set()
        again.wait(30)

    monkeypatch.setattr(Sockets, "cut", slowly)
    await exporter.start()
    thread = threading.Thread(target=exporter.abort)
    thread.start()
    await asyncio.to_thread(cutting.wait, 30)
    await exporter.start()
    again.set()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0.1)  # the loop hears what the thread told it
    await exporter.export(envelope())
    await exporter.stop()
    server.close()


async def test_an_aborted_file_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    exporter = FileExporterConfig(path=str(path)).build(SETTINGS)
    await exporter.start()
    await exporter.export(envelope())
    written = path.read_bytes()
    exporter.abort()
    with pytest.raises(ExportFailed, match="aborted"):
        await exporter.export(envelope())
    assert path.read_bytes() == written
    await exporter.start()
    await exporter.export(envelope())
    assert len(path.read_bytes()) == 2 * len(written)
    await exporter.stop()
