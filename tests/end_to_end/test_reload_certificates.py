"""Certificates that are renewed under their names: a reload serves and shows the new ones."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from http_sink import http_sink
from live_calls import Calls
from live_errlock import CONFIG, ERRLOCK, Errlock, collector, otlp_at, running_errlock, sentry_at
from live_operators import Controlled
from live_ports import listening_port
from live_traffic import Traffic
from mutual_tls import LogsBackend, logs_backend
from self_signed import Authority, self_signed

RELOADS = 10
# What a client that never tries again may be told when its server goes. SDKs try again.
SENT_AWAY = {"UNAVAILABLE", "CANCELLED"}

# The standard library leaves a connection open that is reset before its handshake begins.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")


class Doors:
    """Receivers that serve the certificate in a folder, on ports of their own."""

    def __init__(self, folder: Path, **service: Any) -> None:
        self.folder = folder
        self.sentry, self.grpc, self.http = (listening_port() for _ in range(3))
        self.authority = Authority(folder / "authority")
        self.cert, self.key = self.authority.issue(folder)
        tls = {"cert_file": str(self.cert), "key_file": str(self.key)}
        receivers = {**sentry_at(self.sentry), **otlp_at(self.grpc, self.http)}
        receivers["sentry"]["tls"] = tls
        for protocol in receivers["otlp"]["protocols"].values():
            protocol["tls"] = tls
        self.config = collector(receivers, {"file": {"path": str(folder / "out.jsonl")}})
        self.config["service"] |= {"storage": str(folder / "data"), **service}

    @property
    def ports(self) -> tuple[int, int, int]:
        return self.sentry, self.grpc, self.http

    def renewed(self) -> str:
        """Write another certificate over the one that is there, and return it."""
        self.authority.issue(self.folder)
        return self.cert.read_text().strip()

    def wait_until_served(self, certificate: str) -> None:
        deadline = time.monotonic() + 30
        while not self._serves(certificate):
            assert time.monotonic() < deadline, "the old certificate is still served"
            time.sleep(0.1)

    def _serves(self, certificate: str) -> bool:
        """Whether whoever connects now is shown this one, as PEM, at every port."""
        try:
            served = {ssl.get_server_certificate(("127.0.0.1", port)) for port in self.ports}
            return {each.strip() for each in served} == {certificate}
        except OSError:  # a gRPC server that is replaced resets who is just connecting
            return False


def reload(errlock: Errlock, says: str = "reloaded:") -> None:
    """Have it read its files again; return when the log has said so once more."""
    seen = errlock.log.count(says)
    errlock.send(signal.SIGHUP)
    errlock.wait_for_log(lambda log: log.count(says) > seen)


def test_a_renewed_certificate_is_served_under_load(tmp_path: Path) -> None:
    doors = Doors(tmp_path, watch_config=False)
    trust = doors.authority.cert
    with running_errlock(doors.config, tmp_path / "run") as errlock:
        with Traffic(doors.sentry, trust=trust) as traffic, Calls(doors.grpc, trust=trust) as calls:
            for _ in range(RELOADS):
                sent = len(traffic.acknowledged), len(calls.acknowledged)
                new = doors.renewed()
                reload(errlock, "reloaded: receivers changed: sentry, otlp")
                doors.wait_until_served(new)
                traffic.wait(lambda sent=sent: len(traffic.acknowledged) > sent[0] + 8)  # type: ignore[misc]  # mypy knows no such lambda
                calls.wait(lambda sent=sent: len(calls.acknowledged) > sent[1] + 8)  # type: ignore[misc]
        errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
        errlock.stop()
    assert traffic.refused == []
    assert {each.partition(" ")[0] for each in calls.refused} <= SENT_AWAY
    assert len(calls.refused) < len(calls.acknowledged) / 5, calls.refused
    stored = (tmp_path / "out.jsonl").read_text()
    for each in traffic.acknowledged | calls.acknowledged:
        assert each in stored


def test_a_renewed_certificate_is_enough(tmp_path: Path) -> None:
    doors = Doors(tmp_path)
    with running_errlock(doors.config, tmp_path / "run"):
        doors.wait_until_served(doors.renewed())


def test_a_mounted_secret_is_followed_through_its_links(tmp_path: Path) -> None:
    """Kubernetes: files are links through `..data`, which is replaced in one step."""
    doors = Doors(tmp_path)
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        self_signed(tmp_path / f"..{number}")
    (tmp_path / "..data").symlink_to("..1")
    for path in (doors.cert, doors.key):
        path.unlink()
        path.symlink_to(f"..data/{path.name}")
    with running_errlock(doors.config, tmp_path / "run"):
        doors.wait_until_served((tmp_path / "..1" / "cert.pem").read_text().strip())
        (tmp_path / "..new").symlink_to("..2")
        (tmp_path / "..new").replace(tmp_path / "..data")
        doors.wait_until_served((tmp_path / "..2" / "cert.pem").read_text().strip())


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_key(path: Path) -> None:
    key = path.read_bytes()
    self_signed(path.parent)
    path.write_bytes(key)


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "half a certificate": ("cert.pem", half, "holds no certificate in PEM, or not a whole one"),
    "half a key": ("key.pem", half, "holds no private key in PEM without a password, or not a"),
    "another key": ("key.pem", other_key, "is not the key of the certificate"),
    "no file": ("cert.pem", Path.unlink, "cannot be read: No such file or directory"),
}


def test_a_broken_file_leaves_the_old_one_in_force_and_the_reload_says_why(tmp_path: Path) -> None:
    doors = Doors(tmp_path, watch_config=False)
    del doors.config["receivers"]["sentry"]["tls"]  # its problems are told without being built
    with running_errlock(doors.config, tmp_path / "run") as errlock:
        asking = Controlled(errlock, tmp_path / "run", doors.sentry)
        good = doors.cert.read_text().strip()
        for name, spoil, why in BROKEN.values():
            doors.renewed()
            spoil(tmp_path / name)
            done = asking.command("reload")
            assert done.returncode == 1
            option = name.replace(".pem", "_file")
            assert f"receivers.otlp.protocols.grpc.tls.{option}: {tmp_path / name} {why}" in (
                done.stderr
            )
            assert "BEGIN" not in errlock.log + done.stderr
            for port in (doors.grpc, doors.http):
                assert ssl.get_server_certificate(("127.0.0.1", port)).strip() == good
        new = doors.renewed()
        assert asking.command("reload").returncode == 0
        for port in (doors.grpc, doors.http):
            assert ssl.get_server_certificate(("127.0.0.1", port)).strip() == new


@contextmanager
def sending(folder: Path, exporters: dict[str, Any]) -> Iterator[Controlled]:
    port = listening_port()
    config = collector(sentry_at(port), exporters)
    config["service"] |= {"storage": "data", "watch_config": False}
    with running_errlock(config, folder) as errlock:
        yield Controlled(errlock, folder, port)


def serving(folder: Path) -> ssl.SSLContext:
    folder.mkdir()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*self_signed(folder))
    return context


@pytest.mark.parametrize("kind", ["sentry", "otlp_http"])
def test_exporters_trust_the_renewed_authorities(kind: str, tmp_path: Path) -> None:
    port, (ca, _) = listening_port(), self_signed(tmp_path)
    exporter: dict[str, dict[str, Any]] = {
        "sentry": {"dsn": f"https://k@localhost:{port}/1", "tls": {"ca_file": str(ca)}},
        "otlp_http": {"endpoint": f"https://localhost:{port}", "tls": {"ca_file": str(ca)}},
    }
    theirs = tmp_path / "theirs"
    with (
        http_sink(port, tls=serving(theirs)),
        sending(tmp_path / "run", {kind: exporter[kind]}) as errlock,
    ):
        errlock.send()
        errlock.errlock.wait_for_log(lambda log: "failing: certificate" in log)
        half(ca)
        broken = errlock.command("reload")
        assert broken.returncode == 1
        assert f"ca_file: {ca} holds no certificate in PEM" in broken.stderr
        ca.write_bytes((theirs / "cert.pem").read_bytes())
        assert errlock.command("reload").stdout == f"exporters changed: {kind}\n"
        errlock.errlock.wait_for_metric("errlock_exporter_sent_total", 1)


def test_an_exporter_shows_its_renewed_certificate(tmp_path: Path) -> None:
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    for folder in (own, theirs):
        folder.mkdir()
    (cert, key), ca = self_signed(own), self_signed(theirs)[0]
    port = listening_port()
    tls = {"cert_file": str(cert), "key_file": str(key), "ca_file": str(ca)}
    exporters = {"otlp": {"endpoint": f"localhost:{port}", "tls": tls}}

    def backend() -> LogsBackend:
        """One that trusts only the certificate that the exporter has on its disk now."""
        return logs_backend(port, ca, theirs / "key.pem", trusts=cert)

    with sending(tmp_path / "run", exporters) as errlock:
        with backend() as got:
            errlock.send()
            errlock.errlock.wait_for_metric("errlock_exporter_sent_total", 1)
        assert got.shown == {cert.read_text().strip()}
        for renewed in (own, theirs):
            self_signed(renewed)
        with backend() as got:
            errlock.send()
            errlock.errlock.wait_for_log(lambda log: "failing: certificate" in log)
            key.write_bytes(key.read_bytes()[:100])
            assert f"tls.key_file: {key} holds no private key" in errlock.command("reload").stderr
            self_signed(own)
        with backend() as got:
            assert json.loads(errlock.command("reload", "--json").stdout)["changes"] == [
                "exporters changed: otlp"
            ]
            errlock.errlock.wait_for_metric("errlock_exporter_sent_total", 2)
        assert got.shown == {cert.read_text().strip()}


def test_that_nobody_takes_a_certificate_any_more_is_told(tmp_path: Path) -> None:
    doors = Doors(tmp_path)
    with running_errlock(doors.config, tmp_path / "run") as errlock:
        doors.authority.issue(doors.folder, days=-1)
        expired = f"receivers.sentry.tls.cert_file: the certificate in {doors.cert} expired on 20"
        errlock.wait_for_log(lambda log: expired in log)
        told = subprocess.run(
            [str(ERRLOCK), "validate", "-c", CONFIG],
            cwd=tmp_path / "run", capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert f"warning: {expired}" in told.stderr
        assert "warning: receivers.otlp.protocols.grpc.tls.cert_file: " in told.stderr
