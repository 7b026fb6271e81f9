"""A collector that may open no more files."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from live_errlock import CONFIG, ERRLOCK, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from scripted_backend import scripted_backend
from waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")

_FEW = ("/bin/sh", "-c", f'ulimit -n 64; exec {ERRLOCK} "$@"', "errlock")
_MORE = ("/bin/sh", "-c", f'ulimit -n 256; exec {ERRLOCK} "$@"', "errlock")
# More than there are files.
_MANY = {"max_connections": 1000}


def test_however_many_connect_operators_and_exporters_have_their_files(tmp_path: Path) -> None:
    port, grpc, http_port = listening_port(), listening_port(), listening_port()
    with scripted_backend("enough files") as backend:
        dsn = f"http://key@127.0.0.1:{backend.port}/1"
        receivers = {**sentry_at(port), **otlp_at(grpc, http_port)}
        config = collector(receivers, {"sentry": {"dsn": dsn}})
        config["service"]["storage"] = "data"
        with running_errlock(config, tmp_path, command=_MORE) as errlock, ExitStack() as held:
            ports = (port, grpc, http_port, *errlock.operators, errlock.control)
            drip = b"POST /api/1/envelope/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\nx"
            for number in range(300):
                for each in ports:
                    silent = socket.create_connection(("127.0.0.1", each))
                    held.callback(silent.close)
                    silent.sendall(drip[: number % len(drip)])
            sender = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            send(sender, 1)
            sender.close()
            wait_for(lambda: backend.distinct("/api/1", "event") == {1}, 60)
            status = command(tmp_path, "status")
            assert re.search(r"sentry has \d\d connections over http, and may have 32\n", status)
            assert errlock.metric("errlock_receiver_connections", receiver="sentry") <= 32
            assert errlock.metric("errlock_receiver_connections_limit", transport="grpc") == 32
            assert errlock.metric("errlock_receiver_connections", transport="grpc") <= 32
            assert errlock.metric("errlock_receiver_connections_closed_total") > 500
            command(tmp_path, "distrust", "sentry")
            told = [line for line in errlock.log.splitlines() if "(max_connections: 32)" in line]
            assert len(told) == 2, "once a minute for each, however many connect"
            assert "out of file descriptors" not in errlock.log


def test_what_counts_is_the_hard_limit(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", f'ulimit -S -n 64; exec {ERRLOCK} "$@"', "errlock")
    config = collector(sentry_at(listening_port()), {"file": {"path": "out.jsonl"}})
    with running_errlock(config, tmp_path, command=command) as errlock:
        assert errlock.metric("errlock_receiver_connections_limit") > 64


def test_whoever_looks_at_health_keeps_nobody_else_from_it(tmp_path: Path) -> None:
    """Balancers look every few seconds, on connections that they keep."""
    config = collector(sentry_at(listening_port()), {"file": {"path": "out.jsonl"}})
    with running_errlock(config, tmp_path, command=_MORE) as errlock, ExitStack() as held:
        lookers: list[http.client.HTTPConnection] = []
        for _ in range(40):
            looker = http.client.HTTPConnection("127.0.0.1", errlock.operators[0], timeout=30)
            held.callback(looker.close)
            lookers.append(looker)
        for _ in range(3):
            for looker in lookers:
                looker.request("GET", "/ready")
                assert looker.getresponse().read()


def test_more_clients_than_connections_lose_nothing(tmp_path: Path) -> None:
    port = listening_port()
    config = collector(sentry_at(port), {"file": {"path": "out.jsonl"}})
    config["receivers"]["sentry"]["max_connections"] = 8
    # They keep their connections, and never send again.
    with running_errlock(config, tmp_path), Traffic(port, threads=20, pause=0.2) as traffic:
        traffic.wait(lambda: len(traffic.acknowledged) > 500)
    assert traffic.refused == []


def test_who_exports_over_grpc_finds_room_again(tmp_path: Path) -> None:
    grpc_port, http_port = listening_port(), listening_port()
    receivers = otlp_at(grpc_port, http_port)
    receivers["otlp"]["protocols"]["grpc"]["max_connections"] = 3
    config = collector(receivers, {"file": {"path": "out.jsonl"}})
    with running_errlock(config, tmp_path) as errlock, ExitStack() as held:
        for _ in range(20):
            silent = socket.create_connection(("127.0.0.1", grpc_port))
            held.callback(silent.close)
        exporter = OTLPLogExporter(f"http://127.0.0.1:{grpc_port}", insecure=True, timeout=60)
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        # The exporter tries again where it was refused; who says nothing is sent away meanwhile.
        provider.get_logger("test").emit(body="here")
        errlock.wait_for_metric("errlock_receiver_accepted_total", 1, transport="grpc")
        assert errlock.metric("errlock_receiver_connections", transport="grpc") == 1
        provider.shutdown()


def test_who_cannot_be_accepted_waits_and_costs_nothing(tmp_path: Path) -> None:
    port = listening_port()
    config = collector(sentry_at(port), {"file": {"path": "out.jsonl"}})
    config["service"]["storage"] = "data"
    config["receivers"]["sentry"] |= _MANY
    with running_errlock(config, tmp_path, command=_FEW) as errlock:
        ports = (*[port] * 8, *errlock.operators, errlock.control)
        silent = [socket.create_connection(("127.0.0.1", each)) for each in ports * 10]
        time.sleep(4)
        log = errlock.log
        for each in silent:
            each.close()
        with Traffic(port) as traffic:
            traffic.wait(lambda: len(traffic.acknowledged) > 10)
        assert not traffic.refused
    told = [line for line in log.splitlines() if ": out of file descriptors" in line]
    assert len(told) == 1, "once a minute, however many try"
    assert (
        "(ulimit -n, or LimitNOFILE, is 64): who connects waits until others have left" in told[0]
    )
    tries = log.count("still out of file descriptors")
    assert 0 < tries < 10 * len(ports), "about one a second at each socket"
    assert " asyncio: " not in log
    assert " errlock.reload: " not in log, "nobody changed anything"


def test_who_may_open_no_more_files_obeys_what_is_written_for_it(tmp_path: Path) -> None:
    port, journal = listening_port(), tmp_path / "data/journal"
    with scripted_backend("few files") as backend:
        dsn = f"http://key@127.0.0.1:{backend.port}/1"
        config = collector(sentry_at(port), {"sentry": {"dsn": dsn}})
        config["receivers"]["sentry"] |= _MANY
        config["service"]["storage"] = "data"
        with running_errlock(config, tmp_path, command=_FEW) as errlock:
            # Both keep their connections, to the collector and from it.
            sender = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            send(sender, 1)
            wait_for(lambda: backend.distinct("/api/1", "event") == {1}, 60)
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            errlock.wait_for_log(lambda log: ": out of file descriptors" in log)
            command(tmp_path, "distrust", "sentry")
            wait_for(lambda: b'"found"' in journal.read_bytes(), 60)
            assert "the trust file cannot be used" not in errlock.log
            for number in range(2, 10):
                send(sender, number)
            for each in silent:
                each.close()
            errlock.wait_for_metric("errlock_exporter_queue_documents", 8)
            assert backend.distinct("/api/1", "event") == {1}
            sender.close()


def command(folder: Path, *words: str) -> str:
    """What an operator says, which has to have an effect; with the answer."""
    words = (str(ERRLOCK), *words, "-c", CONFIG)
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=60, check=True, text=True)
    return done.stdout


def send(sender: http.client.HTTPConnection, number: int) -> None:
    event = f'{{"event_id":"{number:032x}"}}\n{{"type":"event"}}\n{{"message":"event {number}"}}'
    sender.request("POST", "/api/1/envelope/?sentry_key=any", event)
    with sender.getresponse() as answer:
        assert (answer.status, bool(answer.read())) == (200, True)
