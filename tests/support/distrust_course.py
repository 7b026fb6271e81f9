"""A destination that is distrusted under load, and who got what from then on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_course import read_books
from live_bugsink import Bugsink, Project
from live_errlock import CONFIG, ERRLOCK, Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic
from metered_sink import MeteredSink, metered_sink

from errlock.delivery.trust.file import tighten_offline

_EVENT = re.compile(rb"event ([0-9a-f]{32})")
_ENOUGH = 12  # events, to say that something goes on
_DRAINED = 60.0

Word = Callable[[Path], None]  # says it, in the collector's folder


def by_command(folder: Path) -> None:
    """`errlock distrust`, as an operator says it."""
    subprocess.run(
        [ERRLOCK, "distrust", "sentry", "--why", "they were breached", "-c", CONFIG],
        cwd=folder, check=True, capture_output=True, timeout=60,
    )  # fmt: skip


def by_file(folder: Path) -> None:
    """What the command does when no collector answers it."""
    tighten_offline(folder / "data", ["sentry"], "distrusted", "alice", "they were breached")


@dataclass(frozen=True, slots=True)
class Swap:
    """What was measured, in seconds, and counted."""

    word: float  # until it was said: the command's own start is in it
    last_byte: float  # from the moment that it was said; negative: before
    first_stored: float  # by the standby, from the same moment
    bytes_before: int
    bytes_after: int  # later than the last byte was allowed to come
    acknowledged: int
    at_the_distrusted: int
    at_the_standby: int
    kept: int  # in the queue of the distrusted one


def distrust(folder: Path, bugsink: Bugsink, word: Word, grace: float) -> Swap:
    """Say it under load; then kill the collector, start it again, and reload it.

    No byte may come later than `grace` seconds after it was said. Raises AssertionError.
    """
    port = listening_port()
    project = bugsink.project("standby")
    with metered_sink() as sink, Traffic(port, threads=2, pause=0.03) as traffic:
        config = _configuration(port, sink, project)
        with running_errlock(config, folder) as errlock:
            _more(traffic)
            sink.wait_for_bytes()
            given = time.monotonic()
            word(folder)
            said = time.monotonic()
            first = _first_stored(bugsink, project) - said
            time.sleep(max(0.0, said + grace - time.monotonic()))
            before, acknowledged = len(sink.received), set(traffic.acknowledged)
            _more(traffic)
            errlock.send(signal.SIGKILL)
            errlock.ended(30)
        with running_errlock(config, folder) as errlock:
            _more(traffic)
            _reload(errlock, config)
            _more(traffic)
            traffic.__exit__()
            later = traffic.acknowledged - acknowledged
            stored = _stored(bugsink, project, folder, lambda stored: later <= stored)
            errlock.stop()
        assert len(sink.received) == before, "bytes came after the word"
        got = _numbers(sink.received)
        kept = read_books(folder / "data")["sentry", "event"].queued
        assert later <= stored, f"{len(later - stored)} are not at the standby"
        assert not got & later
        assert len(traffic.acknowledged - stored - got) <= kept
        return Swap(
            word=said - given,
            last_byte=max(when for when, _ in sink.arrivals) - said,
            first_stored=first,
            bytes_before=before,
            bytes_after=sink.bytes_after(said + grace),
            acknowledged=len(traffic.acknowledged),
            at_the_distrusted=len(got & traffic.acknowledged),
            at_the_standby=len(stored & traffic.acknowledged),
            kept=kept,
        )


def _configuration(port: int, sink: MeteredSink, project: Project) -> dict[str, Any]:
    """The distrusted one answers well, always: being healthy must not help it."""
    config = collector(
        sentry_at(port),
        {
            "sentry": {"dsn": f"http://key@127.0.0.1:{sink.port}/1", "compression": "none"},
            "sentry/standby": {
                "dsn": project.dsn, "backend": "bugsink", "standby_for": "sentry",
            },
        },
    )  # fmt: skip
    config["service"]["pipelines"]["errors"]["exporters"] = ["sentry"]
    config["service"] |= {"storage": "data", "watch_config": False}
    return config


def _reload(errlock: Errlock, config: dict[str, Any]) -> None:
    """Run another configuration, in which the distrusted exporter is a new one too."""
    config["exporters"]["sentry"]["timeout"] = "7s"
    errlock.write(config)
    errlock.send(signal.SIGHUP)
    errlock.wait_for_log(lambda log: "reloaded:" in log)


def _numbers(text: bytes) -> set[str]:
    return {found.decode() for found in _EVENT.findall(text)}


def _more(traffic: Traffic) -> None:
    sent = len(traffic.acknowledged)
    traffic.wait(lambda: len(traffic.acknowledged) > sent + _ENOUGH)


def _first_stored(bugsink: Bugsink, project: Project) -> float:
    bugsink.wait_for_events(project, 1)
    return time.monotonic()


def _stored(
    bugsink: Bugsink, project: Project, folder: Path, enough: Callable[[set[str]], bool]
) -> set[str]:
    """The ids of what the standby has, as soon as it is enough and nothing waits for it."""
    deadline = time.monotonic() + _DRAINED
    while True:
        waiting = read_books(folder / "data")["sentry/standby", "event"].queued
        events = json.dumps(bugsink.events(project)).encode()
        stored = _numbers(events)
        if (enough(stored) and not waiting) or time.monotonic() > deadline:
            return stored
        time.sleep(0.1)
