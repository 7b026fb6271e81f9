"""errlock in a web application whose server forks after the SDK was set up."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from canaries import CANARIES, found_in
from live_bugsink import Bugsink
from live_gunicorn import running_gunicorn
from wire import Wire

MakeWire = Callable[[int], Wire]
FAILURES = 20


def fail(port: int, number: int) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/fail/{number}?email={CANARIES['email']}",
        headers={"Cookie": f"sessionid={CANARIES['session_cookie']}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_every_failure_of_a_preloaded_application_arrives_once_and_clean(
    bugsink: Bugsink, wire: MakeWire, worker: str, tmp_path: Path
) -> None:
    project, relay = bugsink.project(f"gunicorn {worker}"), wire(bugsink.port)
    arguments = ["--preload", "--workers", "2", "--worker-class", worker]
    environment = {"SENTRY_DSN": project.dsn_through(relay.port)}
    with (
        running_gunicorn(
            "wsgi_application:application", arguments, environment, tmp_path / "log"
        ) as port,
        ThreadPoolExecutor(4) as clients,
    ):
        statuses = list(clients.map(lambda number: fail(port, number), range(FAILURES)))
        assert statuses == [500] * FAILURES
        # The server drops its workers without asking them to finish.
        events = bugsink.wait_for_events(project, FAILURES + 1)
    values = [event["exception"]["values"][-1]["value"] for event in events if "exception" in event]
    assert len(values) == len(set(values)) == FAILURES
    assert found_in(relay.views()) == []
