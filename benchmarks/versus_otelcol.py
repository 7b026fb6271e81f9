"""How many spans and log records a second does a core redact, in errlock and in otelcol?

Both are processes on one core that receive OTLP over HTTP, redact, and export it, uncompressed, to
the same kind of server; CPU time of the process, until all has arrived there. errlock runs as it is
without a configuration of its own, with queues in memory. The OpenTelemetry Collector's redaction
processor has as value rules what errlock's catalogue finds by a pattern alone (three quarters
of it, and whatever else errlock does it does not), the first 40 of them, or none.

What has arrived is looked at first. otelcol is built where it is not there yet: that needs Go, and
some minutes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from http_sink import read_body
from live_errlock import collector, otlp_at, running_errlock
from live_ports import listening_port

from benchmarks.collectors import Door, cpu_of_process, send_all
from benchmarks.options import Options, parse, progress
from benchmarks.otlp_requests import OtlpRequests, Signal
from benchmarks.report import machine, show
from errlock.policy.detectors import load_catalogue

_ROOT = Path(__file__).parents[1]
_BINARY = _ROOT / "build" / "otelcol" / "otelcol"
_BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.165.0"
_RECORDS = 200  # of a request: what an SDK exports at once, and less
_CLIENTS = 4
_PERSONAL = b"@mail.example"
_FEW = 40
_ALL_RULES, _FEW_RULES = "otelcol, all rules", f"otelcol, {_FEW} rules"


@dataclass(slots=True)
class Sink:
    """A backend: takes whatever comes."""

    port: int
    bodies: list[bytes]

    def wait(self, wanted: int) -> None:
        """Until so many requests have arrived. Raises AssertionError."""
        deadline = time.monotonic() + 300
        while len(self.bodies) < wanted:
            assert time.monotonic() < deadline, "not all has arrived"
            time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Contender:
    """A running collector."""

    name: str
    pid: int
    port: int
    sink: Sink

    def seconds(self, signal: Signal, bodies: Sequence[bytes]) -> float:
        """CPU time of its process until all has arrived."""
        before, cpu = len(self.sink.bodies), cpu_of_process(self.pid)
        send_all(Door.otlp(self.port, signal), bodies, _CLIENTS)
        self.sink.wait(before + len(bodies))
        return cpu_of_process(self.pid) - cpu


def main() -> int:
    """Measure and show."""
    options = parse(__doc__)
    if not _BINARY.exists():
        _build()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        rows = list(_measure(options, _contenders(running, Path(folder))))
    show(
        "OTLP collectors that redact, on one core", rows, machine("protobuf", "hyperscan"),
        ["otelcol 0.165.0 with its redaction processor. Records a second are of medians."],
    )  # fmt: skip
    return 0


def _build() -> None:
    progress("building otelcol: some minutes")
    command = ["go", "run", _BUILDER, "--config", "benchmarks/otelcol.yaml"]
    subprocess.run(command, cwd=_ROOT, check=True)


def _measure(options: Options, contenders: Sequence[Contender]) -> Iterator[dict[str, object]]:
    rounds, requests = (1, 2) if options.quick else (9, 8)
    for signal in ("traces", "logs"):
        for dirty in (0.0, 0.05, 0.3):
            label = f"{'spans' if signal == 'traces' else signal}, {dirty:.0%} dirty"
            if not options.wants(label):
                continue
            progress(label)
            made = OtlpRequests(signal, label)
            used: dict[str, list[float]] = {each.name: [] for each in contenders}
            for number in range(rounds + 1):
                bodies = [made.request(dirty, count=_RECORDS) for _ in range(requests)]
                for turn in range(len(contenders)):
                    each = contenders[(number + turn) % len(contenders)]
                    seconds = each.seconds(signal, bodies)
                    if number:  # the first round only warms up
                        used[each.name].append(seconds / requests)
                    _look(each, requests)
            medians = {name: statistics.median(each) for name, each in used.items()}
            ours = medians["errlock"]
            yield {
                "records": label,
                **{f"{name} /s": round(_RECORDS / each) for name, each in medians.items()},
                f"× {_ALL_RULES}": medians[_ALL_RULES] / ours,
                f"× {_FEW_RULES}": medians[_FEW_RULES] / ours,
            }


def _look(contender: Contender, requests: int) -> None:
    """Whoever has the rule for it leaves no address of e-mail in what has just arrived."""
    arrived = b"".join(contender.sink.bodies[-requests:])
    contender.sink.bodies[:] = [b""] * len(contender.sink.bodies)
    assert b"psycopg2" in arrived or b"shop" in arrived
    if contender.name in ("errlock", _ALL_RULES):
        assert _PERSONAL not in arrived, contender.name


def _contenders(running: ExitStack, folder: Path) -> list[Contender]:
    patterns = [each.pattern for each in load_catalogue() if not each.context]
    return [
        _errlock(running, folder / "errlock"),
        *(
            _otelcol(running, folder / str(len(rules)), name, rules)
            for name, rules in (
                (_ALL_RULES, patterns),
                (_FEW_RULES, patterns[:_FEW]),
                ("otelcol, no rules", []),
            )
        ),
    ]


def _errlock(running: ExitStack, folder: Path) -> Contender:
    sink, port = running.enter_context(_sink()), listening_port()
    exporter = {"endpoint": f"http://127.0.0.1:{sink.port}", "compression": "none"}
    config = collector(otlp_at(listening_port(), port), {"otlp_http": exporter})
    config["service"]["telemetry"] = {"metrics": {"level": "none"}}
    errlock = running.enter_context(running_errlock(config, folder))
    return Contender("errlock", errlock.pid, port, sink)


def _otelcol(running: ExitStack, folder: Path, name: str, patterns: Sequence[str]) -> Contender:
    sink, port = running.enter_context(_sink()), listening_port()
    pipeline = {"receivers": ["otlp"], "processors": ["redaction"], "exporters": ["otlp_http"]}
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "processors": {"redaction": {"allow_all_keys": True, "blocked_values": patterns}},
        "exporters": {
            "otlp_http": {"endpoint": f"http://127.0.0.1:{sink.port}", "compression": "none"}
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
            "pipelines": {"traces": pipeline, "logs": pipeline},
        },
    }
    folder.mkdir()
    path = folder / "otelcol.yaml"
    path.write_text(json.dumps(config))
    process = subprocess.Popen(
        [_BINARY, "--config", path], env={**os.environ, "GOMAXPROCS": "1"}, cwd=folder
    )
    running.callback(process.wait)
    running.callback(process.terminate)
    _wait_for(port)
    return Contender(name, process.pid, port, sink)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline, "otelcol did not start"
            time.sleep(0.05)


@contextmanager
def _sink() -> Iterator[Sink]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = read_body(self)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()
            bodies.append(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Sink(server.server_port, bodies)
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    raise SystemExit(main())
