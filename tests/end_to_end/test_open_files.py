"""A collector that may open no more files."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

import pytest
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic

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
