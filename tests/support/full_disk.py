"""`full_disk.py FOLDER DISK`: a collector whose storage is on DISK, a small one that becomes full.

Exits 0 when everything was as it should be.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from crash_course import Course, Place, configuration, kill
from live_errlock import Errlock, running_errlock
from live_ports import listening_port
from numbered_senders import NumberedSenders
from scripted_backend import HEALTHY, scripted_backend

_DEADLINE = 60.0


def wait_for_refusals(errlock: Errlock) -> None:
    """Return when requests of both protocols were refused for want of room."""
    deadline = time.monotonic() + _DEADLINE
    for transport in ("http", "grpc"):
        labels = {"reason": "storage_full", "transport": transport}
        while not errlock.metric("errlock_receiver_requests_refused_total", **labels):
            assert time.monotonic() < deadline, errlock.metrics()
            time.sleep(0.1)


def main(folder: Path, disk: Path) -> None:
    """Fill it while the destination fails, kill the collector, and let the destination recover."""
    words = random.Random("words")
    text = " ".join(f"word{words.randrange(10**6)}" for _ in range(8_000))
    http, grpc = listening_port(), listening_port()
    with (
        scripted_backend("full") as backend,
        NumberedSenders(http, grpc, 1, 0.005, text) as senders,
    ):
        places = {
            "sentry": Place(backend, "/api/1", ("event", "session")),
            "otlp_http": Place(backend, "/v1", ("log_record", "otlp_span")),
        }
        config = configuration(places, http, grpc)
        config["service"]["storage"] = str(disk / "data")
        course = Course(places, senders, disk / "data")
        backend.manners = {"fail": 1}
        with running_errlock(config, folder) as errlock:
            senders.wait_for_more()
            wait_for_refusals(errlock)
            course.look()
            kill(errlock)
        course.look_after_a_kill()
        with running_errlock(config, folder) as errlock:
            wait_for_refusals(errlock)
            course.look()
            assert course.largest_queue > 20
            assert not any(backend.stored.values())
            backend.manners = HEALTHY
            senders.wait_for_more()
            senders.stop()
            course.wait_until_drained()
            errlock.stop()
        course.judge()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
