"""Exporters behind a forward proxy: what it is told, what becomes of it when it refuses."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from forward_proxy import ForwardProxy, forward_proxy
from live_ports import listening_port
from recording_sink import RecordingSink
from sanitised_payloads import envelope, logs
from self_signed import self_signed

from errlock.exporters.otlp_http import OtlpHttpExporterConfig
from errlock.exporters.sentry import SentryExporterConfig
from errlock.exporters.tls import TlsConfig
from errlock.pipeline.component import Exporter, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import PemFile, Secret
from errlock.pipeline.payloads.document import Payload
from errlock.receivers.sentry import SentryReceiver, SentryReceiverConfig
from errlock.receivers.tls import TlsConfig as Served

SETTINGS = Settings(id="sentry", counters=Counters(), log=logging.getLogger("errlock.t"))
PASSWORD = "hunter2 ü:@/"
QUOTED = "hunter2%20%C3%BC%3A%40%2F"


class There:
    """A destination over TLS: a receiver of errlock's own, that takes both protocols."""

    def __init__(self, receiver: SentryReceiver, sink: RecordingSink, cert: Path | None) -> None:
        self.port = receiver.port
        self.sink = sink
        self._scheme = "http" if cert is None else "https"
        self._tls = TlsConfig(ca_file=PemFile(cert) if cert is not None else None)

    def sentry(self, proxy_url: str) -> tuple[Exporter, Payload]:
        config = SentryExporterConfig(
            dsn=Secret(f"{self._scheme}://key@localhost:{self.port}/1"),
            tls=self._tls,
            headers={"X-Api-Key": Secret("correct horse")},
            proxy_url=Secret(proxy_url),
        )
        return config.build(SETTINGS), envelope()

    def otlp_http(self, proxy_url: str) -> tuple[Exporter, Payload]:
        config = OtlpHttpExporterConfig(
            logs_endpoint=f"{self._scheme}://localhost:{self.port}/api/1/integration/otlp/v1/logs/",
            tls=self._tls,
            headers={
                "X-Api-Key": Secret("correct horse"),
                "x-sentry-auth": Secret("Sentry sentry_key=key"),
            },
            proxy_url=Secret(proxy_url),
        )
        return config.build(SETTINGS), logs("text")


@asynccontextmanager
async def destination(tmp_path: Path, *, tls: bool = True) -> AsyncIterator[There]:
    cert, served = None, None
    if tls:
        cert, key = self_signed(tmp_path)
        served = Served(cert_file=PemFile(cert), key_file=PemFile(key))
    sink = RecordingSink()
    receiver = SentryReceiverConfig(endpoint="localhost:0", tls=served).build(SETTINGS)
    await receiver.start(sink)
    try:
        yield There(receiver, sink, cert)
    finally:
        await receiver.stop()


async def export(exporter: Exporter, payload: Payload) -> None:
    await exporter.start()
    try:
        await exporter.export(payload)
    finally:
        await exporter.stop()


Make = Callable[[There, str], tuple[Exporter, Payload]]
MAKES: dict[str, Make] = {"sentry": There.sentry, "otlp_http": There.otlp_http}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
async def test_a_tunnel_leads_to_the_destination_and_the_proxy_reads_nothing(
    make: Make, tmp_path: Path
) -> None:
    async with destination(tmp_path) as there:
        with forward_proxy(f"us er:{PASSWORD}") as proxy:
            await export(*make(there, f"http://us%20er:{QUOTED}@127.0.0.1:{proxy.port}"))
        assert len(there.sink.payloads) == 1
    [head] = proxy.heads
    assert head.startswith(f"CONNECT localhost:{there.port} HTTP/1.1\r\n".encode())
    for theirs in (b"correct horse", b"sentry", b"key", b"envelope"):
        assert theirs not in head.lower().replace(b"proxy-", b"")


async def test_to_a_destination_in_the_clear_it_is_asked_in_absolute_form(tmp_path: Path) -> None:
    async with destination(tmp_path, tls=False) as there:
        with forward_proxy("user:password") as proxy:
            await export(*there.sentry(f"http://user:password@127.0.0.1:{proxy.port}"))
        assert len(there.sink.payloads) == 1
    [head] = proxy.heads
    assert head.startswith(f"POST http://localhost:{there.port}/api/1/envelope/ HTTP/1.1".encode())


def say(status: int) -> Callable[[ForwardProxy], None]:
    def answer(proxy: ForwardProxy) -> None:
        proxy.answer = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()

    return answer


def hang_up(proxy: ForwardProxy) -> None:
    proxy.answer = b"\r\n"


FAULTS = {
    "proxy_407": say(407), "proxy_403": say(403), "proxy_502": say(502), "connection": hang_up,
}  # fmt: skip


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("kind", FAULTS)
async def test_a_proxy_that_refuses_is_tried_again_and_nothing_has_left(
    kind: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with destination(tmp_path) as there:
        with forward_proxy() as proxy:
            FAULTS[kind](proxy)
            with pytest.raises(ExportFailed) as failed:
                await export(*make(there, f"http://user:hunter2@127.0.0.1:{proxy.port}"))
        assert there.sink.payloads == []
    assert (failed.value.kind, failed.value.retryable) == (kind, True)
    assert not failed.value.unclear
    assert not failed.value.answered
    assert "hunter2" not in caplog.text + repr(failed.value)


@pytest.mark.parametrize("tls", [True, False])
async def test_a_proxy_that_is_not_there(tmp_path: Path, *, tls: bool) -> None:
    async with destination(tmp_path, tls=tls) as there:
        with pytest.raises(ExportFailed) as failed:
            await export(*there.sentry(f"http://127.0.0.1:{listening_port()}"))
    assert (failed.value.kind, failed.value.unclear) == ("proxy", False)


async def test_who_wants_to_be_told_more_costs_no_document(tmp_path: Path) -> None:
    """In the clear the proxy answers in the destination's place: no destination says 407."""
    async with destination(tmp_path, tls=False) as there:
        with forward_proxy("user:password") as proxy, pytest.raises(ExportFailed) as failed:
            await export(*there.otlp_http(f"http://user:wrong@127.0.0.1:{proxy.port}"))
    assert (failed.value.kind, failed.value.retryable) == ("proxy_407", True)


@pytest.mark.parametrize(
    "url", ["hunter2", "https://a:1", "http://", "http://a:x", "http://a:1/b", "http://a:0", "a:1"]
)
def test_an_option_that_is_none_is_told_without_its_value(url: str) -> None:
    expected = "proxy_url: expected http://host:port, or http://user:password@host:port"
    for config in (
        SentryExporterConfig(dsn=Secret("http://k@h/1"), proxy_url=Secret(url)),
        OtlpHttpExporterConfig(endpoint="http://h", proxy_url=Secret(url)),
    ):
        assert [str(each) for each in config.problems()] == [expected]
        assert f"proxy_url={config.proxy_url}" in repr(config)
        assert url not in str(config.proxy_url)
