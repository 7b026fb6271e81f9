"""Collectors as processes of their own, what they are sent, and what that takes of them."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from live_errlock import Errlock

_ENVELOPES = {"X-Sentry-Auth": "Sentry sentry_key=k, sentry_version=7"}
_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_SCHEDULED = 2  # CPUCLOCK_SCHED of the kernel: of all threads, those that ended among them


@dataclass(frozen=True, slots=True)
class Door:
    """Where a collector is sent requests of a kind."""

    port: int
    path: str = "/api/1/envelope/"
    headers: Mapping[str, str] = field(default_factory=lambda: _ENVELOPES)

    @classmethod
    def otlp(cls, port: int, signal: str) -> Door:
        """For OTLP over HTTP, as protobuf."""
        return cls(port, f"/v1/{signal}", _PROTOBUF)


def cpu_of(errlock: Errlock) -> float:
    """Seconds that its process has used, to the nanosecond (Linux: clock_getcpuclockid(3))."""
    return cpu_of_process(errlock.pid)


def cpu_of_process(pid: int) -> float:
    """The same of any process."""
    return time.clock_gettime(~pid << 3 | _SCHEDULED)


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured."""

    rate: float  # acknowledgements a second
    cpu: float  # seconds of the collector's process for each request


def round_of(errlock: Errlock, door: Door, bodies: Sequence[bytes], clients: int) -> Round:
    """Have all of them acknowledged."""
    start, cpu = time.perf_counter(), cpu_of(errlock)
    send_all(door, bodies, clients)
    seconds = time.perf_counter() - start
    return Round(len(bodies) / seconds, (cpu_of(errlock) - cpu) / len(bodies))


def send_all(door: Door, bodies: Sequence[bytes], clients: int) -> None:
    """Have all of them acknowledged: each client waits before it sends its next."""
    shares = [iter(bodies[at::clients]) for at in range(clients)]
    failures: list[int] = []
    threads = [threading.Thread(target=_send, args=[door, share, failures]) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def _send(door: Door, bodies: Iterator[bytes], failures: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=60)
    for body in bodies:
        connection.request("POST", door.path, body, dict(door.headers))
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(answer.status)
    connection.close()


def envelope(event: dict[str, Any]) -> bytes:
    """As an SDK posts it."""
    header = msgspec.json.encode({"event_id": event["event_id"]})
    return b"\n".join([header, b'{"type":"event"}', msgspec.json.encode(event), b""])
