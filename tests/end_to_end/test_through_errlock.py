"""Real SDKs send through a real collector to a real backend; nothing of what they leak arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from canaries import found_in
from live_bugsink import Bugsink, Project
from live_errlock import Errlock, collector, otlp_at, running_errlock, sentry_at
from live_node import Node
from live_ports import listening_port
from live_senders import (
    send_with_opentelemetry,
    send_with_opentelemetry_node,
    send_with_sentry_node,
    send_with_sentry_python,
)
from wire import Wire

MakeWire = Callable[[int], Wire]


class Passage:
    """A collector in front of a project of Bugsink, with a recording relay between the two."""

    def __init__(self, bugsink: Bugsink, project: Project, relay: Wire, errlock: Errlock) -> None:
        self.bugsink = bugsink
        self.project = project
        self.relay = relay
        self.errlock = errlock

    def end(self, events: int) -> None:
        """Stop once so many have arrived; neither operators nor the backend were told a secret."""
        self.bugsink.wait_for_events(self.project, events)
        assert found_in(self.errlock.told()) == []
        self.errlock.stop()
        assert found_in(self.relay.views()) == []

    def issue_of(self, type_: str) -> dict[str, Any]:
        """The one stored event whose exception is of this type."""
        found = [
            event
            for event in self.bugsink.events(self.project)
            if event.get("exception", {}).get("values", [{}])[-1].get("type") == type_
        ]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def inbound() -> dict[str, int]:
    return {"sentry": listening_port(), "grpc": listening_port(), "http": listening_port()}


@pytest.fixture
def passage(
    bugsink: Bugsink, wire: MakeWire, inbound: dict[str, int], tmp_path: Path
) -> Iterator[Passage]:
    project, relay = bugsink.project("through errlock"), wire(bugsink.port)
    config = collector(
        sentry_at(inbound["sentry"]) | otlp_at(inbound["grpc"], inbound["http"]),
        {"sentry": {"dsn": project.dsn_through(relay.port)}},
    )
    with running_errlock(config, tmp_path) as errlock:
        yield Passage(bugsink, project, relay, errlock)


def frames_of(event: dict[str, Any]) -> list[str]:
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    return [frame["function"] for frame in frames]


def test_sentry_python(passage: Passage, inbound: dict[str, int]) -> None:
    send_with_sentry_python(f"http://key@127.0.0.1:{inbound['sentry']}/1")
    passage.end(2)
    event = passage.issue_of("ConnectionError")
    assert frames_of(event) == ["main", "charge"]
    assert (event["release"], event["environment"]) == ("shop@4.2.0", "production")
    assert found_in([passage.errlock.log.encode()]) == []


def test_sentry_node(passage: Passage, inbound: dict[str, int], node: Node) -> None:
    send_with_sentry_node(node, f"http://key@127.0.0.1:{inbound['sentry']}/1")
    passage.end(2)
    event = passage.issue_of("TypeError")
    assert frames_of(event)[-1] == "charge"
    assert (event["release"], event["environment"]) == ("shop@4.2.0", "production")
    assert found_in([passage.errlock.log.encode()]) == []


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_opentelemetry_becomes_one_error_issue(
    passage: Passage, inbound: dict[str, int], protocol: str
) -> None:
    send_with_opentelemetry(protocol, f"http://127.0.0.1:{inbound[protocol]}")
    passage.end(1)
    # The span event and the log record told of the same exception.
    event = passage.issue_of("ConnectionError")
    assert frames_of(event) == ["main", "charge"]
    assert (event["release"], event["environment"]) == ("shop@4.2.0", "production")
    assert len(event["contexts"]["trace"]["trace_id"]) == 32
    assert found_in([passage.errlock.log.encode()]) == []


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/json"])
def test_opentelemetry_of_node_becomes_one_error_issue(
    passage: Passage, inbound: dict[str, int], node: Node, protocol: str
) -> None:
    port = inbound[protocol.partition("/")[0]]
    send_with_opentelemetry_node(node, protocol, f"http://127.0.0.1:{port}")
    passage.end(1)
    event = passage.issue_of("TypeError")
    assert frames_of(event)[-1] == "charge"
    assert event["platform"] == "node"
    assert event["release"] == "shop@4.2.0"


@pytest.mark.parametrize("exporter", ["otlp", "otlp_http"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_opentelemetry_passes_through_two_collectors(
    passage: Passage,
    inbound: dict[str, int],
    wire: MakeWire,
    tmp_path: Path,
    protocol: str,
    exporter: str,
) -> None:
    grpc, http = listening_port(), listening_port()
    relay = wire(inbound["grpc" if exporter == "otlp" else "http"])
    endpoint = f"http://127.0.0.1:{relay.port}"
    first = collector(otlp_at(grpc, http), {exporter: {"endpoint": endpoint}})
    with running_errlock(first, tmp_path / "first") as errlock:
        send_with_opentelemetry(
            protocol, f"http://127.0.0.1:{ {'grpc': grpc, 'http': http}[protocol] }"
        )
        passage.bugsink.wait_for_events(passage.project, 1)
        errlock.stop()
    passage.errlock.stop()
    assert relay.contains(b"shop")  # the resource is readable there
    assert found_in(relay.views()) == []
    assert found_in(passage.relay.views()) == []
    assert frames_of(passage.issue_of("ConnectionError")) == ["main", "charge"]
