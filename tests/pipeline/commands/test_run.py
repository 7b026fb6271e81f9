"""`errlock run` as a process of its own, and `errlock local` beside it."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port

from errlock.pipeline.cli import main
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()


class Running:
    """A collector that nothing configures but its ports."""

    def __init__(self, folder: Path) -> None:
        names = ("sentry", "grpc", "http", "metrics", "health", "control")
        self.ports = {name: listening_port() for name in names}
        at = {name: f"localhost:{port}" for name, port in self.ports.items()}
        sets = [
            f"receivers.sentry.endpoint={at['sentry']}",
            f"receivers.otlp.protocols.grpc.endpoint={at['grpc']}",
            f"receivers.otlp.protocols.http.endpoint={at['http']}",
            f"service.telemetry.metrics.endpoint={at['metrics']}",
            f"service.health.endpoint={at['health']}",
            f"service.control.endpoint={at['control']}",
            f"service.ledger.key={KEY}",
        ]
        self.command = [str(ERRLOCK), "run", *(arg for each in sets for arg in ("--set", each))]
        self.folder = folder
        self.process = subprocess.Popen(
            self.command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.greeting = ""
        for line in self.process.stderr:
            self.greeting += line
            if line.startswith("  control"):
                return
        self.process.communicate()
        raise AssertionError(f"it did not start:\n{self.greeting}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err

    def post_event(self, event: dict[str, str]) -> None:
        url = f"http://localhost:{self.ports['sentry']}/api/1/envelope/?sentry_key=any"
        body = b"{}\n" + b'{"type":"event"}\n' + json.dumps(event).encode() + b"\n"
        with urllib.request.urlopen(url, body, timeout=10) as answer:
            assert answer.status == 200


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    collector = Running(tmp_path)
    yield collector
    with collector.process:  # closes its pipes
        collector.process.kill()


def test_it_says_how_to_point_an_sdk_at_it_and_where_to_look(running: Running) -> None:
    ports = running.ports
    assert f"SENTRY_DSN=http://any@localhost:{ports['sentry']}/1\n" in running.greeting
    otlp = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:"
    assert f"{otlp}{ports['grpc']} OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n" in running.greeting
    assert f"{otlp}{ports['http']} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n" in running.greeting
    assert "errlock local --folder ./errlock-data\n" in running.greeting
    assert f"http://localhost:{ports['metrics']}/metrics\n" in running.greeting
    assert f"http://localhost:{ports['health']}/\n" in running.greeting
    command = running.greeting.rpartition("  operators   ")[2].split()
    command[0] = str(ERRLOCK)
    done = subprocess.run(command, cwd=running.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")  # it is asked as it was said
    assert KEY not in running.greeting


def test_what_was_sent_to_it_is_shown_clean_by_errlock_local(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running.post_event({"event_id": "c" * 32, "message": "password=hunter22 \x1b[31m"})
    code, out, log = running.stop()
    assert (code, out) == (0, "")
    assert "hunter22" not in running.greeting + log
    folder = str(running.folder / "errlock-data")

    assert main(["local", "--folder", folder]) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.startswith("1  ")
    assert row.endswith(r"Z  1  event  password=[password] \x1b[31m")

    assert main(["local", "--folder", folder, "--search", "\udce4"]) == 0  # typed as Latin-1
    assert main(["local", "--folder", folder, "1"]) == 0
    assert json.loads(capsys.readouterr().out)["message"] == "password=[password] \x1b[31m"

    assert main(["local", "--folder", folder, "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event_id"] == "c" * 32

    assert main(["local", "--folder", folder, "--search", "nothing like it", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_document_that_is_not_stored_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["local", "--folder", str(tmp_path), "7"]) == 1
    store = tmp_path / "local.sqlite3"
    assert capsys.readouterr().err == f"errlock local: no document 7 in {store}\n"
    assert main(["local", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().err == f"nothing in {store}\n"
    store.write_bytes(b"x" * 9000)
    assert main(["local", "--folder", str(tmp_path)]) == 2
    told = "cannot be read: it is no file of errlock's, or damaged\n"
    assert capsys.readouterr().err == f"errlock local: {store} {told}"
    assert main(["local", "--folder", str(tmp_path / "typo")]) == 2
    assert capsys.readouterr().err.startswith(f"errlock local: there is no {tmp_path}/typo. Run ")


def test_ctrl_c_is_an_orderly_stop(running: Running) -> None:
    assert running.stop(signal.SIGINT)[0] == 0


def test_a_port_that_is_taken_ends_it_with_a_message(running: Running) -> None:
    done = subprocess.run(
        running.command, cwd=running.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("errlock: ")
    assert "Traceback" not in done.stderr


def test_an_unexpected_error_is_told_without_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError(f"hunter{20 + 2}")

    monkeypatch.setattr("errlock.pipeline.config.schema.config_schema", broken)
    assert main(["schema"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hunter22" not in captured.err
    assert captured.err.startswith("errlock: LookupError: this is a bug, please report it")


def test_deep_nesting_does_not_end_it_where_threads_are_given_little_stack(tmp_path: Path) -> None:
    """As on musl. Its main thread, which reads no documents, has as little here."""
    port = listening_port()
    few = ("sh", "-c", 'ulimit -S -s 256; exec "$@"', "sh", ERRLOCK)
    written = collector(sentry_at(port), {"file": {"path": str(tmp_path / "out.jsonl")}})
    with running_errlock(written, tmp_path / "run", command=few) as errlock:
        for depth, message in ((900, b"deep"), (100_000, b"password=hunter22"), (0, b"flat")):
            extra = b"[" * depth + b"]" * depth or b"{}"
            item = b'{"message":"' + message + b'","extra":' + extra + b"}"
            envelope = b'{}\n{"type":"event"}\n' + item + b"\n"
            url = f"http://localhost:{port}/api/1/envelope/?sentry_key=any"
            with urllib.request.urlopen(url, envelope, timeout=20) as answer:
                assert answer.status == 200
        # The first one holds nothing, the second one must be read and cannot be.
        errlock.wait_for_metric("errlock_exporter_sent_total", 2, exporter="file")
        errlock.wait_for_metric("errlock_processor_dropped_total", 1, type="event")
