"""One envelope goes to three destinations; one that is dead delays and loses nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_bugsink import Bugsink
from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port
from live_senders import send_with_sentry_python


@pytest.fixture(params=["refusing", "silent"])
def dead_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port where connections are refused, or taken and never answered."""
    if request.param == "refusing":
        yield listening_port()
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_two_of_three_destinations_get_everything_while_one_is_dead(
    bugsink: Bugsink, dead_port: int, tmp_path: Path
) -> None:
    first, second, port = bugsink.project("first"), bugsink.project("second"), listening_port()
    # As "sentry", whether the transaction went would depend on what was answered before it:
    # every answer of Bugsink forbids transactions for a day.
    config = collector(
        sentry_at(port),
        {
            "sentry/first": {"dsn": first.dsn, "backend": "bugsink"},
            "sentry/dead": {"dsn": f"http://key@127.0.0.1:{dead_port}/1"},
            "sentry/second": {"dsn": second.dsn, "backend": "bugsink"},
        },
    )
    config["service"]["shutdown_timeout"] = "2s"
    with running_errlock(config, tmp_path) as errlock:
        send_with_sentry_python(f"http://key@127.0.0.1:{port}/1")
        for project in (first, second):
            bugsink.wait_for_events(project, 2)
        accepted = errlock.metric("errlock_receiver_accepted_total", receiver="sentry")
        for exporter in ("sentry/first", "sentry/second"):
            errlock.wait_for_metric("errlock_exporter_sent_total", 2, exporter=exporter)
            labels = {"exporter": exporter, "reason": "unsupported"}
            errlock.wait_for_metric("errlock_exporter_dropped_total", accepted - 2, **labels)
        # What the dead one has not got still waits for it.
        assert errlock.metric("errlock_exporter_sent_total", exporter="sentry/dead") == 0
        waiting = errlock.metric("errlock_exporter_queue_documents", exporter="sentry/dead")
        assert waiting == accepted > 2
        errlock.stop()
    ids = [sorted(event["event_id"] for event in bugsink.events(each)) for each in (first, second)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2
