"""What a night of an incident looks like, and how long each step takes: docs/incident.md shows it.

Two real Bugsinks, the vendor's and the standby, and a real sentry-sdk that raises ten errors a
second all the while. The commands are run as an operator runs them, and what they print is shown.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import Any

import sentry_sdk
from live_bugsink import Bugsink, running_bugsink
from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port

from benchmarks.options import parse, progress
from benchmarks.report import machine, show

_PAUSE = 0.1  # seconds from one error to the next
_WAIT = 5.0  # seconds between steps
_STEPS = (
    ("hold", "sentry", "--why", "is it true what they say?"),
    ("incident", "run", "sentry-breach", "--why", "mail of the vendor"),
    ("replay", "sentry", "sentry/standby", "--policy", "strict", "--move", "--why", "they are out"),
    ("status",),
)
_AFTERWARDS = (
    ("trust", "sentry", "--yes", "--why", "keys rotated, report read"),
    ("swap", "sentry/standby", "sentry", "--why", "back to normal"),
    ("incident", "relax", "--why", "it is over"),
)


def main() -> None:
    """Run it; ends with 1 when a command does, or when the vendor got anything afterwards."""
    options = parse(__doc__)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_bugsink(Path(folder) / "vendor") as vendor,
        running_bugsink(Path(folder) / "standby") as standby,
    ):
        night(Path(folder) / "run", vendor, standby, 1.0 if options.quick else _WAIT)


def night(folder: Path, vendor: Bugsink, standby: Bugsink, wait: float) -> None:
    """Go through the steps and show them."""
    theirs, ours, port = vendor.project("vendor"), standby.project("standby"), listening_port()
    rows = []
    with running_errlock(_config(port, theirs.dsn, ours.dsn), folder), _errors(port):
        shut = 0
        for step in _STEPS:
            time.sleep(wait)
            rows.append(_run(step, folder))
            if step[0] == "incident":
                shut = len(vendor.events(theirs))
        after = len(vendor.events(theirs))
        rows += [_run(step, folder) for step in _AFTERWARDS]
    note = f"The vendor had {shut} events when the plan was done and {after} in the end."
    show("a night, step by step", rows, machine("sentry-sdk"), [note])
    assert after == shut


def _run(step: Sequence[str], folder: Path) -> dict[str, object]:
    """Run a command, show what it prints; how long it took."""
    began = time.monotonic()
    done = subprocess.run(
        [ERRLOCK, *step, "-c", CONFIG], cwd=folder, check=True, capture_output=True, text=True
    )
    progress(f"$ errlock {join(step)}\n{done.stdout}{done.stderr}")
    return {"command": join(step[:2]), "seconds": time.monotonic() - began}


def _config(port: int, vendor: str, standby: str) -> dict[str, Any]:
    exporters = {
        "sentry": {"dsn": vendor, "backend": "bugsink", "operator": "vendor.example"},
        "sentry/standby": {"dsn": standby, "backend": "bugsink", "standby_for": "sentry"},
    }
    config = collector(sentry_at(port), exporters)
    config["service"]["storage"] = "errlock-data"
    config["service"]["pipelines"]["errors"]["exporters"] = ["sentry"]
    plan = {"distrust": ["sentry"], "activate": ["sentry/standby"], "tighten": "strict"}
    return {**config, "incident": {"plans": {"sentry-breach": plan}}}


@contextmanager
def _errors(port: int) -> Iterator[None]:
    """An application in trouble."""
    client = sentry_sdk.Client(f"http://key@127.0.0.1:{port}/1", default_integrations=False)
    sentry_sdk.get_global_scope().set_client(client)
    over = threading.Event()

    def fail() -> None:
        number = 0
        while not over.wait(_PAUSE):
            number += 1
            try:
                raise RuntimeError(f"order {number} failed, password=hunter2")
            except RuntimeError as error:
                sentry_sdk.capture_exception(error)

    thread = threading.Thread(target=fail, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        client.close(timeout=20)


if __name__ == "__main__":
    main()
