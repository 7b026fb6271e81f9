"""A collector that is told to stop while a reload is still under way."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from live_errlock import collector, running_errlock, sentry_at
from live_operators import Controlled
from live_ports import listening_port
from metered_sink import MeteredSink, metered_sink

SENT = 4
SLACK = 6.0  # seconds that a busy machine may take for all that is no waiting


def configuration(port: int, backend: int, *, storage: str, seconds: int) -> dict[str, Any]:
    queue = {"num_consumers": 1}
    exporters = {
        "sentry": {
            "dsn": f"http://k@127.0.0.1:{backend}/1",
            "compression": "none",
            "sending_queue": queue,
        },
        "file": {"path": "out.jsonl"},
    }
    config = collector(sentry_at(port), exporters)
    config["service"] |= {
        "storage": storage,
        "shutdown_timeout": f"{seconds}s",
        "watch_config": False,
    }
    return config


def exchanged(config: dict[str, Any]) -> dict[str, Any]:
    """The same with another destination in the place of the one that sends."""
    exporter = {**config["exporters"]["sentry"], "timeout": "31s"}
    return {**config, "exporters": {**config["exporters"], "sentry": exporter}}


def told_to_reload(how: str, running: Controlled) -> subprocess.Popen[str] | None:
    """Told by a signal, or by a command, which is returned."""
    if how == "command":
        return running.begin("reload")
    running.errlock.send(signal.SIGHUP)
    return None


@contextmanager
def asked_to_reload(how: str, running: Controlled) -> Iterator[None]:
    """It is reloading, as far as draining, in this block."""
    command = told_to_reload(how, running)
    deadline = time.monotonic() + 60
    waiting = "errlock_exporter_queue_documents"
    while running.errlock.metric(waiting, exporter="sentry"):  # the new one has nothing yet
        assert time.monotonic() < deadline, "it does not reload"
        time.sleep(0.05)
    try:
        yield
    finally:
        if command is not None:
            command.communicate(timeout=60)


def stopped_while_it_drains(
    how: str, config: dict[str, Any], folder: Path, port: int, sink: MeteredSink
) -> tuple[list[int], float]:
    """The numbers of the events that it accepted, and how long it took to stop."""
    with running_errlock(config, folder) as errlock:
        running = Controlled(errlock, folder, port)
        numbers = [running.send() for _ in range(SENT)]
        sink.wait_for_bytes()
        errlock.write(exchanged(config))
        with asked_to_reload(how, running):
            began = time.monotonic()
            errlock.send(signal.SIGTERM)
            assert errlock.ended(60) == 0
            took = time.monotonic() - began
        assert "Traceback" not in errlock.log
        assert "never retrieved" not in errlock.log
    return numbers, took


@pytest.mark.parametrize(
    ("how", "storage"), [("hup", "memory"), ("hup", "data"), ("command", "data")]
)
def test_what_was_accepted_is_delivered_before_the_end_and_once(
    how: str, storage: str, tmp_path: Path
) -> None:
    with metered_sink("answers late") as sink:
        port = listening_port()
        config = configuration(port, sink.port, storage=storage, seconds=20)
        numbers, took = stopped_while_it_drains(how, config, tmp_path, port, sink)
        assert took < 20 + SLACK
        assert sorted(sink.numbers) == numbers
        if storage == "data":  # what was delivered is booked: nothing goes twice
            with running_errlock(config, tmp_path) as errlock:
                Controlled(errlock, tmp_path, port).wait_until_stored("out.jsonl", *numbers)
                errlock.wait_for_metric("errlock_exporter_queue_documents", 0)
            assert sorted(sink.numbers) == numbers


@pytest.mark.parametrize("how", ["hup", "command"])
def test_a_destination_that_hangs_ends_in_time_and_what_it_had_waits(
    how: str, tmp_path: Path
) -> None:
    with metered_sink("never answers") as sink:
        port = listening_port()
        config = configuration(port, sink.port, storage="data", seconds=4)
        numbers, took = stopped_while_it_drains(how, config, tmp_path, port, sink)
        assert took < 4 + SLACK
        sink.manner = "answers"
        with running_errlock(config, tmp_path) as errlock:
            errlock.wait_for_metric("errlock_exporter_sent_total", SENT, exporter="sentry")
    assert sorted(set(sink.numbers)) == numbers


@pytest.mark.parametrize("how", ["hup", "command"])
def test_a_reload_that_has_not_come_to_its_turn_is_not_made(how: str, tmp_path: Path) -> None:
    """A program of the new policy takes long: the stop does not wait for it, no door opens."""
    port = listening_port()
    config = configuration(port, 1, storage="data", seconds=4)
    del config["exporters"]["sentry"]
    config["service"]["pipelines"]["errors"]["exporters"] = ["file"]
    began = tmp_path / "began"
    with running_errlock(config, tmp_path) as errlock:
        running = Controlled(errlock, tmp_path, port)
        numbers = [running.send() for _ in range(SENT)]
        slow = ["sh", "-c", f"touch {began}; sleep 5; echo a-long-known-value"]
        errlock.write({**config, "processors": {"redact": {"known_values": {"command": slow}}}})
        (tmp_path / "errlock.yaml").chmod(0o600)
        command = told_to_reload(how, running)
        deadline = time.monotonic() + 60
        while not began.exists():
            assert time.monotonic() < deadline, errlock.log
            time.sleep(0.05)
        errlock.send(signal.SIGTERM)
        assert errlock.ended(60) == 0
        assert "never retrieved" not in errlock.log
        assert "reloaded:" not in errlock.log
        if command is not None:
            _, told = command.communicate(timeout=60)
            assert command.returncode == 1
            assert told == (
                "errlock reload: the old configuration goes on: the collector is stopping\n"
            )
        assert sorted(running.stored("out.jsonl")) == numbers
