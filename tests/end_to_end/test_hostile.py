"""A real collector and what nobody should send it: right answers, nothing told, nothing spilled."""

import asyncio
import gzip
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from live_errlock import Errlock, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port

CANARY = b"Zq7canary"
MB = 1024 * 1024


class Doors:
    """A collector's ports."""

    def __init__(self) -> None:
        self.sentry, self.grpc, self.http = (listening_port() for _ in range(3))

    @property
    def receivers(self) -> dict[str, Any]:
        return {**sentry_at(self.sentry), **otlp_at(self.grpc, self.http)}


def say(port: int, data: bytes) -> bytes:
    """All that a port answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        with suppress(ConnectionResetError):  # behind its answer it may close with some unread
            connection.sendall(data)
            while piece := connection.recv(65536):
                answer += piece
    return answer


def post(port: int, path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST %s HTTP/1.1" % path, b"Host: x", b"Connection: close", *headers]
    lines.append(b"Content-Length: %d" % len(body))
    return say(port, b"\r\n".join(lines) + b"\r\n\r\n" + body)


def envelope(text: bytes) -> bytes:
    item = b'{"message":"%s"}' % text
    return b'{}\n{"type":"event","length":%d}\n%s\n' % (len(item), item)


def send(port: int, text: bytes = b"hello") -> None:
    assert post(port, b"/api/1/envelope/", envelope(text)).startswith(b"HTTP/1.1 200 ")


NOT_HTTP = {
    "TLS": b"\x16\x03\x01 " + CANARY + b"\r\n\r\n",
    "a method": CANARY.upper() + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path": b"POST /\xff" + CANARY + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long path": b"POST /" + CANARY * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host in the URL": b"POST http://[" + CANARY + b"/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header": b"POST / HTTP/1.1\r\nHost: x\r\n" + CANARY + b"\r\n\r\n",
    "a large header": b"POST / HTTP/1.1\r\nHost: x\r\nA: " + CANARY * 8000 + b"\r\n\r\n",
    "a length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + CANARY + b"\r\n\r\n",
    "an encoding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + CANARY + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + CANARY,
}


@pytest.fixture(scope="module")
def doors() -> Doors:
    return Doors()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def errlock(doors: Doors, folder: Path) -> Iterator[Errlock]:
    exporters = {"local": {"path": "store"}, "file": {"path": "out.jsonl"}}
    with running_errlock(collector(doors.receivers, exporters), folder) as running:
        yield running


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_is_refused_counted_and_not_repeated(
    name: str, errlock: Errlock, doors: Doors
) -> None:
    before = errlock.metric("errlock_receiver_requests_refused_total", reason="bad_http")
    for port in (doors.sentry, doors.http, *errlock.operators):
        answer = say(port, NOT_HTTP[name])
        assert answer.partition(b" ")[2].startswith(b"400 ")
        assert CANARY.lower() not in answer.lower()
    after = errlock.metric("errlock_receiver_requests_refused_total", reason="bad_http")
    assert after == before + 2
    assert CANARY.lower() not in b"".join(errlock.told()).lower()


def http2(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(content).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + content


def test_what_is_no_grpc_call_is_not_logged_by_others_than_errlock(
    errlock: Errlock, doors: Doors
) -> None:
    """gRPC's core would write to stderr itself, in no form that errlock's logs have."""
    path = b"/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    headers = {
        b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"localhost",
        b"content-type": b"application/grpc", b"te": b"trailers", b"grpc-timeout": CANARY,
    }  # fmt: skip
    packed = b"".join(
        b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
        for name, value in headers.items()
    )  # literals, RFC 7541, 6.2.2
    call = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2(4, 0, 0, b"") + http2(1, 5, 1, packed)
    with socket.create_connection(("127.0.0.1", doors.grpc), timeout=10) as connection:
        connection.sendall(call)
        answer = b""
        while b"grpc-timeout" not in answer:
            answer += (piece := connection.recv(65536))
            assert piece, answer
    assert CANARY not in answer
    assert "hpack" not in errlock.log


def test_operators_pages_answer_get_only_and_repeat_no_path(errlock: Errlock) -> None:
    for port in errlock.operators:
        answer = post(port, b"/" + CANARY, b"{}", b"Expect: " + CANARY)
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert CANARY not in answer
    assert post(errlock.operators[0], b"/", b"{}").startswith(b"HTTP/1.1 405 ")


def test_a_large_request_is_spilled_nowhere_while_it_arrives(
    errlock: Errlock, doors: Doors, folder: Path
) -> None:
    body = envelope(b"x" * 900_000) + b'{"type":"attachment"}\n' + CANARY * MB
    with socket.create_connection(("127.0.0.1", doors.sentry), timeout=10) as connection:
        head = b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body[:-1])
        assert CANARY not in b"".join(errlock.told())
        connection.sendall(body[-1:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert CANARY not in b"".join(errlock.told())
    assert {path.name for path in folder.iterdir()} == {
        "errlock.yaml", "errlock.log", "out.jsonl", "store",
    }  # fmt: skip


def test_a_bomb_of_a_gigabyte_is_refused(errlock: Errlock, doors: Doors) -> None:
    bomb = gzip.compress(bytes(MB)) * 1024  # members, as RFC 1952 allows
    answer = post(doors.sentry, b"/api/1/envelope/", bomb, b"Content-Encoding: gzip")
    assert answer.startswith(b"HTTP/1.1 413 ")
    send(doors.sentry)


def test_idle_connections_keep_nobody_out(errlock: Errlock, doors: Doors) -> None:
    idle = [socket.create_connection(("127.0.0.1", doors.sentry)) for _ in range(300)]
    for each in idle[:150]:
        each.sendall(b"POST / HTTP/1.1\r\nHost: ")
    send(doors.sentry)
    for each in idle:
        each.close()


async def test_every_request_that_was_answered_before_the_end_is_delivered(
    tmp_path: Path,
) -> None:
    doors, answered = Doors(), 0
    stop = threading.Event()

    def sender() -> None:
        nonlocal answered
        while not stop.is_set():
            try:
                send(doors.sentry)
            except (OSError, AssertionError):
                return
            answered += 1

    exporters = {"file": {"path": "out.jsonl"}}
    with running_errlock(collector(doors.receivers, exporters), tmp_path) as errlock:
        thread = threading.Thread(target=sender)  # one: a second would race for the count
        thread.start()
        while answered < 50:  # noqa: ASYNC110  counted by a thread
            await asyncio.sleep(0.01)
        await asyncio.to_thread(errlock.stop)
        stop.set()
        thread.join()
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(lines) >= answered >= 50
    assert all(json.loads(line)["items"] for line in lines)


def test_who_never_ends_a_request_does_not_hold_up_the_end(tmp_path: Path) -> None:
    doors = Doors()
    config = collector(doors.receivers, {"file": {"path": "out.jsonl"}})
    config["service"]["shutdown_timeout"] = "2s"
    with running_errlock(config, tmp_path) as errlock:
        dripping = socket.create_connection(("127.0.0.1", doors.sentry))
        dripping.sendall(b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        silent = [socket.create_connection(("127.0.0.1", doors.grpc)) for _ in range(3)]
        send(doors.sentry)
        begun = time.monotonic()
        errlock.stop()
        assert time.monotonic() - begun < 15  # it was 30, for the longest request that may be
        for each in (dripping, *silent):
            each.close()
    assert "requests that had begun did not end in time" in errlock.log
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("what", [signal.SIGINT, signal.SIGTERM])
def test_told_twice_it_ends_at_once(what: signal.Signals, tmp_path: Path) -> None:
    doors = Doors()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, never answers
        dsn = f"http://key@127.0.0.1:{silent.getsockname()[1]}/1"
        config = collector(doors.receivers, {"sentry": {"dsn": dsn}})
        config["service"]["shutdown_timeout"] = "60s"
        with running_errlock(config, tmp_path) as errlock:
            send(doors.sentry)
            errlock.send(what)
            errlock.wait_for_log(lambda log: "once more to stop at once" in log)
            while errlock.runs():
                errlock.send(what)
                time.sleep(0.2)
            assert errlock.ended(5) in (130, -signal.SIGTERM)


@pytest.mark.parametrize("what", [signal.SIGINT, signal.SIGTERM])
def test_what_is_said_several_times_in_a_moment_is_said_once(
    what: signal.Signals, tmp_path: Path
) -> None:
    doors = Doors()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"http://key@127.0.0.1:{silent.getsockname()[1]}/1"
        config = collector(doors.receivers, {"sentry": {"dsn": dsn}})
        config["service"]["shutdown_timeout"] = "3s"
        with running_errlock(config, tmp_path) as errlock:
            send(doors.sentry)
            # As `timeout` and others that tell the process, and then all of its group.
            deadline = time.monotonic() + 0.4
            while errlock.runs() and time.monotonic() < deadline:
                errlock.send(what)
                time.sleep(0.005)
            assert errlock.ended(20) == 0
        assert "errlock.collector: stopped" in errlock.log
