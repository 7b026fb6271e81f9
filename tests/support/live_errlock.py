"""A real collector for tests: `errlock run` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forked_errlock import Forked
from live_ports import listening_port

CONFIG = "errlock.yaml"
ERRLOCK = Path(sys.executable).with_name("errlock")
# Seconds; for a machine that has much else to do.
_START_DEADLINE = _STOP_DEADLINE = _METRIC_DEADLINE = 120.0


def collector(receivers: dict[str, Any], exporters: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the default policy: everything received goes to every exporter."""
    return {
        "receivers": receivers,
        "processors": {"redact": {}},
        "exporters": exporters,
        "service": {
            "pipelines": {
                "errors": {
                    "receivers": list(receivers),
                    "processors": ["redact"],
                    "exporters": list(exporters),
                }
            }
        },
    }


def sentry_at(port: int) -> dict[str, Any]:
    """A receiver for Sentry SDKs; any project and any key."""
    return {"sentry": {"endpoint": f"127.0.0.1:{port}"}}


def otlp_at(grpc: int, http: int) -> dict[str, Any]:
    """A receiver for OpenTelemetry SDKs."""
    return {
        "otlp": {
            "protocols": {
                "grpc": {"endpoint": f"127.0.0.1:{grpc}"},
                "http": {"endpoint": f"127.0.0.1:{http}"},
            }
        }
    }


class Errlock:
    """A running collector; see `running_errlock`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes] | Forked,
        health: int,
        metrics: int,
        control: int,
        log: Path,
    ):
        self.control = control  # the port of its control API
        self._process = process
        self._expected = 0
        self._health = health
        self._metrics = metrics
        self._log = log

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it printed so far, on both channels."""
        return self._log.read_text(errors="replace")

    @property
    def operators(self) -> tuple[int, int]:
        """The ports of its health and its metrics."""
        return self._health, self._metrics

    def told(self) -> list[bytes]:
        """All that it told operators so far: log, metrics, health, every file in its folder."""
        pages = (f"{self._metrics}/metrics", f"{self._health}/")
        told = [path.read_bytes() for path in self._log.parent.rglob("*") if path.is_file()]
        for page in pages:
            with urllib.request.urlopen(f"http://127.0.0.1:{page}", timeout=60) as got:
                told.append(got.read())
        return told

    def metrics(self) -> str:
        """Its metrics in Prometheus' text format."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=60) as got:
            text: bytes = got.read()
            return text.decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of `name` that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.metrics().splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(want in line for want in wanted)
        )

    def wait_for_metric(self, name: str, value: float, **labels: str) -> None:
        """Return when `metric` has this value."""
        deadline = time.monotonic() + _METRIC_DEADLINE
        while (found := self.metric(name, **labels)) != value:
            assert time.monotonic() < deadline, f"{name} {labels} is {found}, not {value}"
            time.sleep(0.05)

    def write(self, config: Mapping[str, Any]) -> None:
        """Write another configuration over its file, with its operators' ports as they are."""
        path = self._log.parent / CONFIG
        new = path.with_suffix(".new")
        new.write_text(_written(config, self._health, self._metrics, self.control))
        new.replace(path)

    def wait_for_log(self, condition: Callable[[str], bool]) -> None:
        """Return when its log is as wanted."""
        deadline = time.monotonic() + _METRIC_DEADLINE
        while not condition(self.log):
            assert time.monotonic() < deadline, self.log[-4000:]
            time.sleep(0.05)

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(what)

    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def ended(self, seconds: float) -> int:
        """Its exit code, waited for so long. Raises subprocess.TimeoutExpired."""
        self._expected = self._process.wait(seconds)
        return self._expected

    def stop(self) -> None:
        """Tell it to stop, as an operator does (SIGTERM). Idempotent.

        Raises AssertionError with its log unless it ends with exit code 0, or as `ended` saw.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"errlock did not stop:\n{self.log[-4000:]}") from None
        assert code == self._expected, f"errlock ended with {code}:\n{self.log[-4000:]}"

    def kill(self) -> None:
        """End it at once, if it is still there."""
        self._process.kill()
        self._process.wait()

    def wait_until_healthy(self) -> None:
        """Return when its health endpoint answers 200."""
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/", timeout=60):
                    return
            except urllib.error.HTTPError as answer:
                answer.close()
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError(f"errlock did not start:\n{self.log[-4000:]}")


@contextmanager
def running_errlock(
    config: Mapping[str, Any],
    folder: Path,
    *,
    behind: float = 0.0,
    command: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Errlock]:
    """Run a collector with this configuration until the end; its operators' ports are added.

    `behind`: its clock is so many seconds late. `command`: what is run instead of `errlock`.
    `environment`: what it has besides this process's own. With none of these it is `Forked`.
    """
    with started_errlock(
        config, folder, behind=behind, command=command, environment=environment
    ) as errlock:
        errlock.wait_until_healthy()
        yield errlock


@contextmanager
def started_errlock(
    config: Mapping[str, Any],
    folder: Path,
    *,
    behind: float = 0.0,
    command: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Errlock]:
    """The same, from the moment that its process is there."""
    health, metrics, control = listening_port(), listening_port(), listening_port()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    path.write_text(_written(config, health, metrics, control))
    log, words = folder / "errlock.log", ["run", "--config", str(path)]
    log.write_bytes(b"")
    process: subprocess.Popen[bytes] | Forked
    if command or behind or environment is not None:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*(command or _late(behind)), *words],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=output,
            )
    else:
        process = Forked(words, folder, log)
    errlock = Errlock(process, health, metrics, control, log)
    try:
        yield errlock
        errlock.stop()
    finally:
        errlock.kill()


def _late(behind: float) -> list[str | Path]:
    if not behind:
        return [ERRLOCK]
    late = f"import runpy, time; now = time.time; time.time = lambda: now() - {behind}; "
    return [sys.executable, "-c", f"{late}runpy.run_path({str(ERRLOCK)!r}, run_name='__main__')"]


def _written(config: Mapping[str, Any], health: int, metrics: int, control: int) -> str:
    """A configuration with its operators' ports, as JSON, which is YAML."""
    service = {
        "storage": "memory",
        "shutdown_timeout": "10s",
        "health": {"endpoint": f"127.0.0.1:{health}"},
        # Debug: what must not be in the log must not be in the longest one.
        "telemetry": {
            "metrics": {"endpoint": f"127.0.0.1:{metrics}"},
            "logs": {"level": "debug"},
        },
        **config["service"],
        "control": {
            "endpoint": f"127.0.0.1:{control}",
            **config["service"].get("control", {}),
        },
    }
    # A small Bugsink answers 500 when many write at once: nobody wants to wait for it in a test.
    retry = {"retry_on_failure": {"initial_interval": "200ms", "max_interval": "2s"}}
    exporters = {id_: {**retry, **(each or {})} for id_, each in config["exporters"].items()}
    return json.dumps({**config, "exporters": exporters, "service": service}, indent=2)
