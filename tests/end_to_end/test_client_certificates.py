"""Receivers that want to see a certificate, and who shows which: SDKs, and another collector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
import sentry_sdk
from live_errlock import Errlock, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from self_signed import Authority
from waiting import wait_for

Shown = tuple[Path, Path] | None  # a certificate and its key


class Demanding:
    """A collector whose doors want a certificate of an authority, and those that clients have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sentry, self.grpc, self.http = (listening_port() for _ in range(3))
        self.authority = Authority(folder / "authority")
        self.trust = self.authority.cert  # of what the doors show
        self.clients = Authority(folder / "clients")
        self.right = self._issued("right", self.clients)
        self.wrong = self._issued("wrong", Authority(folder / "others"))
        self.expired = self._issued("expired", self.clients, days=-1)
        cert, key = self._issued("served", self.authority)
        # What the doors trust: another file than the authority's own, which a test exchanges.
        self.trusted = folder / "trusted.pem"
        self.trusted.write_bytes(self.clients.cert.read_bytes())
        tls = {"cert_file": str(cert), "key_file": str(key), "client_ca_file": str(self.trusted)}
        receivers = {**sentry_at(self.sentry), **otlp_at(self.grpc, self.http)}
        receivers["sentry"]["tls"] = tls
        for protocol in receivers["otlp"]["protocols"].values():
            protocol["tls"] = tls
        self.out = folder / "out.jsonl"
        self.config = collector(receivers, {"file": {"path": str(self.out)}})

    def _issued(self, name: str, authority: Authority, days: float = 1.0) -> tuple[Path, Path]:
        (self.folder / name).mkdir()
        return authority.issue(self.folder / name, days=days)

    @contextmanager
    def running(self) -> Iterator[Errlock]:
        with running_errlock(self.config, self.folder / "run") as errlock:
            yield errlock

    def arrived(self, text: str) -> bool:
        return self.out.exists() and text in self.out.read_text()

    def send_event(self, shown: Shown, text: str) -> None:
        cert, key = map(str, shown) if shown is not None else (None, None)
        client = sentry_sdk.Client(
            dsn=f"https://key@localhost:{self.sentry}/1",
            default_integrations=False, ca_certs=str(self.trust), cert_file=cert, key_file=key,
        )  # fmt: skip
        client.capture_event({"message": text})
        client.close(5)

    def send_over_http(self, shown: Shown, text: str) -> None:
        cert, key = map(str, shown) if shown is not None else (None, None)
        exporter = HttpLogs(
            f"https://localhost:{self.http}/v1/logs", certificate_file=str(self.trust),
            client_certificate_file=cert, client_key_file=key, timeout=2,
        )  # fmt: skip
        log(exporter, text)

    def send_over_grpc(self, shown: Shown, text: str) -> None:
        cert, key = (each.read_bytes() for each in shown) if shown is not None else (None, None)
        credentials = grpc.ssl_channel_credentials(self.trust.read_bytes(), key, cert)
        log(GrpcLogs(f"localhost:{self.grpc}", credentials=credentials, timeout=2), text)

    @property
    def senders(self) -> dict[str, Callable[[Shown, str], None]]:
        return {
            "sentry": self.send_event, "http": self.send_over_http, "grpc": self.send_over_grpc,
        }  # fmt: skip


def log(exporter: Any, text: str) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("test").emit(body=text)
    provider.shutdown()


@pytest.fixture(autouse=True)
def _bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # for requests they come first
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demanding, Errlock]]:
    made = Demanding(tmp_path_factory.mktemp("demanding"))
    with made.running() as errlock:
        yield made, errlock


@pytest.mark.parametrize("sender", ["sentry", "http", "grpc"])
def test_who_shows_a_certificate_of_the_authority_is_taken(
    demanding: tuple[Demanding, Errlock], sender: str
) -> None:
    there, _ = demanding
    there.senders[sender](there.right, f"right over {sender}")
    wait_for(lambda: there.arrived(f"right over {sender}"), 60)


@pytest.mark.parametrize("shown", ["none", "wrong", "expired"])
@pytest.mark.parametrize("sender", ["sentry", "http", "grpc"])
def test_who_does_not_is_not(demanding: tuple[Demanding, Errlock], sender: str, shown: str) -> None:
    there, errlock = demanding
    labels = {"reason": "tls", "receiver": "sentry" if sender == "sentry" else "otlp"}
    before = errlock.metric("errlock_receiver_requests_refused_total", **labels)
    there.senders[sender](getattr(there, shown, None), f"{shown} over {sender}")
    there.senders["sentry"](there.right, f"after {shown} over {sender}")
    wait_for(lambda: there.arrived(f"after {shown} over {sender}"), 60)
    assert not there.arrived(f'"{shown} over {sender}')
    if sender != "grpc":  # which tells nobody
        assert errlock.metric("errlock_receiver_requests_refused_total", **labels) > before
    assert f"{shown} over {sender}" not in errlock.log


def test_a_renewed_authority_is_enough(tmp_path: Path) -> None:
    there = Demanding(tmp_path)
    with there.running() as errlock:
        there.trusted.write_bytes((tmp_path / "others/cert.pem").read_bytes())
        errlock.wait_for_log(lambda log: "reloaded: receivers changed: sentry, otlp" in log)
        for name, send in there.senders.items():
            send(there.right, f"former over {name}")
            send(there.wrong, f"new over {name}")
            wait_for(lambda name=name: there.arrived(f"new over {name}"), 60)  # type: ignore[misc]  # mypy knows no such lambda
            assert not there.arrived(f"former over {name}")


def test_another_collector_shows_its_own(tmp_path: Path) -> None:
    there = Demanding(tmp_path)
    doors = [listening_port() for _ in range(3)]
    cert, key = (str(each) for each in there.right)
    tls = {"ca_file": str(there.trust), "cert_file": cert, "key_file": key}
    exporters = {
        "sentry": {"dsn": f"https://key@localhost:{there.sentry}/1", "tls": tls},
        "otlp": {"endpoint": f"localhost:{there.grpc}", "tls": tls},
        "otlp_http": {"endpoint": f"https://localhost:{there.http}", "tls": tls},
        # An address is in no certificate here.
        "otlp_http/address": {
            "endpoint": f"https://127.0.0.1:{there.http}",
            "tls": {**tls, "server_name_override": "localhost"},
        },
        "otlp_http/none": {
            "endpoint": f"https://localhost:{there.http}",
            "tls": {"ca_file": str(there.trust)},
        },
    }
    config = collector({**sentry_at(doors[0]), **otlp_at(*doors[1:])}, exporters)
    with there.running() as receiving, running_errlock(config, tmp_path / "sends") as sending:
        log(HttpLogs(f"http://localhost:{doors[2]}/v1/logs"), "through both")
        for id_ in list(exporters)[:4]:
            sending.wait_for_metric("errlock_exporter_sent_total", 1, exporter=id_)
        receiving.wait_for_metric("errlock_receiver_accepted_total", 3, receiver="otlp")
        failed = "errlock_exporter_send_failed_total"
        wait_for(lambda: sending.metric(failed, exporter="otlp_http/none") > 0, 60)
        assert sending.metric("errlock_exporter_sent_total", exporter="otlp_http/none") == 0
        key_text = json.dumps(Path(key).read_text())[1:-1]
        for told in (sending.told(), receiving.told()):
            assert not any(key_text[30:70].encode() in each for each in told)
        sending.stop()


def test_authorities_that_are_none_are_refused(tmp_path: Path) -> None:
    from errlock.pipeline.errors import ConfigError
    from errlock.pipeline.options import PemFile
    from errlock.receivers.tls import TlsConfig

    there = Demanding(tmp_path)
    there.trusted.write_bytes(b"")
    cert, key = map(PemFile, there.right)
    tls = TlsConfig(cert_file=cert, key_file=key, client_ca_file=PemFile(there.trusted))
    with pytest.raises(ConfigError, match=r"tls\.client_ca_file: .*/trusted\.pem holds no cert"):
        tls.context("tls")
