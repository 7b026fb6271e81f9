"""Before a request is acknowledged, what it sent is on the disk: as the system calls show.

A process that is killed proves nothing about its disk: the system still writes what it was given.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numbered_projects
import waiting
from live_errlock import collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from power_cut import STRACE_SOCKETS, Disk, Talk, replay

ERRLOCK = Path(__file__).parents[1] / "support" / "traceable_errlock.py"
CLIENTS, REQUESTS = 4, 5  # of each protocol; of each client
wait_for = partial(waiting.wait_for, seconds=30.0)

ASKED = re.compile(rb"/api/(\d+)/envelope/|service (\d+)")
GRPC_HEADERS = 1  # the type of a frame: of HTTP/2, RFC 9113


def traced(folder: Path, synchronous: str) -> Path:
    """The trace of a collector that clients sent to at the same time, and that was killed then."""
    http, grpc, nobody = listening_port(), listening_port(), listening_port()
    exporters = {"sentry": {"dsn": f"http://key@127.0.0.1:{nobody}/1"}}
    config = collector({**sentry_at(http), **otlp_at(grpc, listening_port())}, exporters)
    config["service"] |= {"storage": str(folder / "data"), "storage_reserve": "1MiB"}
    trace = folder / "trace"
    command: list[str | Path] = [*STRACE_SOCKETS, "-o", trace]
    command += [sys.executable, ERRLOCK, synchronous]
    with running_errlock(config, folder / "run", command=command) as errlock:
        numbered_projects.send(http, grpc, clients=CLIENTS, requests=REQUESTS)
        errlock.send(signal.SIGKILL)
        errlock.ended(10.0)
        ended = f"{errlock.pid} +++ killed by SIGKILL +++"
        wait_for(lambda: ended in re.sub(" +", " ", trace.read_text()[-1000:]))
    return trace


def acknowledgements(trace: Path, disk: Disk) -> Iterator[int]:
    """The project of each request, when the first byte of its acknowledgement is on its way.

    Each connection waits for an answer before it asks again.
    """
    asked: dict[str, int] = {}  # by connection
    for talk in replay(trace, disk):
        if talk.received:
            if found := ASKED.search(talk.data):
                asked[talk.where] = int(found[1] or found[2])
        elif talk.where in asked and is_answer(talk):
            yield asked.pop(talk.where)


def is_answer(talk: Talk) -> bool:
    if talk.data.startswith(b"HTTP/1.1 200"):
        return True
    at, data = 0, talk.data
    while at + 9 <= len(data):
        if data[at + 3] == GRPC_HEADERS:
            return True
        at += 9 + int.from_bytes(data[at : at + 3])
    return False


def stored(disk: Disk, folder: Path) -> set[int]:
    """The projects whose requests a queue holds after a power cut."""
    disk.save(folder)
    with closing(sqlite3.connect(folder / "queue.db")) as queue:
        rows = queue.execute("SELECT project FROM payloads JOIN deliveries ON payload = id")
        return {int(project.removeprefix("service ")) for (project,) in rows}


def test_everything_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    trace, disk = traced(tmp_path, "full"), Disk({})
    acknowledged = 0
    there: set[int] = set()
    most, syncs = 0, -1
    for project in acknowledgements(trace, disk):
        if disk.syncs > syncs:
            syncs, before = disk.syncs, there
            there = stored(disk, tmp_path / f"cut {syncs}")
            most = max(most, len(there - before))
        assert project in there
        acknowledged += 1
    assert acknowledged == 2 * CLIENTS * REQUESTS
    assert most > 1, "commits were for one request each"


def test_the_same_look_sees_a_commit_that_is_not_on_the_disk(tmp_path: Path) -> None:
    trace, disk = traced(tmp_path, "normal"), Disk({})
    assert any(
        project not in stored(disk, tmp_path / f"cut {number}")
        for number, project in enumerate(acknowledgements(trace, disk))
    )
