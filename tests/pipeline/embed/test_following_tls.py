"""SDKs that send over TLS obey a word as well: bytes are counted at the socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import sentry_sdk
from live_control import AUDIENCE, KEYS, ControlServer
from mask_canaries import masking
from metered_sink import MeteredSink, metered_sink
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from self_signed import self_signed
from slow_peer import SlowPeer
from waiting import wait_for

from errlock.pipeline.embed import Control, OtelSpanExporter, sentry_transport

STANDBY = "sentry/standby"
OBEYED_WITHIN = 2.0  # seconds
LARGE, SMALL = 800_000, 2_000
Send = Callable[[str], object]


@pytest.fixture(autouse=True)
def _trust_is_the_tests_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # for requests they come first
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"))


def controlled(fleet: ControlServer) -> Control:
    return Control(url=fleet.url, audience=AUDIENCE, keys=[str(key) for key in KEYS])


def parts(text: str) -> list[str]:
    """As long as SDKs let them be."""
    return [text[at : at + 8000] for at in range(0, len(text), 8000)]


@contextmanager
def with_sentry(
    fleet: ControlServer, port: int, certificate: Path, standby: MeteredSink
) -> Iterator[Send]:
    control = controlled(fleet)
    client = sentry_sdk.Client(
        dsn=f"https://first@localhost:{port}/1",
        transport=sentry_transport(
            masking(),
            control=control,
            standbys={STANDBY: f"http://second@127.0.0.1:{standby.port}/2"},
        ),
        ca_certs=str(certificate),
        default_integrations=False,
        auto_enabling_integrations=False,
        _experiments={"transport_compression_level": 0},
    )

    def send(text: str) -> None:
        crumbs = [{"message": part} for part in parts(text)]
        client.capture_event({"message": "event 1", "breadcrumbs": {"values": crumbs}})

    yield send
    client.close(timeout=5)
    control.close()


@contextmanager
def with_otel(
    fleet: ControlServer, port: int, certificate: Path, standby: MeteredSink
) -> Iterator[Send]:
    control = controlled(fleet)
    exporter = OtelSpanExporter(
        lambda session: OTLPSpanExporter(
            f"https://localhost:{port}/v1/traces", str(certificate), session=session
        ),
        masking(),
        control=control,
        destination="sentry",
        standbys={
            STANDBY: lambda session: OTLPSpanExporter(
                f"http://127.0.0.1:{standby.port}/v1/traces", session=session
            )
        },
    )
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))

    def send(text: str) -> None:
        span = provider.get_tracer("shop").start_span("event 1 ")
        for number, part in enumerate(parts(text)):
            span.set_attribute(str(number), part)
        span.end()

    yield send
    provider.shutdown()
    control.close()


@pytest.mark.parametrize("size", [LARGE, SMALL], ids=["sending", "waiting for an answer"])
@pytest.mark.parametrize("client", [with_sentry, with_otel])
def test_what_is_under_way_over_tls_is_cut_off_and_goes_to_the_standby(
    fleet: ControlServer,
    client: Callable[..., AbstractContextManager[Send]],
    size: int,
    certificate: tuple[Path, Path],
) -> None:
    with (
        metered_sink() as standby,
        SlowPeer(certificate=certificate) as peer,
        client(fleet, peer.port, certificate[0], standby) as send,
    ):
        send("x" * size)
        peer.wait_for(min(size, 50_000))
        fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
        said = time.monotonic()
        wait_for(lambda: peer.ended)
        assert time.monotonic() - said < OBEYED_WITHIN
        arrived = peer.received
        wait_for(lambda: standby.numbers == [1])
        assert peer.received == arrived
        assert (arrived < size) == (size == LARGE)
        assert peer.connections == 1
