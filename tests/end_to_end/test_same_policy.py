"""One policy gives one result: embedded, through the collector, by the CLI and by the library."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from canaries import found_in
from http_sink import http_sink
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_senders import send_with_sentry_python
from wire import Wire

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import sentry_transport

MakeWire = Callable[[int], Wire]
Event = dict[str, Any]


def events(relay: Wire) -> list[Event]:
    """The events that went over the wire, by id: a queue sends several at the same time."""
    found = []
    for request in relay.requests:
        lines = request.body.split(b"\n")
        found += [
            json.loads(content)
            for header, content in pairwise(lines)
            if header.startswith(b"{") and json.loads(header).get("type") == "event"
        ]
    return sorted(found, key=lambda event: str(event["event_id"]))


@pytest.fixture(scope="module")
def raw() -> list[Event]:
    """Events of a real application, as its SDK makes them."""
    with http_sink() as port, Wire(port) as relay:
        send_with_sentry_python(f"http://key@127.0.0.1:{relay.port}/1")
        return events(relay)


POLICIES: dict[str, dict[str, Any]] = {
    "default": {"redact": {}},
    "strict": {"redact": {"profile": "strict"}},
    "chain": {"generalize": {"email": "domain", "routes": True}, "redact": {}},
}


@pytest.mark.parametrize("policy", POLICIES)
def test_the_four_ways_agree(raw: list[Event], policy: str, wire: MakeWire, tmp_path: Path) -> None:
    assert len(raw) == 2
    processors = POLICIES[policy]
    with http_sink() as port:
        collected, embedded = wire(port), wire(port)
        inbound = listening_port()
        config = collector(
            sentry_at(inbound), {"sentry": {"dsn": f"http://key@127.0.0.1:{collected.port}/1"}}
        )
        config["processors"] = processors
        config["service"]["pipelines"]["errors"]["processors"] = list(processors)
        with running_errlock(config, tmp_path) as errlock:
            resend(raw, f"http://key@127.0.0.1:{inbound}/1")
            errlock.stop()
        pipeline = Pipeline.from_file(tmp_path / "errlock.yaml")
        resend(raw, f"http://key@127.0.0.1:{embedded.port}/1", transport=sentry_transport(pipeline))
    library = [pipeline.scrub_event(event) for event in raw]
    assert events(embedded) == library
    assert events(collected) == library
    assert scrubbed(raw, tmp_path / "errlock.yaml") == library
    assert found_in([json.dumps(library).encode()]) == []


def resend(raw: list[Event], dsn: str, **options: Any) -> None:
    """Send events as they are, with the SDK's transport alone."""
    client = sentry_sdk.Client(dsn=dsn, default_integrations=False, **options)
    assert client.transport is not None
    for event in raw:
        envelope = sentry_sdk.envelope.Envelope(headers={"event_id": event["event_id"]})
        envelope.add_event(event)  # type: ignore[arg-type]  # a plain dict is what it is
        client.transport.capture_envelope(envelope)
    client.close(timeout=60)


def scrubbed(raw: list[Event], config: Path) -> list[Event]:
    """What `errlock scrub` makes of them."""
    done = subprocess.run(
        [ERRLOCK, "scrub", "--config", config],
        input="".join(json.dumps(event) + "\n" for event in raw),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]
