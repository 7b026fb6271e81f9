"""The tests of the tests: without errlock every canary arrives, and the wire shows it.

Otherwise "no canary was on the wire" would be true of a sender that sends none.
"""

from __future__ import annotations

from collections.abc import Callable

from canaries import CANARIES, found_in
from http_sink import http_sink
from live_bugsink import Bugsink
from live_node import Node
from live_senders import (
    send_with_opentelemetry_node,
    send_with_sentry_node,
    send_with_sentry_python,
)
from wire import Wire

MakeWire = Callable[[int], Wire]


def test_sentry_python_alone_leaks_every_canary(bugsink: Bugsink, wire: MakeWire) -> None:
    project, relay = bugsink.project("python alone"), wire(bugsink.port)
    send_with_sentry_python(project.dsn_through(relay.port))
    assert found_in(relay.views()) == list(CANARIES)
    assert sorted(issue.type for issue in bugsink.issues(project)) == [
        "ConnectionError",
        "Log Message",
    ]


def test_sentry_node_alone_leaks_every_canary(bugsink: Bugsink, wire: MakeWire, node: Node) -> None:
    project, relay = bugsink.project("node alone"), wire(bugsink.port)
    send_with_sentry_node(node, project.dsn_through(relay.port))
    assert found_in(relay.views()) == list(CANARIES)
    assert {issue.type for issue in bugsink.issues(project)} >= {"TypeError"}
    assert len(bugsink.events(project)) == 2


def test_opentelemetry_of_node_alone_leaks_every_canary(wire: MakeWire, node: Node) -> None:
    with http_sink() as port:
        relay = wire(port)
        send_with_opentelemetry_node(node, "http/json", f"http://127.0.0.1:{relay.port}")
    assert found_in(relay.views()) == list(CANARIES)
