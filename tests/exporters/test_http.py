import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from email.utils import formatdate
from typing import Any

import aiohttp
import pytest
from opentelemetry import context
from recording_backend import recording_backend
from waiting import until

from errlock.exporters.http import KEPT, HttpClient, failed, is_url, retry_after
from errlock.exporters.tls import TlsConfig
from errlock.pipeline.errors import ExportFailed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Backend:
    """Answers every connection with the same bytes and keeps what came."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer  # None: never
        self.received = b""
        self.begun = asyncio.Event()
        self.closed = asyncio.Event()
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(65536):
            self.received += data
            self.begun.set()
            if self.answer is not None and b"\r\n\r\n" in self.received:
                writer.write(self.answer)
        self.closed.set()


@asynccontextmanager
async def backend(answer: bytes | None) -> AsyncIterator[Backend]:
    running = Backend(answer)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    yield running
    server.close()
    for writer in running.writers:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def client(timeout: float = 5.0) -> AsyncIterator[HttpClient]:  # noqa: ASYNC109  it is the option under test
    made = HttpClient(timeout=timeout, headers={"X-Team": "a"}, tls=TlsConfig())
    await made.start()
    yield made
    await made.stop()


async def test_a_post_brings_the_answer() -> None:
    async with backend(OK) as there, client() as here:
        answer = await here.post(there.url, b"body", {"X-Sort": "b"})
    assert (answer.status, answer.body) == (200, b"ok")
    assert there.received.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nX-Team: a\r\nX-Sort: b\r\n" in there.received
    assert there.received.endswith(b"\r\n\r\nbody")


async def test_a_large_body_is_sent_whole() -> None:
    body = bytes(range(256)) * 8192
    async with recording_backend() as there, client() as here:
        await here.post(f"http://127.0.0.1:{there.port}/", body, {})
    assert there.requests[0].raw_body == body


async def test_a_connection_that_its_server_may_be_closing_is_not_used() -> None:
    async with recording_backend() as there, client() as here:
        for _ in range(2):
            await here.post(f"http://127.0.0.1:{there.port}/", b"body", {})
            await asyncio.sleep(KEPT + 0.1)
    assert KEPT < 2  # gunicorn's
    assert len(there.writers) == 2


async def test_a_redirect_is_not_followed() -> None:
    async with backend(OK) as elsewhere:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        async with backend(moved.encode()) as there, client() as here:
            answer = await here.post(there.url, b"body", {})
        assert answer.status == 307
        assert elsewhere.received == b""
    assert failed(answer).retryable


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with backend(OK) as proxy, backend(OK) as there, client() as here:
        monkeypatch.setenv("http_proxy", proxy.url)
        await here.post(there.url, b"body", {})
        assert proxy.received == b""


async def test_no_tracing_of_the_application_sees_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    original = aiohttp.ClientSession.__init__

    async def on_start(*_: object) -> None:
        seen.append("request")

    def instrumented(self: aiohttp.ClientSession, **kwargs: object) -> None:
        config = aiohttp.TraceConfig()
        config.on_request_start.append(on_start)
        original(self, trace_configs=[config], **kwargs)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", instrumented)
    async with backend(OK) as there, client() as here:
        await here.post(there.url, b"body", {})
    assert seen == []


async def test_opentelemetry_is_told_not_to_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    original = aiohttp.ClientSession.post

    def watched(self: aiohttp.ClientSession, *args: object, **kwargs: object) -> object:
        seen.append(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY))
        return original(self, *args, **kwargs)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(aiohttp.ClientSession, "post", watched)
    async with backend(OK) as there, client() as here:
        await here.post(there.url, b"body", {})
    assert seen == [True]


async def test_cancelling_closes_the_connection() -> None:
    async with backend(None) as there, client() as here:
        attempt = asyncio.create_task(here.post(there.url, b"body", {}))
        await there.begun.wait()
        attempt.cancel()
        await asyncio.wait_for(there.closed.wait(), 60)
        with pytest.raises(asyncio.CancelledError):
            await attempt


async def test_no_answer_in_time_is_a_timeout() -> None:
    async with backend(None) as there, client(timeout=0.05) as here:
        with pytest.raises(ExportFailed, match=r"^timeout$") as caught:
            await here.post(there.url, b"body", {})
    assert caught.value.retryable


async def test_a_status_counts_although_its_body_never_comes() -> None:
    begun = b"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nno"
    async with backend(begun) as there, client(timeout=3.0) as here:
        answer = await here.post(there.url, b"body", {})
    assert (answer.status, answer.body) == (503, None)
    assert failed(answer).retry_after == 7.0


async def test_a_long_page_keeps_its_status() -> None:
    page = b"HTTP/1.1 503 X\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    async with backend(page) as there, client() as here:
        answer = await here.post(there.url, b"body", {})
    assert answer.status == 503


@pytest.mark.parametrize(
    ("answer", "flood"),
    [(b"", b"HTTP/1.1 103 X\r\n\r\n"), (OK, OK), (OK, b"HTTP/1.1 100 X\r\n\r\n")],
    ids=["interim answers", "answers to nothing", "interim answers to nothing"],
)
async def test_a_flood_is_cut_off(answer: bytes, flood: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if answer:
            await answered.wait()
        with suppress(ConnectionError):
            while True:
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(1000 * flood)
        writer.close()
        over.set()

    answered, over = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, client(timeout=60) as here, asyncio.timeout(60):
        with suppress(ExportFailed):
            assert (await here.post(url, b"body", {})).status == 200
        answered.set()
        await over.wait()


async def test_nobody_there_is_a_connection_error() -> None:
    async with backend(OK) as there:
        gone = there.url
    async with client() as here:
        with pytest.raises(ExportFailed, match=r"^connection$") as caught:
            await here.post(gone, b"body", {})
    assert caught.value.retryable


async def test_what_is_not_http_is_a_connection_error() -> None:
    async with backend(b"220 smtp ready\r\n") as there, client() as here:
        with pytest.raises(ExportFailed, match=r"^connection$"):
            await here.post(there.url, b"body", {})


async def test_a_resolver_that_does_not_answer_takes_no_thread_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that drops what it is asked: it cannot be had in a test without the machine's own."""
    asked, over, real = [], threading.Event(), socket.getaddrinfo

    def slow(host: str, *arguments: Any, **more: Any) -> Any:
        asked.append(host)
        over.wait(60)
        return real("127.0.0.1", *arguments, **more)

    with ThreadPoolExecutor(1) as shared, ExitStack() as at_the_end:
        at_the_end.callback(over.set)
        asyncio.get_running_loop().set_default_executor(shared)
        async with client() as here:
            monkeypatch.setattr(socket, "getaddrinfo", slow)
            urls = ["http://slow.example/", "http://slower.example/"]
            posts = [asyncio.create_task(here.post(url, b"", {})) for url in urls]
            await until(lambda: bool(asked))
            assert await asyncio.wait_for(asyncio.to_thread(lambda: True), 10)
            here.abort()
            for post in posts:
                with pytest.raises(ExportFailed, match=r"^aborted$"):
                    await post
            over.set()
            await here.start()
            with pytest.raises(ExportFailed, match=r"^connection$"):
                await here.post("http://third.example:1/", b"", {})
    assert asked == ["slow.example", "third.example"]


async def test_posting_after_stop_is_refused() -> None:
    async with client() as here:
        pass
    with pytest.raises(ExportFailed, match=r"^not_started$"):
        await here.post("http://127.0.0.1:1/", b"", {})
    await here.stop()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30.0), ("1.5", 1.5), ("-3", 0.0), ("", None), ("soon", None), ("nan", None)],
)
def test_retry_after_in_seconds(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}) == seconds


@pytest.mark.parametrize("off", [-365 * 86400, 365 * 86400])
def test_retry_after_as_a_date_is_by_the_destinations_clock(off: int) -> None:
    now = time.time() + off
    headers = {
        "Date": formatdate(now, usegmt=True),
        "Retry-After": formatdate(now + 100, usegmt=True),
    }
    assert retry_after(headers) == 100.0


def test_retry_after_as_a_date() -> None:
    wait = retry_after({"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert wait is not None
    assert 95 < wait <= 100


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://sentry.example/api", True),
        ("http://localhost:9000", True),
        ("localhost:9000", False),
        ("ftp://x", False),
        ("http://user:pw@x", False),
        ("http://", False),
        ("http://x:port", False),
    ],
)
def test_what_is_a_url(text: str, is_one: bool) -> None:
    assert is_url(text) is is_one
