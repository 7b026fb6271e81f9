"""A collector that may open no more files."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic
from scripted_backend import scripted_backend
from waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")

_FEW = ("/bin/sh", "-c", f'ulimit -n 64; exec {ERRLOCK} "$@"', "errlock")


def test_who_cannot_be_accepted_waits_and_costs_nothing(tmp_path: Path) -> None:
    port = listening_port()
    config = collector(sentry_at(port), {"file": {"path": "out.jsonl"}})
    config["service"]["storage"] = "data"
    with running_errlock(config, tmp_path, command=_FEW) as errlock:
        # The operators' endpoints are no better off.
        ports = (port, *errlock.operators, errlock.control)
        silent = [socket.create_connection(("127.0.0.1", each)) for each in ports * 20]
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
        config["service"]["storage"] = "data"
        with running_errlock(config, tmp_path, command=_FEW) as errlock:
            # Both keep their connections, to the collector and from it.
            sender = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            send(sender, 1)
            wait_for(lambda: backend.distinct("/api/1", "event") == {1}, 60)
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            errlock.wait_for_log(lambda log: ": out of file descriptors" in log)
            command = [str(ERRLOCK), "distrust", "sentry", "-c", CONFIG]
            subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=True)
            wait_for(lambda: b'"found"' in journal.read_bytes(), 60)
            assert "the trust file cannot be used" not in errlock.log
            for number in range(2, 10):
                send(sender, number)
            for each in silent:
                each.close()
            errlock.wait_for_metric("errlock_exporter_queue_documents", 8)
            assert backend.distinct("/api/1", "event") == {1}
            sender.close()


def send(sender: http.client.HTTPConnection, number: int) -> None:
    event = f'{{"event_id":"{number:032x}"}}\n{{"type":"event"}}\n{{"message":"event {number}"}}'
    sender.request("POST", "/api/1/envelope/?sentry_key=any", event)
    with sender.getresponse() as answer:
        assert (answer.status, bool(answer.read())) == (200, True)
