"""A collector under a service manager: what it tells."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from live_errlock import Errlock, collector, running_errlock, sentry_at, started_errlock
from live_ports import listening_port


@contextmanager
def manager(name: str) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A socket that is told, as systemd has one, and the environment that names it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listens:
        listens.bind(name.replace("@", "\0", 1))
        listens.settimeout(60)
        yield listens, {"NOTIFY_SOCKET": name}


def config(**service: Any) -> dict[str, Any]:
    found = collector(sentry_at(listening_port()), {"file": {"path": "out.jsonl"}})
    found["service"] |= service
    return found


def is_healthy(errlock: Errlock) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{errlock.operators[0]}/", timeout=60) as answer:
        return bool(answer.status == 200)


def test_it_tells_when_it_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    with (
        manager(str(tmp_path / "notify")) as (told, environment),
        started_errlock(config(), tmp_path / "it", environment=environment) as errlock,
    ):
        assert told.recv(100) == b"READY=1"
        assert is_healthy(errlock)
        errlock.send(signal.SIGTERM)
        assert told.recv(100) == b"STOPPING=1"
        assert errlock.ended(60) == 0


def test_one_that_cannot_start_is_never_ready(tmp_path: Path) -> None:
    with (
        manager(str(tmp_path / "notify")) as (told, environment),
        socket.socket() as taken,
    ):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        broken = config()
        broken["receivers"] = sentry_at(taken.getsockname()[1])
        with started_errlock(broken, tmp_path / "it", environment=environment) as errlock:
            assert errlock.ended(60) == 2
        assert told.recv(100) == b"STOPPING=1"


def test_it_lives_as_long_as_it_answers(tmp_path: Path) -> None:
    """The name is an abstract one: `@` stands for the byte 0."""
    with manager(f"@errlock-{os.getpid()}-{time.monotonic_ns()}") as (told, environment):
        environment["WATCHDOG_USEC"] = "300000"
        # Read from the start on: the system keeps ten that nobody reads, and drops the next ones.
        with started_errlock(config(), tmp_path, environment=environment) as errlock:
            wait_for(told, b"READY=1")
            assert [told.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            errlock.send(signal.SIGSTOP)
            time.sleep(0.3)
            drain(told)
            told.settimeout(1)
            with pytest.raises(TimeoutError):
                told.recv(100)
            errlock.send(signal.SIGCONT)
            told.settimeout(60)
            assert told.recv(100) == b"WATCHDOG=1"


def test_a_manager_that_is_busy_is_told_when_it_is_ready_all_the_same(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as (told, environment):
        fill(told)
        with running_errlock(config(), tmp_path / "it", environment=environment) as errlock:
            errlock.wait_for_log(lambda log: "running" in log)
            wait_for(told, b"READY=1")
            fill(told)
            errlock.send(signal.SIGTERM)
            assert errlock.ended(60) == 0
        assert "was not told STOPPING=1: its queue is full" in errlock.log
        assert "READY" not in errlock.log


def test_what_is_wanted_of_another_process_is_not_told(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as (told, environment):
        environment |= {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        with running_errlock(config(), tmp_path / "it", environment=environment):
            assert told.recv(100) == b"READY=1"
        assert told.recv(100) == b"STOPPING=1"


def test_a_manager_that_is_gone_keeps_nobody_from_running(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    with running_errlock(config(), tmp_path / "it", environment=environment) as errlock:
        assert is_healthy(errlock)
        assert "the service manager was not told READY=1: No such file" in errlock.log


def test_of_an_address_that_no_socket_can_have_it_is_said_what_failed(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": "/" + "n" * 200}
    with running_errlock(config(), tmp_path / "it", environment=environment) as errlock:
        errlock.wait_for_log(lambda log: "was not told READY=1: OSError" in log)
        assert is_healthy(errlock)


def wait_for(told: socket.socket, wanted: bytes) -> None:
    while told.recv(100) != wanted:
        pass


def fill(told: socket.socket) -> None:
    """Until nothing more can be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others, suppress(BlockingIOError):
        others.setblocking(False)
        while True:
            others.sendto(b"WATCHDOG=1", told.getsockname())


def drain(told: socket.socket) -> None:
    told.setblocking(False)
    try:
        while True:
            told.recv(100)
    except BlockingIOError:
        pass
    told.setblocking(True)


def test_its_log_is_entries_only(tmp_path: Path) -> None:
    logs = {"telemetry": {"logs": {"encoding": "json"}}}
    with running_errlock(config(**logs), tmp_path) as errlock:
        errlock.wait_for_log(lambda log: '"msg": "running"' in log)
    assert [json.loads(line)["level"] for line in errlock.log.splitlines()]
